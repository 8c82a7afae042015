"""PaintedDetector: a `Detector` that finds patches of plain colours."""

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from clipseek.detections import Detections

Colour = tuple[int, int, int]
_NEAR = 60
"""How far each channel of a pixel may be from a colour, because videos are compressed."""


class PaintedDetector:
    """Finds for each named colour the box around all of its pixels in a frame."""

    def __init__(self, colours: Mapping[str, Colour]) -> None:
        self._colours = dict(colours)
        self.classes = tuple(self._colours)
        said = repr(sorted(self._colours.items()))
        self.fingerprint = hashlib.sha256(said.encode()).hexdigest()
        self.seen = 0
        """How many frames were looked at."""

    def detect(self, frames: NDArray[np.uint8]) -> list[Detections]:
        """Return a box for each colour that a frame has, as sure as it is full of it."""
        self.seen += len(frames)
        return [self._in(frame) for frame in frames]

    def _in(self, frame: NDArray[np.uint8]) -> Detections:
        height, width = frame.shape[:2]
        found: list[tuple[float, int, list[float]]] = []
        for number, colour in enumerate(self._colours.values()):
            apart = np.abs(frame.astype(np.int16) - np.array(colour, np.int16)).max(axis=2)
            rows, columns = np.nonzero(apart <= _NEAR)
            if not len(rows):
                continue
            top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
            full = len(rows) / ((bottom - top) * (right - left))
            edges = [left / width, top / height, right / width, bottom / height]
            found.append((float(full), number, [float(edge) for edge in edges]))
        found.sort(key=lambda each: -each[0])
        return Detections(
            np.array([edges for *_, edges in found], np.float32).reshape(-1, 4),
            np.array([number for _, number, _ in found], np.int64),
            np.array([full for full, *_ in found], np.float32),
        )
