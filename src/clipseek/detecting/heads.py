"""The heads of detectors: how pictures are given to a network, and what its outputs mean. Pure.

A head is recognised by the shapes of the outputs:

- YOLOX (Ge et al. 2021): one output (N, cells, 5 + classes), as the `tools/export_onnx.py` of
  YOLOX 0.3 writes it. Pictures are BGR up to 255, scaled to fit the top left, and padded with 114.
- RT-DETR (Zhao et al. 2023): labels (N, queries), boxes (N, queries, 4) in pixels and scores
  (N, queries), for pictures and their sizes, as its own export writes it.
- RF-DETR, and DETR (Carion et al. 2020) with a sigmoid for each class: boxes (N, queries, 4) as
  middle and size in [0, 1], and logits (N, queries, classes).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clipseek.detections import Detections

Shape = Sequence[int | str | None]
"""Of an input or an output; what is not a number may have any length."""
Arrays = Mapping[str, NDArray[np.generic]]

LEAST = 0.05
"""Confidence below which a box is never kept: no threshold is set lower."""
MOST = 300
"""Boxes of one picture that are kept, the surest ones: as many as a DETR has queries."""
STRIDES = (8, 16, 32)
"""Pixels a side of the cells of YOLOX, from its first map to its last one."""
_GREY = 114
_FURTHEST = 10.0  # e^10 cells: a larger box is longer than any picture
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PLAIN = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


class UnknownHead(Exception):
    """The shapes are those of another kind of detector, or of none."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file says beside the network.

    classes: The names, in the order of the network's own numbers. strides: Of YOLOX. mean, std:
    Per channel, of values in [0, 1]; None takes those that the kind of head usually has.
    """

    classes: tuple[str, ...]
    strides: tuple[int, ...] = STRIDES
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None


class Head(Protocol):
    """One kind of head."""

    def feeds(self, frames: NDArray[np.uint8]) -> dict[str, NDArray[np.generic]]:
        """Return the inputs of the network for uint8 (N, H, W, 3) RGB."""
        ...

    def detections(self, outputs: Arrays, frames: NDArray[np.uint8]) -> list[Detections]:
        """Return what the outputs say of each frame."""
        ...


def head_of(inputs: Mapping[str, Shape], outputs: Mapping[str, Shape], facts: Facts) -> Head:
    """Return the head of a network with these inputs and outputs, by name.

    Raises:
        UnknownHead: none of them has these shapes.
    """
    pictures = [name for name, shape in inputs.items() if len(shape) == 4]
    if len(pictures) != 1:
        raise UnknownHead(f"it needs one input of four dimensions, and has {_said(inputs)}")
    name = pictures[0]
    size = _size(inputs[name])
    if len(inputs) == len(outputs) == 1:
        return _yolox(name, size, outputs, facts)
    ranks = sorted(len(shape) for shape in outputs.values())
    if len(inputs) == 2 and ranks == [2, 2, 3]:
        return _rtdetr(name, size, inputs, outputs, facts)
    if len(inputs) == 1 and ranks == [3, 3]:
        return _detr(name, size, outputs, facts)
    raise UnknownHead(f"its inputs are {_said(inputs)}, and its outputs {_said(outputs)}")


def _yolox(name: str, size: tuple[int, int], outputs: Mapping[str, Shape], facts: Facts) -> "Yolox":
    ((output, shape),) = outputs.items()
    cells = sum(len(_corners(size, stride)) for stride in facts.strides)
    wide = 5 + len(facts.classes)
    if len(shape) != 3 or not _fits(shape[1], cells) or not _fits(shape[2], wide):
        raise UnknownHead(
            f"one output must be (pictures, {cells}, {wide}) for {size[1]}x{size[0]} pixels, "
            f"strides {list(facts.strides)} and {len(facts.classes)} classes, got {_said(outputs)}"
        )
    return Yolox(name, output, size, facts.strides, len(facts.classes))


def _rtdetr(
    name: str,
    size: tuple[int, int],
    inputs: Mapping[str, Shape],
    outputs: Mapping[str, Shape],
    facts: Facts,
) -> "RtDetr":
    (boxes,) = [each for each, shape in outputs.items() if len(shape) == 3]
    flat = [each for each in outputs if each != boxes]
    labels = [each for each in flat if "label" in each]
    if len(labels) != 1 or not _fits(outputs[boxes][2], 4):
        raise UnknownHead(f"of labels, boxes and scores it has {_said(outputs)}")
    (sizes,) = [each for each in inputs if each != name]
    scores = next(each for each in flat if each != labels[0])
    scaling = _Scaling.of(facts, PLAIN)
    return RtDetr(name, sizes, (labels[0], boxes, scores), size, scaling, len(facts.classes))


def _detr(name: str, size: tuple[int, int], outputs: Mapping[str, Shape], facts: Facts) -> "Detr":
    count = len(facts.classes)
    boxes = [each for each, shape in outputs.items() if _fits(shape[2], 4)]
    logits = [each for each, shape in outputs.items() if _fits(shape[2], count)]
    # With four classes both are (N, queries, 4): then the names say which is which.
    boxes = [each for each in boxes if len(boxes) == 1 or "box" in each or "det" in each]
    logits = [each for each in logits if each not in boxes]
    if len(boxes) != 1 or len(logits) != 1:
        raise UnknownHead(
            f"its outputs must be (pictures, queries, 4) and (pictures, queries, {count}), which "
            f"is the number of classes, got {_said(outputs)}"
        )
    # RF-DETR is trained with the constants of ImageNet; RT-DETR as others export it, without.
    usual = IMAGENET if boxes[0] == "dets" else PLAIN
    return Detr(name, boxes[0], logits[0], size, _Scaling.of(facts, usual))


@dataclass(frozen=True, slots=True)
class Yolox:
    """The head of YOLOX: a box for each cell of some maps, relative to the cell."""

    name: str
    output: str
    size: tuple[int, int]
    strides: tuple[int, ...]
    classes: int

    def feeds(self, frames: NDArray[np.uint8]) -> dict[str, NDArray[np.generic]]:
        """Return BGR up to 255, float32 (N, 3, H, W)."""
        height, width = self.size
        canvas = np.full((len(frames), height, width, 3), _GREY, np.uint8)
        down, across = self._fitted(frames)
        for row, frame in enumerate(frames):
            canvas[row, :down, :across] = _resized(frame, across, down)
        return {self.name: canvas[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32, order="C")}

    def detections(self, outputs: Arrays, frames: NDArray[np.uint8]) -> list[Detections]:
        """Return the boxes of the cells that have something, by `LEAST`."""
        said = np.asarray(outputs[self.output], np.float32)
        corners = [_corners(self.size, stride) for stride in self.strides]
        strides = np.repeat(self.strides, [len(each) for each in corners])[:, None]
        cells = np.concatenate(corners)
        down, across = self._fitted(frames)
        whole = np.array([across, down, across, down], np.float32)
        found = []
        for one in said:
            middles = (one[:, :2] + cells) * strides
            halves = np.exp(one[:, 2:4].clip(max=_FURTHEST)) * strides / 2
            boxes = np.concatenate([middles - halves, middles + halves], axis=1) / whole
            found.append(_chosen(boxes, one[:, 4:5] * one[:, 5:]))
        return found

    def _fitted(self, frames: NDArray[np.uint8]) -> tuple[int, int]:
        """Return the height and the width that frames are scaled to."""
        height, width = frames.shape[1:3]
        ratio = min(self.size[0] / height, self.size[1] / width)
        return max(1, int(height * ratio)), max(1, int(width * ratio))


@dataclass(frozen=True, slots=True)
class RtDetr:
    """The head of RT-DETR with its own last step: labels, boxes in pixels, and scores."""

    name: str
    sizes: str
    outputs: tuple[str, str, str]
    size: tuple[int, int]
    scaling: "_Scaling"
    classes: int

    def feeds(self, frames: NDArray[np.uint8]) -> dict[str, NDArray[np.generic]]:
        """Return the pictures, and the width and height of each, int64 (N, 2)."""
        height, width = frames.shape[1:3]
        sizes = np.tile(np.array([width, height], np.int64), (len(frames), 1))
        return {self.name: self.scaling.squashed(frames, self.size), self.sizes: sizes}

    def detections(self, outputs: Arrays, frames: NDArray[np.uint8]) -> list[Detections]:
        """Return the boxes as fractions."""
        labels, boxes, scores = (np.asarray(outputs[name]) for name in self.outputs)
        height, width = frames.shape[1:3]
        whole = np.array([width, height, width, height], np.float32)
        found = []
        for of, box, score in zip(labels.astype(np.int64), boxes, scores, strict=True):
            is_known = (of >= 0) & (of < self.classes)
            found.append(_ordered(box[is_known] / whole, of[is_known], score[is_known]))
        return found


@dataclass(frozen=True, slots=True)
class Detr:
    """The head of RF-DETR: a box for each query, and a logit for each class."""

    name: str
    boxes: str
    logits: str
    size: tuple[int, int]
    scaling: "_Scaling"

    def feeds(self, frames: NDArray[np.uint8]) -> dict[str, NDArray[np.generic]]:
        """Return the pictures."""
        return {self.name: self.scaling.squashed(frames, self.size)}

    def detections(
        self,
        outputs: Arrays,
        frames: NDArray[np.uint8],  # noqa: ARG002  boxes are fractions already
    ) -> list[Detections]:
        """Return each query with its surest class."""
        boxes = np.asarray(outputs[self.boxes], np.float32)
        logits = np.asarray(outputs[self.logits], np.float64)
        edges = np.concatenate(
            [boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2], axis=-1
        )
        sure = 0.5 * (1 + np.tanh(0.5 * logits))
        return [_chosen(one, each) for one, each in zip(edges, sure, strict=True)]


@dataclass(frozen=True, slots=True)
class _Scaling:
    """How values are scaled before a network sees them."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @classmethod
    def of(
        cls,
        facts: Facts,
        usual: tuple[tuple[float, float, float], tuple[float, float, float]],
    ) -> "_Scaling":
        mean, std = usual
        return cls(facts.mean or mean, facts.std or std)

    def squashed(self, frames: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float32]:
        """Return RGB (N, 3, H, W) at exactly this size, whatever the aspect."""
        height, width = size
        scaled = np.stack([_resized(frame, width, height) for frame in frames])
        values = scaled.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
        mean, std = (np.array(each, np.float32)[:, None, None] for each in (self.mean, self.std))
        return np.ascontiguousarray((values - mean) / std)


def _resized(frame: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    if frame.shape[:2] == (height, width):
        return frame
    return np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BILINEAR))


def _chosen(boxes: NDArray[Any], sure: NDArray[Any]) -> Detections:
    """Return boxes (N, 4) with their surest of the classes (N, C)."""
    values = np.asarray(sure, np.float64)
    classes = values.argmax(axis=1)
    return _ordered(boxes, classes, values[np.arange(len(values)), classes])


def _ordered(boxes: NDArray[Any], classes: NDArray[np.int64], sure: NDArray[Any]) -> Detections:
    """Cut boxes at the edges of the frame, and return the `MOST` surest; empty ones are left out.

    A box with NaN is left out: a network in half precision may overflow.
    """
    edges, values = np.asarray(boxes, np.float64), np.asarray(sure, np.float64)
    with np.errstate(invalid="ignore"):
        edges = edges.clip(0, 1)
        is_good = np.isfinite(edges).all(axis=1) & (values >= LEAST) & (values <= 1)
        is_good &= (edges[:, 2] > edges[:, 0]) & (edges[:, 3] > edges[:, 1])
    rows = np.flatnonzero(is_good)
    rows = rows[np.argsort(-values[rows], kind="stable")][:MOST]
    return Detections(
        edges[rows].astype(np.float32), classes[rows], values[rows].astype(np.float32)
    )


def _corners(size: tuple[int, int], stride: int) -> NDArray[np.float32]:
    """Return column and row of each cell of one map, row by row, float32 (cells, 2)."""
    rows, columns = np.mgrid[0 : size[0] // stride, 0 : size[1] // stride]
    return np.stack([columns, rows], axis=-1).reshape(-1, 2).astype(np.float32)


def _size(shape: Shape) -> tuple[int, int]:
    """Return height and width of the pictures that a network takes."""
    height, width = shape[2:]
    if shape[1] != 3 or not isinstance(height, int) or not isinstance(width, int):
        raise UnknownHead(f"pictures must be (N, 3, height, width) of a fixed size, got {shape}")
    return height, width


def _fits(length: int | str | None, wanted: int) -> bool:
    return not isinstance(length, int) or length == wanted


def _said(shapes: Mapping[str, Shape]) -> str:
    return ", ".join(f"{name} {tuple(shape)}" for name, shape in shapes.items()) or "none"
