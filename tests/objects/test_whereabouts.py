"""Where a sentence fits, frame by frame, as pictures, as JSON and as COCO."""

import json
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from clipseek.frames import FrameBatch
from clipseek.model import Model
from clipseek.objects.coco import coco_of
from clipseek.objects.whereabouts import Whereabouts, painted, whereabouts
from clipseek.testing.embedder import ToyEmbedder
from clipseek.timed import Span
from clipseek.tracked import Track
from clipseek.types import Relevance
from clipseek.video.writing import write_pictures

TOY = ToyEmbedder()
MODEL = Model(
    "toy", TOY, 10.0, 0.9, Relevance(1, 0, fitted=False), TOY.embed_texts(["green", "nothing"])
)
(RED,) = TOY.embed_texts(["red"])


def _batch() -> FrameBatch:
    """Return two frames: red at the top left of black, and green."""
    pixels = np.zeros((2, 64, 128, 3), np.uint8)
    pixels[0, :32, :32] = (255, 0, 0)
    pixels[1, :, :] = (0, 255, 0)
    return FrameBatch(pixels, np.array([0.0, 1.0]), np.array([True, True]))


def _found(*tracks: Track, least: float = 0.5) -> list[Whereabouts]:
    return list(whereabouts([_batch()], MODEL, RED, MODEL.scoring, tracks, least=least))


def test_heat_points_at_what_is_asked_for() -> None:
    """Red is the top left eighth; a frame that fits has a box around it, and another one none."""
    first, second = _found(least=0.2)
    assert first.heat is not None
    assert first.box == first.heat.box == (0, 0, 0.25, 0.5)
    assert first.fit == first.relevance > second.relevance
    assert second.box is None


def test_a_frame_that_does_not_fit_has_no_box() -> None:
    """Heat says nothing about how well the best part fits."""
    first, _ = _found(least=0.999)
    assert first.heat is not None
    assert first.box is None


def _track(vector: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Track:
    boxes = np.array([[0.5, 0.25, 0.75, 0.5]], np.float32)
    return Track("ball", 0.9, Span(1, 2), np.array([1.0]), boxes, 0, vector, bias=0.0)


def test_an_object_that_fits_is_the_box() -> None:
    """In its frames, whatever the whole of the frame shows; one that does not fit is not."""
    first, second = _found(_track(RED), _track(-RED))
    assert first.objects == ()
    assert second.box == (0.5, 0.25, 0.75, 0.5)
    assert len(second.objects) == 1
    assert second.fit > 0.99


def test_heat_is_painted_red_and_boxes_yellow() -> None:
    """What is cold stays as it is; at the left is the frame itself."""
    black = np.zeros((64, 128, 3), np.uint8)
    first = replace(_found(least=0.2)[0], pixels=black)
    shown = painted(first, beside=False)
    assert shown[10, 10].tolist() == [153, 24, 0]
    assert shown[0, 0].tolist() == [255, 220, 0]
    assert shown[60, 100].tolist() == [0, 0, 0]
    both = painted(first, beside=True)
    assert both.shape == (64, 256, 3)
    assert not both[:, :128].any()
    assert (both[:, 128:] == shown).all()


def test_frames_are_plain_json() -> None:
    """With what is known of each."""
    said = json.loads(json.dumps([one.plain() for one in _found(_track(RED), least=0.2)]))
    assert [one["time"] for one in said] == [0, 1]
    assert said[0]["box"] == {"left": 0, "top": 0, "right": 0.25, "bottom": 0.5}
    assert said[0]["heat"][0][0] == 1
    assert said[1]["objects"][0]["left"] == 0.5


def test_coco_has_pixels_of_the_video() -> None:
    """One image for each frame, and a box of left, top, width and height in it."""
    made = coco_of(_found(_track(RED), least=0.2), name="red", title="a", size=(1280, 640))
    assert [image["id"] for image in made["images"]] == [1, 2]
    assert {(image["width"], image["height"]) for image in made["images"]} == {(1280, 640)}
    first, second = made["annotations"]
    assert (first["image_id"], first["bbox"], first["area"]) == (1, [0, 0, 320, 320], 102400)
    assert (second["image_id"], second["bbox"]) == (2, [640, 160, 320, 160])
    assert made["categories"] == [{"id": 1, "name": "red"}]


def test_pictures_keep_their_times(tmp_path: Path) -> None:
    """Read back, they are shown from those seconds on; an odd row is left out."""
    path = tmp_path / "out"
    pictures = [(time, np.full((33, 64, 3), 200, np.uint8)) for time in (0.0, 1.0, 1.24, 3.0)]
    assert write_pictures(path, iter(pictures), fps=1.0) == 4
    with av.open(str(path)) as written:
        frames = list(written.decode(video=0))
    assert [frame.time for frame in frames] == pytest.approx([0, 1, 1.24, 3], abs=2e-3)
    assert (frames[0].width, frames[0].height) == (64, 32)
