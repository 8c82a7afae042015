"""Where in a picture a sentence fits: the scores of its patches as a map and a box."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipseek.patches import Box, Patches

CUT = 0.2
"""Heat from which on a patch is in the box. On the demo world, where the true boxes are known, 0.5
gives the highest mean overlap (`benchmarks.where`)."""


@dataclass(frozen=True, slots=True, eq=False)
class Heat:
    """How well the parts of one picture fit a sentence, compared with each other.

    grid: float64 (R, C), in [0, 1], rows from the top. 1 is the part that fits best, 0 is one that
    fits no better than half of the picture does. It says nothing about how well the best part fits.
    area: What the grid covers. box: Around the best part, for its heat of CUT or more. Both are
    fractions of the picture's width and height.
    """

    grid: NDArray[np.float64]
    area: Box
    box: Box


def heat_of(patches: Patches, vector: NDArray[np.float32]) -> Heat | None:
    """Compare a unit vector (dim,) with each patch; None if no patch fits better than the others.

    Patches whose middle is outside the picture, in what a model pads it with, are left out.
    """
    scores = (patches.vectors @ vector).astype(np.float64)
    across, down = _edges(patches.area, scores.shape)
    rows, columns = _inside(down), _inside(across)
    scores = scores[rows, columns]
    across, down = _part(across, columns), _part(down, rows)
    usual = float(np.median(scores)) if scores.size else 0.0
    best = float(scores.max(initial=usual))
    if not best > usual:
        return None
    grid = np.clip((scores - usual) / (best - usual), 0, 1)
    here = _around(grid >= CUT, np.unravel_index(int(scores.argmax()), scores.shape))
    high, wide = np.flatnonzero(here.any(axis=1)), np.flatnonzero(here.any(axis=0))
    box = Box(
        float(across[wide[0]]),
        float(down[high[0]]),
        float(across[wide[-1] + 1]),
        float(down[high[-1] + 1]),
    )
    area = Box(float(across[0]), float(down[0]), float(across[-1]), float(down[-1]))
    return Heat(grid, area, Box(*(min(max(edge, 0.0), 1.0) for edge in box)))


def _edges(area: Box, shape: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where columns and rows begin and the last one ends."""
    across = np.linspace(area.left, area.right, shape[1] + 1)
    return across, np.linspace(area.top, area.bottom, shape[0] + 1)


def _inside(edges: NDArray[np.float64]) -> slice:
    """Return which parts have their middle in the picture."""
    middles = (edges[:-1] + edges[1:]) / 2
    found = np.flatnonzero((middles >= 0) & (middles <= 1))
    return slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0)


def _part(edges: NDArray[np.float64], part: slice) -> NDArray[np.float64]:
    return edges[part.start : part.stop + 1]


def _around(warm: NDArray[np.bool_], start: tuple[np.intp, ...]) -> NDArray[np.bool_]:
    """Return the warm patches that hang together with one, by their sides."""
    found = np.zeros_like(warm)
    found[start] = True
    while True:
        wider = found.copy()
        wider[1:] |= found[:-1]
        wider[:-1] |= found[1:]
        wider[:, 1:] |= found[:, :-1]
        wider[:, :-1] |= found[:, 1:]
        wider &= warm
        wider[start] = True
        if (wider == found).all():
            return found
        found = wider
