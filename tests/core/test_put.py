"""What a catalog is given of a video is checked when it is made."""

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from clipseek.types import PICTURE, FieldSegments, FrameVectors, Put, Segments, Video

VIDEO = Video("a", "/a.mp4", "a", 4.0, 64, 48, 1)
SPANS = np.array([[0.0, 2.0], [2.0, 4.0]])
VECTORS = np.eye(2, 3, dtype=np.float32)
TIMES = np.arange(4.0)
PICTURES = FieldSegments(SPANS, VECTORS, TIMES[[1, 2]], np.zeros(2, np.float32), ("1.jpg", "2.jpg"))
PICTURES = replace(PICTURES, shots=np.array([True, False]))
FRAMES = FrameVectors(TIMES, np.ones((4, 3), np.float32))


@pytest.mark.parametrize("name", ["vectors", "best_times", "biases", "thumbnails", "shots"])
def test_segments_have_a_row_of_each(name: str) -> None:
    """What is missing for one segment would be taken from the next."""
    with pytest.raises(ValueError, match="2 segments"):
        replace(PICTURES, **{name: getattr(PICTURES, name)[1:]})


@pytest.mark.parametrize("name", ["spans", "best_times", "biases"])
def test_numbers_of_segments_are_finite(name: str) -> None:
    """No order and no relevance is made of NaN."""
    with pytest.raises(ValueError, match="must be finite"):
        replace(PICTURES, **{name: np.full_like(getattr(PICTURES, name), np.nan)})


def test_spans_have_two_ends() -> None:
    """A list of starts is not a list of spans."""
    with pytest.raises(ValueError, match=r"spans \(2, 1\)"):
        replace(PICTURES, spans=SPANS[:, :1])


@pytest.mark.parametrize("bad", [-1, 4], ids=["before", "past"])
def test_the_best_frame_is_one_of_the_video(bad: int) -> None:
    """A negative index would name a frame from the end."""
    segments = Segments(SPANS, VECTORS, np.array([0, bad]), np.array([True, False]))
    with pytest.raises(ValueError, match="must point into 4 frames"):
        FieldSegments.of(segments, TIMES, biases=PICTURES.biases, thumbnails=("1.jpg", "2.jpg"))


def test_segments_take_the_time_of_their_best_frame() -> None:
    """From then on the frames are not needed."""
    segments = Segments(SPANS, VECTORS, np.array([1, 3]), np.array([True, False]))
    made = FieldSegments.of(segments, TIMES, biases=PICTURES.biases, thumbnails=("1.jpg", "2.jpg"))
    assert made.best_times.tolist() == [1.0, 3.0]
    assert made.shots is segments.shots


@pytest.mark.parametrize(
    "wrong",
    [{"times": TIMES[1:]}, {"vectors": FRAMES.vectors[1:]}, {"vectors": TIMES.astype(np.float32)}],
    ids=["times", "vectors", "no matrix"],
)
def test_frames_have_a_time_and_a_vector(wrong: dict[str, Any]) -> None:
    """Each row is of one frame."""
    with pytest.raises(ValueError, match="frame times"):
        replace(FRAMES, **wrong)


def test_times_of_frames_are_finite() -> None:
    """A frame at no time cannot be looked up."""
    with pytest.raises(ValueError, match="frame times must be finite"):
        replace(FRAMES, times=np.array([0.0, np.inf, 1.0, 2.0]))


def test_a_field_is_a_known_one() -> None:
    """A slip would store segments that no search asks for."""
    with pytest.raises(ValueError, match=r"fields must be of \('picture',\), got \['sound'\]"):
        Put(VIDEO, {"sound": PICTURES})  # type: ignore[dict-item]  # what is tested


def test_a_duration_is_finite() -> None:
    """The sum of a library's seconds is a number."""
    with pytest.raises(ValueError, match="duration must be finite, got nan"):
        Put(replace(VIDEO, duration=float("nan")), {PICTURE: PICTURES})


def test_a_put_goes_to_another_process() -> None:
    """It arrives with all that it holds."""
    got = pickle.loads(pickle.dumps(Put(VIDEO, {PICTURE: PICTURES}, frames=FRAMES)))  # noqa: S301
    assert got.video == VIDEO
    assert got.frames is not None
    np.testing.assert_array_equal(got.frames.times, TIMES)
    np.testing.assert_array_equal(got.fields[PICTURE].vectors, VECTORS)
