"""What detectors say, read from numbers that are computed here."""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from clipseek.detecting.heads import Facts, Yolox, head_of
from clipseek.detecting.onnx import OnnxDetector
from clipseek.errors import ConfigError
from tests.objects.networks import PICTURE, saying

NAMES = ["cat", "dog"]
FRAMES = np.zeros((1, 128, 192, 3), np.uint8)
"""Twice as large as what the networks take."""


def test_yolox_boxes_are_relative_to_their_cells(tmp_path: Path) -> None:
    """A cell of the map of stride 16 says its middle in cells, and its size as a logarithm."""
    cells = 8 * 12 + 4 * 6 + 2 * 3
    said = np.zeros((1, cells, 7), np.float32)
    # Row 1, column 2 of the second map: the middle is (2 + 0.5, 1 + 0.25) cells of 16 pixels, so
    # (40, 20); the size is e^ln(2) and e^0 cells, so 32x16: from (24, 12) to (56, 28) of 96x64.
    said[0, 96 + 1 * 6 + 2] = [0.5, 0.25, np.log(2), 0, 0.9, 0.2, 0.8]
    path = saying(tmp_path / "x.onnx", {"images": PICTURE}, {"output": said}, classes=NAMES)
    (found,) = OnnxDetector(path).detect(FRAMES)
    np.testing.assert_allclose(found.boxes, [[24 / 96, 12 / 64, 56 / 96, 28 / 64]], rtol=1e-6)
    assert found.classes.tolist() == [1]
    np.testing.assert_allclose(found.confidences, [0.72], rtol=1e-6)


def test_yolox_leaves_out_what_is_padded(tmp_path: Path) -> None:
    """Of a square frame in 96x64 pixels, 64x64 are the frame: fractions are of these."""
    said = np.zeros((1, 126, 7), np.float32)
    said[0, 3] = [0.5, 0.5, np.log(2), np.log(2), 1, 1, 0]  # the middle is (28, 4), 16x16 pixels
    path = saying(tmp_path / "x.onnx", {"images": PICTURE}, {"output": said}, classes=NAMES)
    (found,) = OnnxDetector(path).detect(np.zeros((1, 100, 100, 3), np.uint8))
    np.testing.assert_allclose(found.boxes, [[20 / 64, 0, 36 / 64, 12 / 64]], rtol=1e-6)


def test_yolox_sees_blue_first_at_the_top_left() -> None:
    """Pictures are BGR up to 255, scaled with their aspect and padded with 114."""
    head = head_of(
        {"images": (1, 3, 64, 96)}, {"output": (1, 126, 7)}, Facts(classes=("cat", "dog"))
    )
    assert isinstance(head, Yolox)
    red = np.zeros((1, 32, 32, 3), np.uint8)
    red[..., 0] = 200
    fed = np.asarray(head.feeds(red)["images"])
    assert fed.shape == (1, 3, 64, 96)
    assert fed[0, :, 63, 63].tolist() == [0, 0, 200]
    assert fed[0, :, 0, 64].tolist() == [114, 114, 114]


def test_rtdetr_boxes_are_pixels_of_the_frame(tmp_path: Path) -> None:
    """The network is told the size of the frame, and answers in its pixels, the surest first."""
    path = saying(
        tmp_path / "r.onnx",
        {"images": PICTURE, "orig_target_sizes": (TensorProto.INT64, (1, 2))},
        {
            "labels": np.array([[1, 0, 7]], np.int64),
            "boxes": np.array([[[0, 0, 96, 64], [48, 32, 96, 128], [0, 0, 9, 9]]], np.float32),
            "scores": np.array([[0.5, 0.75, 0.9]], np.float32),
        },
        classes=NAMES,
    )
    (found,) = OnnxDetector(path).detect(FRAMES)
    np.testing.assert_allclose(found.boxes, [[0.25, 0.25, 0.5, 1], [0, 0, 0.5, 0.5]])
    assert found.classes.tolist() == [0, 1], "a label that has no name is no object"


def test_rfdetr_says_middles_and_logits(tmp_path: Path) -> None:
    """Boxes are middle and size in [0, 1]; a logit of ln 3 is a confidence of 3/4."""
    path = saying(
        tmp_path / "f.onnx",
        {"input": PICTURE},
        {
            "dets": np.array([[[0.5, 0.5, 0.5, 1], [0.9, 0.5, 0.4, 0.2]]], np.float32),
            "labels": np.array([[[np.log(3), -9], [-9, np.log(9)]]], np.float32),
        },
        classes=NAMES,
    )
    (found,) = OnnxDetector(path).detect(FRAMES)
    np.testing.assert_allclose(found.boxes, [[0.7, 0.4, 1, 0.6], [0.25, 0, 0.75, 1]], atol=1e-6)
    np.testing.assert_allclose(found.confidences, [0.9, 0.75], rtol=1e-6)


def test_rfdetr_takes_the_constants_of_imagenet() -> None:
    """The mean of a channel is 0 after it, unless the file beside says other constants."""
    shapes = {"dets": (1, 5, 4), "labels": (1, 5, 2)}
    grey = np.full((1, 64, 96, 3), 124, np.uint8)  # 0.486; the mean of red is 0.485
    usual = head_of({"input": (1, 3, 64, 96)}, shapes, Facts(("cat", "dog")))
    plain = head_of(
        {"input": (1, 3, 64, 96)}, shapes, Facts(("cat", "dog"), mean=(0, 0, 0), std=(1, 1, 1))
    )
    assert abs(float(np.asarray(usual.feeds(grey)["input"])[0, 0].mean())) < 0.01
    assert float(np.asarray(plain.feeds(grey)["input"])[0, 0].mean()) == pytest.approx(124 / 255)


def test_what_is_not_a_number_is_no_box(tmp_path: Path) -> None:
    """A network that overflows does not bring down an ingest."""
    said = np.full((1, 126, 7), np.nan, np.float32)
    path = saying(tmp_path / "x.onnx", {"images": PICTURE}, {"output": said}, classes=NAMES)
    (found,) = OnnxDetector(path).detect(FRAMES)
    assert len(found) == 0


def test_more_frames_than_a_batch_takes_are_split(tmp_path: Path) -> None:
    """A network for one picture answers for three."""
    said = np.zeros((1, 126, 7), np.float32)
    said[0, 3] = [0.5, 0.5, 1, 1, 1, 1, 0]
    path = saying(tmp_path / "x.onnx", {"images": PICTURE}, {"output": said}, classes=NAMES)
    assert [len(one) for one in OnnxDetector(path).detect(np.repeat(FRAMES, 3, axis=0))] == [1] * 3


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        pytest.param({"output": np.zeros((1, 125, 7), np.float32)}, "126, 7", id="other cells"),
        pytest.param({"output": np.zeros((1, 126, 85), np.float32)}, "2 classes", id="classes"),
        pytest.param({"output0": np.zeros((1, 6, 8400), np.float32)}, "126, 7", id="of another"),
        pytest.param(
            {"dets": np.zeros((1, 9, 4), np.float32), "labels": np.zeros((1, 9, 91), np.float32)},
            "number of classes",
            id="more logits",
        ),
        pytest.param({"a": np.zeros(1, np.float32), "b": np.zeros(1, np.float32)}, "a", id="flat"),
    ],
)
def test_other_heads_are_refused(
    tmp_path: Path,
    outputs: dict[str, "np.ndarray[tuple[int, ...], np.dtype[np.float32]]"],
    said: str,
) -> None:
    """The error names the shapes, and which detectors are read."""
    path = saying(tmp_path / "x.onnx", {"images": PICTURE}, outputs, classes=NAMES)
    with pytest.raises(ConfigError, match=said) as refused:
        OnnxDetector(path)
    assert "YOLOX, RT-DETR and RF-DETR are read" in str(refused.value)


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        pytest.param(None, "cannot be read", id="missing"),
        pytest.param("{", "is not JSON", id="damaged"),
        pytest.param("{}", "classes", id="no classes"),
        pytest.param('{"classes": ["a", "a"]}', "different names", id="twice"),
        pytest.param('{"classes": ["a"], "colour": 1}', "other names", id="unknown"),
        pytest.param('{"classes": ["a"], "mean": [1]}', "three numbers", id="mean"),
        pytest.param('{"classes": ["a"], "strides": [0]}', "> 0", id="strides"),
    ],
)
def test_names_are_checked(tmp_path: Path, beside: str | None, said: str) -> None:
    """The error says which file is wrong, and what it must be."""
    path = tmp_path / "x.onnx"
    path.write_bytes(b"")
    if beside is not None:
        path.with_suffix(".json").write_text(beside)
    with pytest.raises(ConfigError, match=said):
        OnnxDetector(path)


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    """It is named, and so is what to do."""
    path = tmp_path / "x.onnx"
    path.write_bytes(b"MZ\x90")
    path.with_suffix(".json").write_text('{"classes": ["a"]}')
    with pytest.raises(ConfigError, match=r"x\.onnx cannot be loaded"):
        OnnxDetector(path)


def test_other_names_are_another_detector(tmp_path: Path) -> None:
    """The fingerprint changes with the network and with the names."""
    said = np.zeros((1, 126, 7), np.float32)
    path = saying(tmp_path / "x.onnx", {"images": PICTURE}, {"output": said}, classes=NAMES)
    first = OnnxDetector(path).fingerprint
    assert OnnxDetector(path).fingerprint == first
    path.with_suffix(".json").write_text('{"classes": ["cat", "fox"]}')
    assert OnnxDetector(path).fingerprint != first
