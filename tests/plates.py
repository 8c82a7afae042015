"""A detector that always finds the same plates, and pictures with something in them and beside."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipseek.testing.finder import mark
from tests.objects.networks import PICTURE, saying

Box = tuple[float, float, float, float]
PLATE: Box = (0.1, 0.2, 0.3, 0.5)
"""Where the detector sees a plate: left, top, right and bottom."""
BESIDE: Box = (0.6, 0.2, 0.8, 0.5)
"""As large, and of no class of it."""


def detector(path: Path, *seen: tuple[Box, float, str], classes: Sequence[str] = ()) -> Path:
    """Write a detector with the head of RF-DETR that sees boxes, each with a confidence."""
    given = seen or ((PLATE, 0.9, "plate"),)
    names = [*(classes or ("plate", "car"))]
    edges = np.array([box for box, *_ in given], np.float32)
    boxes = np.concatenate([(edges[:, :2] + edges[:, 2:]) / 2, edges[:, 2:] - edges[:, :2]], axis=1)
    logits = np.full((len(given), len(names)), -20, np.float32)
    for row, (_, sure, name) in enumerate(given):
        logits[row, names.index(name)] = np.log(sure / (1 - sure))
    outputs = {"dets": boxes[None], "labels": logits[None]}
    return saying(path, {"input": PICTURE}, outputs, classes=names)


def street(height: int = 240, width: int = 320) -> NDArray[np.uint8]:
    """Return a grey picture with stripes where the plate is, and beside it."""
    picture = np.full((height, width, 3), 90, np.uint8)
    for box in (PLATE, BESIDE):
        part = _part(picture, box)
        part[:] = mark(*part.shape[:2])
    return picture


def is_clear(picture: NDArray[np.uint8], box: Box) -> bool:
    """Whether the stripes in a box are seen; after a codec they are, and after a blur not."""
    across = np.diff(_part(picture, box).astype(np.int16).mean(axis=2), n=2, axis=1)
    return float(np.abs(across).mean()) > 40


def _part(picture: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    left, top, right, bottom = box
    return picture[
        round(top * height) : round(bottom * height), round(left * width) : round(right * width)
    ]
