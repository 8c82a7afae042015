"""Regions of a picture that are blurred: which ones, for how long, and how. Pure.

Regions are float32 (M, 4): left, top, right and bottom as shares of the width and the height, so
that they fit a picture in any size.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Regions = NDArray[np.float32]

WIDER = 0.3
"""A region is blurred so much wider on each side, as a share of its size: detectors mark a face
from the brows to the chin, and hair and ears tell who somebody is, too."""
CELLS = 3
"""What is left of a region: the mean colours of so many cells across and down. People have been
recognised from mosaics of 6 cells and more (McPherson et al. 2016, arXiv:1609.00408)."""
HOLD_S = 0.4
"""A region is blurred so long before and after the picture that it was found in, so that a face
that is missed in the pictures between is covered."""
REACH = 3.0
"""Two regions are of one face that moves if their centres are at most so many sizes apart."""
ALIKE = 2.0
"""And if one is at most so many times as large as the other one."""
OVERLAP = 0.3
"""Of two regions that share so much of their union, the less certain one is left out."""


class Look(NamedTuple):
    """What was found in the picture of a time, in seconds."""

    time: float
    regions: Regions


def none() -> Regions:
    """Return no regions."""
    return np.empty((0, 4), np.float32)


def distinct(regions: Regions, scores: NDArray[np.float32], most: float = OVERLAP) -> Regions:
    """Return the regions, the most certain ones first, without those that repeat another one.

    most: The share of their union that two regions have in common at most.
    """
    kept: list[int] = []
    left = np.argsort(-scores, kind="stable")
    while len(left):
        best, left = left[0], left[1:]
        kept.append(int(best))
        left = left[_overlaps(regions[best], regions[left]) <= most]
    return regions[kept]


def _overlaps(one: NDArray[np.float32], others: Regions) -> NDArray[np.float32]:
    """Return the intersection of a region and each other over their union, float32 (M,)."""
    sides = np.minimum(one[2:], others[:, 2:]) - np.maximum(one[:2], others[:, :2])
    common = np.prod(np.maximum(sides, 0), axis=1)
    union = np.prod(one[2:] - one[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1) - common
    shares = np.zeros(len(others), np.float32)
    np.divide(common, union, out=shares, where=union > 0)
    return shares


def covering(looks: Sequence[Look], time: float) -> Regions:
    """Return what is blurred in the picture of a time, by what was found around it.

    These are all regions of the looks that are at most `HOLD_S` away, and the way of each face that
    moves: what encloses it before and after that time.
    """
    near = [look for look in looks if abs(look.time - time) <= HOLD_S + 1e-6]
    before = [look.regions for look in near if look.time <= time]
    after = [look.regions for look in near if look.time > time]
    ways = [_ways(first, last) for first in before for last in after]
    found = [*(look.regions for look in near), *ways]
    return np.concatenate(found) if found else none()


def _ways(first: Regions, last: Regions) -> Regions:
    """Return what encloses each face that may be in both of two pictures, before and after."""
    sizes = first[:, None, 2:] - first[:, None, :2], last[None, :, 2:] - last[None, :, :2]
    middles = first[:, None, :2] + first[:, None, 2:], last[None, :, :2] + last[None, :, 2:]
    is_near = np.abs(middles[0] - middles[1]) / 2 <= REACH * (sizes[0] + sizes[1]) / 2
    is_alike = np.maximum(*sizes) <= ALIKE * np.minimum(*sizes)
    rows, columns = np.nonzero((is_near & is_alike).all(axis=2))
    one, other = first[rows], last[columns]
    corners = np.minimum(one[:, :2], other[:, :2]), np.maximum(one[:, 2:], other[:, 2:])
    return np.concatenate(corners, axis=1)


def blur(plane: NDArray[np.uint8], regions: Regions) -> None:
    """Blur regions of a picture in place: uint8 (H, W) or (H, W, C).

    Nothing but the mean colours of `CELLS` x `CELLS` cells is left, with soft changes between them.
    """
    height, width = plane.shape[:2]
    for left, top, right, bottom in regions.tolist():
        more_x, more_y = WIDER * (right - left), WIDER * (bottom - top)
        rows = _pixels(top - more_y, bottom + more_y, height)
        columns = _pixels(left - more_x, right + more_x, width)
        part = plane[rows, columns]
        if part.size:
            plane[rows, columns] = _soft(part)


def _pixels(first: float, last: float, length: int) -> slice:
    """Return the pixels that a span touches."""
    return slice(
        max(0, int(np.floor(first * length))), max(0, min(length, int(np.ceil(last * length))))
    )


def _soft(part: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a part of a picture as its cells, interpolated."""
    down, up = _weights(part.shape[0]), _weights(part.shape[1])
    flat = part.reshape(part.shape[0], part.shape[1], -1).astype(np.float32)
    cells = np.einsum("yh,hwc,xw->yxc", down[0], flat, up[0], optimize=True)
    soft: NDArray[np.float32] = np.einsum("yh,yxc,xw->hwc", down[1], cells, up[1], optimize=True)
    return np.clip(np.rint(soft), 0, 255).astype(np.uint8).reshape(part.shape)


def _weights(length: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return how pixels become cells, and cells become pixels: float32 (cells, length) both."""
    cells = min(CELLS, length)
    places = (np.arange(length) + 0.5) * cells / length
    members = (np.floor(places)[None] == np.arange(cells)[:, None]).astype(np.float32)
    between = np.clip(places - 0.5, 0, cells - 1)
    shares = np.maximum(0, 1 - np.abs(between[None] - np.arange(cells)[:, None]))
    return members / members.sum(axis=1, keepdims=True), shares.astype(np.float32)
