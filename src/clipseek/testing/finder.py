"""MarkFinder: finds stripes, where the real finders need a model."""

import numpy as np
from numpy.typing import NDArray

from clipseek.redaction import Regions

_WIDTH = 2
"""Pixels of a stripe."""
_APART = 120
"""So much brighter than its neighbour is a stripe at least, as after a codec."""


def mark(height: int, width: int) -> NDArray[np.uint8]:
    """Return stripes of black and white, uint8 (height, width, 3): what a `MarkFinder` finds."""
    row = np.arange(width) // _WIDTH % 2 * np.uint8(255)
    return np.broadcast_to(row[None, :, None], (height, width, 3)).astype(np.uint8)


class MarkFinder:
    """A `Finder` of the box that encloses all stripes."""

    def find(self, picture: NDArray[np.uint8]) -> Regions:
        """Return the one region, or none."""
        grey = picture.astype(np.int16).mean(axis=2)
        rows, columns = np.nonzero(np.abs(grey[:, _WIDTH:] - grey[:, :-_WIDTH]) > _APART)
        if not rows.size:
            return np.empty((0, 4), np.float32)
        height, width = picture.shape[:2]
        ends = (columns.min(), rows.min(), columns.max() + _WIDTH + 1, rows.max() + 1)
        shares = [end / side for end, side in zip(ends, [width, height] * 2, strict=True)]
        return np.array([shares], np.float32)
