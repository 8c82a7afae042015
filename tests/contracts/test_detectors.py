"""What every detector promises."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek.demo.drawing import draw
from clipseek.demo.world import Scene, Thing
from clipseek.detecting.opening import DEMO, open_detector
from clipseek.protocols.detectors import Detector
from clipseek.testing.detector import PaintedDetector
from tests.objects.networks import PICTURE, saying


def _constant(folder: Path) -> Detector:
    said = np.zeros((1, 126, 7), np.float32)
    said[0, 40:45] = [0.5, 0.5, 1, 1, 0.9, 0.3, 0.8]
    path = saying(folder / "x.onnx", {"images": PICTURE}, {"output": said}, classes=["a", "b"])
    return open_detector(str(path))


MAKERS: dict[str, Callable[[Path], Detector]] = {
    "painted": lambda _folder: PaintedDetector({"red": (222, 38, 42), "blue": (38, 92, 220)}),
    "onnx": _constant,
    "demo": lambda _folder: open_detector(DEMO),
}


@pytest.fixture(params=MAKERS)
def detector(request: pytest.FixtureRequest, tmp_path: Path) -> Detector:
    """Return each kind of detector."""
    return MAKERS[request.param](tmp_path)


@pytest.fixture(scope="module")
def frames() -> NDArray[np.uint8]:
    """Draw a red ball at the left and a blue car at the right, and then at other places."""
    scenes = [
        Scene("meadow", "day", (Thing("ball", "red", x, 0.3, 0.2), Thing("car", "blue", 0.8, y)), 1)
        for x, y in ((0.2, 0.7), (0.4, 0.6), (0.3, 0.7))
    ]
    return np.stack([draw(scene, 384, 216) for scene in scenes])


def test_boxes_are_in_the_frame(detector: Detector, frames: NDArray[np.uint8]) -> None:
    """Each frame has its own, in fractions, with an area, and the surest one is the first."""
    found = detector.detect(frames)
    assert len(found) == len(frames)
    for one in found:
        assert len(one) > 0
        assert (one.boxes >= 0).all()
        assert (one.boxes <= 1).all()
        assert (one.boxes[:, :2] < one.boxes[:, 2:]).all()
        assert (np.diff(one.confidences) <= 0).all()
        assert set(one.classes.tolist()) <= set(range(len(detector.classes)))


def test_frames_are_looked_at_one_by_one(detector: Detector, frames: NDArray[np.uint8]) -> None:
    """What is seen in a frame does not depend on the others."""
    together, alone = detector.detect(frames), detector.detect(frames[1:2])[0]
    np.testing.assert_allclose(together[1].boxes, alone.boxes, atol=1e-4)
    assert detector.detect(frames[:0]) == []


def test_classes_are_named_once(detector: Detector) -> None:
    """A detector has names and a fingerprint."""
    assert len(set(detector.classes)) == len(detector.classes) > 1
    assert len(detector.fingerprint) == 64
