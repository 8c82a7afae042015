"""Cuts objects out of frames, with what is around them, so that a model recognises them. Pure.

A model is trained on whole pictures, in which things are on the ground or in the sky. A box
cut out tightly looks like none of them, so a crop has the aspect of its frame, the object takes
half of it, and it is cut twice: with the object in the upper and in the lower part. The vector of
an object is the mean of both. `benchmarks.objects` compares this with one crop around the middle.
"""

import numpy as np
from numpy.typing import NDArray

from clipseek.tracked import Edges

SHARE = 0.5
"""Of the height of a crop, or of its width, that the object takes."""
HEIGHTS = (0.3, 0.7)
"""Where the middle of the object is in each crop, from its top."""


def crops(frame: NDArray[np.uint8], box: Edges) -> list[NDArray[np.uint8]]:
    """Return the crops of one object in uint8 (H, W, 3), of any size.

    Past the edges of the frame its last pixels are repeated, so that the place in a crop is right.
    """
    height, width = frame.shape[:2]
    left, top, right, bottom = box
    share = max(bottom - top, right - left) / SHARE
    down, across = max(1, round(share * height)), max(1, round(share * width))
    middle, centre = (top + bottom) / 2 * height, (left + right) / 2 * width
    first = round(centre - across / 2)
    columns = np.arange(first, first + across).clip(0, width - 1)
    found = []
    for place in HEIGHTS:
        begin = round(middle - place * down)
        rows = np.arange(begin, begin + down).clip(0, height - 1)
        found.append(frame[rows][:, columns])
    return found


def mean_vector(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the direction of the mean of unit rows (N, dim), float32 (dim,)."""
    mean = vectors.astype(np.float64).mean(axis=0)
    length = float(np.linalg.norm(mean))
    # Opposite rows, which a model does not give for one object.
    found: NDArray[np.float32] = (mean / length if length else vectors[0]).astype(np.float32)
    return found
