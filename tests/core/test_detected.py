"""What a detector of the user's finds is blurred as faces are, and what it does not see stays."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.config import Settings
from clipseek.errors import ConfigError, UnreadableVideo
from clipseek.live import blurring
from clipseek.live.blurring import Blurred
from clipseek.live.playing import Tail
from clipseek.redaction.chosen import Chosen
from clipseek.redaction.detected import SHARED, Detected
from clipseek.redaction.faults import RedactionUnavailable
from clipseek.redaction.opening import kinds_of, open_redactor
from clipseek.redaction.regions import WIDER, distinct
from clipseek.redaction.setting import chosen_of
from clipseek.video.excerpting import Recipe
from tests.chaos.program import wait_until
from tests.core.test_excerpting import started
from tests.core.test_live_playing import OPTIONS, stored
from tests.faces import drawn, frames
from tests.plates import BESIDE, PLATE, Box, detector, is_clear, street


def is_blurred_alone(picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bool:
    """Whether the plate is blurred, and what is beside it is not."""
    return not is_clear(picture, PLATE) and is_clear(picture, BESIDE)


def test_a_plate_is_blurred_and_the_rest_stays(tmp_path: Path) -> None:
    """Byte by byte: three tenths around it are blurred, too."""
    chosen = Chosen(str(detector(tmp_path / "a.onnx")))
    picture = street()
    made = open_redactor(kinds_of(chosen), chosen=chosen).redacted(picture)
    assert is_clear(picture, PLATE)
    assert is_blurred_alone(made)
    np.testing.assert_array_equal(made[:, 120:], picture[:, 120:])


@pytest.mark.parametrize(
    ("classes", "found"),
    [((), [PLATE, BESIDE]), (("plate",), [PLATE]), (("car", "plate"), [PLATE, BESIDE])],
    ids=["all", "one", "both"],
)
def test_only_some_classes_are_blurred(
    tmp_path: Path, classes: tuple[str, ...], found: list[Box]
) -> None:
    """All of them if none is named."""
    path = detector(tmp_path / "a.onnx", (PLATE, 0.9, "plate"), (BESIDE, 0.8, "car"))
    seen = Detected(Chosen(str(path), classes)).find(street())
    np.testing.assert_allclose(seen, found, atol=1e-5)


@pytest.mark.parametrize(("sure", "count"), [(0.25, 1), (0.15, 0)])
def test_a_plate_needs_little_confidence(tmp_path: Path, sure: float, count: int) -> None:
    """As faces: what is missed does more harm than what is blurred needlessly."""
    path = detector(tmp_path / "a.onnx", (PLATE, sure, "plate"))
    assert len(Detected(Chosen(str(path))).find(street())) == count


_place, _size = st.floats(0, 0.125, width=32), st.floats(0.25, 0.5, width=32)


@given(st.lists(st.tuples(_place, _place, _size, _size), min_size=1, max_size=8))
def test_a_box_that_is_left_out_is_blurred_with_another_one(
    drawn_boxes: list[tuple[float, float, float, float]],
) -> None:
    """What is blurred around the surer one covers it."""
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in drawn_boxes], np.float32)
    kept = distinct(boxes, np.linspace(1, 0.5, len(boxes), dtype=np.float32), SHARED)
    more = WIDER * np.tile(kept[:, 2:] - kept[:, :2], 2) * np.array([-1, -1, 1, 1])
    wider = kept + more
    for box in boxes:
        is_inside = (box[:2] >= wider[:, :2] - 1e-5).all(1) & (box[2:] <= wider[:, 2:] + 1e-5).all(
            1
        )
        assert is_inside.any()


def test_two_boxes_of_one_plate_are_one(tmp_path: Path) -> None:
    """A head without a choice of its own names the same thing in many cells."""
    left, top, right, bottom = PLATE
    again = (left + 0.005, top, right + 0.005, bottom)
    path = detector(tmp_path / "a.onnx", (PLATE, 0.9, "plate"), (again, 0.8, "plate"))
    assert len(Detected(Chosen(str(path))).find(street())) == 1


@pytest.mark.parametrize(
    ("classes", "said"),
    [(("hat",), "has no class 'hat', which CLIPSEEK_REDACT_CLASSES names; it has plate, car")],
)
def test_a_class_that_it_lacks_is_told(tmp_path: Path, classes: tuple[str, ...], said: str) -> None:
    """A name that is written wrongly would blur nothing."""
    path = detector(tmp_path / "a.onnx")
    with pytest.raises(ConfigError, match=said):
        kinds_of(Chosen(str(path), classes))


def test_classes_without_a_detector_are_told() -> None:
    """They would blur nothing; without both settings there is nothing to open."""
    assert kinds_of(chosen_of(Settings.load())) == ()
    with pytest.raises(ConfigError, match="set CLIPSEEK_REDACT_DETECTOR to its ONNX file"):
        chosen_of(Settings.load(redact_classes="plate, car"))


def test_what_was_blurred_by_another_detector_has_another_name(tmp_path: Path) -> None:
    """Pictures and excerpts that are kept are named by it; the order of classes is none of it."""
    one, other = detector(tmp_path / "a.onnx"), detector(tmp_path / "b.onnx", (BESIDE, 0.9, "car"))
    asked = [(one, ()), (other, ()), (one, ("plate",))]
    assert len({kinds_of(Chosen(str(path), classes)) for path, classes in asked}) == 3
    both = [kinds_of(Chosen(str(one), each)) for each in (("plate", "car"), ("car", "plate"), ())]
    assert len(set(both)) == 1


def test_a_detector_that_has_changed_is_not_used(tmp_path: Path) -> None:
    """Nor one that is gone: the name of what is kept would say something else."""
    chosen = Chosen(str(detector(tmp_path / "a.onnx")))
    kinds = kinds_of(chosen)
    detector(tmp_path / "a.onnx", (BESIDE, 0.9, "plate"))
    with pytest.raises(RedactionUnavailable, match="another one than when this program"):
        open_redactor(kinds, chosen=chosen)
    (tmp_path / "a.onnx").unlink()
    with pytest.raises(RedactionUnavailable, match="cannot be read"):
        open_redactor(kinds, chosen=chosen)
    with pytest.raises(RedactionUnavailable, match="this release does not know"):
        open_redactor(kinds)


@pytest.mark.parametrize("growing", [False, True], ids=["file", "preview"])
def test_an_excerpt_shows_no_plate(tmp_path: Path, growing: bool) -> None:
    """As its process writes it, in each frame."""
    chosen = Chosen(str(detector(tmp_path / "a.onnx")))
    drawn(tmp_path / "a.mp4", [street()] * 8)
    recipe = Recipe(0.0, 0.8, 360, copy=False, growing=growing, redact=kinds_of(chosen))
    started(tmp_path / "a.mp4", tmp_path / "b.mp4", recipe, chosen).wait()
    made = frames((tmp_path / "b.mp4").read_bytes())
    assert [is_blurred_alone(picture) for picture in made] == [True] * 8


def test_an_excerpt_without_its_detector_is_not_written(tmp_path: Path) -> None:
    """The reason is said."""
    chosen = Chosen(str(detector(tmp_path / "a.onnx")))
    recipe = Recipe(0.0, 0.8, 360, copy=False, growing=False, redact=kinds_of(chosen))
    drawn(tmp_path / "a.mp4", [street()] * 8)
    (tmp_path / "a.json").unlink()
    with pytest.raises(UnreadableVideo, match=r"a\.json cannot be read"):
        started(tmp_path / "a.mp4", tmp_path / "b.mp4", recipe, chosen).wait()


def test_a_live_stream_shows_no_plate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As its process sends it, in each frame."""
    monkeypatch.setattr(blurring, "FIRST_S", 120.0)
    chosen = Chosen(str(detector(tmp_path / "a.onnx")))
    stored(tmp_path, drawn(tmp_path / "a.mp4", [street()] * 30, movflags=OPTIONS["movflags"]))
    blurred = Blurred(
        Tail(tmp_path), kinds_of(chosen), memory_bytes=2**30, frame_pixels=2**26, chosen=chosen
    )
    sent = bytearray()

    def has_some() -> bool:
        sent.extend(blurred.read())
        return sent.count(b"moof") > 3

    try:
        wait_until(has_some, "some frames")
    finally:
        blurred.close()
    made = frames(bytes(sent[: sent.rindex(b"moof") - 4]))  # the last one may be cut off
    assert len(made) >= 3
    assert [is_blurred_alone(picture) for picture in made] == [True] * len(made)
