"""Objects that were followed through a video: where each was, and what it looks like."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipseek.timed import Span

MAX_TRACKS = 5000
"""Tracks of one video that are kept, the surest ones: each has a vector."""
Edges = tuple[float, float, float, float]
"""Left, top, right and bottom of a box, as fractions of the frame's width and height."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One object, from the frame in which it was seen first to that in which it was seen last.

    label: The name of its class. confidence: The greatest of its detections, in [0, 1].
    span: In seconds; it ends where the frame after the last one begins.
    times: float64 (N,), seconds of the sampled frames that show it, ascending.
    boxes: float32 (N, 4), where it is in them, as `Edges`. best: The frame that shows it best.
    vector: float32 (dim,), the unit vector of its crops. bias: `calibration.bias` of that.

    Raises:
        ValueError: rows do not belong together, or a number is not finite.
    """

    label: str
    confidence: float
    span: Span
    times: NDArray[np.float64]
    boxes: NDArray[np.float32]
    best: int
    vector: NDArray[np.float32]
    bias: float

    def __post_init__(self) -> None:
        count = len(self.times)
        if not count or self.boxes.shape != (count, 4) or not 0 <= self.best < count:
            raise ValueError(f"{count} times, boxes {self.boxes.shape}, best {self.best}")
        if not all(np.isfinite(row).all() for row in (self.times, self.boxes, self.bias)):
            raise ValueError("times, boxes and biases must be finite")

    def edges(self, row: int) -> Edges:
        """Return the box in one of the frames."""
        left, top, right, bottom = self.boxes[row].tolist()
        return left, top, right, bottom

    def at(self, time: float, within_s: float) -> int | None:
        """Return the frame nearest to a time, if it is not further away than some seconds."""
        row = int(np.abs(self.times - time).argmin())
        return row if abs(float(self.times[row]) - time) <= within_s else None


@dataclass(frozen=True, slots=True, eq=False)
class VideoObjects:
    """All objects of one video, in the order of time.

    `stamp` says which detector found them and by which rules: equal stamps, the same objects.
    Without tracks it says that the video was looked at and shows none.
    """

    stamp: str
    tracks: tuple[Track, ...] = ()
