"""What a detector sees in one frame: boxes, their classes, and how sure it is."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """The objects in one frame; rows belong together.

    boxes: float32 (N, 4), left, top, right and bottom as fractions of the frame's width and
    height, in [0, 1]. classes: int64 (N,), places in the detector's `classes`. confidences:
    float32 (N,), in [0, 1], higher is surer.

    Raises:
        ValueError: rows do not belong together, or a number is not finite.
    """

    boxes: NDArray[np.float32]
    classes: NDArray[np.int64]
    confidences: NDArray[np.float32]

    def __post_init__(self) -> None:
        count = len(self.boxes)
        shapes = self.boxes.shape, self.classes.shape, self.confidences.shape
        if shapes != ((count, 4), (count,), (count,)):
            raise ValueError(f"boxes, classes and confidences must be rows, got {shapes}")
        if not (np.isfinite(self.boxes).all() and np.isfinite(self.confidences).all()):
            raise ValueError("boxes and confidences must be finite")

    @classmethod
    def none(cls) -> Self:
        """Return what is seen in an empty frame."""
        return cls(np.empty((0, 4), np.float32), np.empty(0, np.int64), np.empty(0, np.float32))

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Self:
        """Return some of the rows."""
        return type(self)(self.boxes[rows], self.classes[rows], self.confidences[rows])


def overlaps(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return intersection over union of boxes (N, 4) with others (M, 4), float64 (N, M)."""
    first, second = boxes[:, None].astype(np.float64), others[None].astype(np.float64)
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(
        first[..., :2], second[..., :2]
    )
    shared = sides.clip(min=0).prod(axis=-1)
    union = areas(boxes)[:, None] + areas(others)[None] - shared
    found: NDArray[np.float64] = shared / np.maximum(union, np.finfo(np.float64).tiny)
    return found


def areas(boxes: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the shares of the frame that boxes (N, 4) cover, float64 (N,)."""
    sides = (boxes[:, 2:] - boxes[:, :2]).astype(np.float64).clip(min=0)
    found: NDArray[np.float64] = sides.prod(axis=1)
    return found
