"""Moments that follow each other in one video: a chain has one of each step of a query."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Starts that are no further apart are the same; times are stored as float32 (see `ranking`).
_SAME_S = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """The moments of one step, rows together.

    owners: int64 (M,), equal if the videos are. starts, ends: float64 (M,) seconds. fits: float64
    (M,), how well each matches, the same measure for all steps.
    """

    owners: NDArray[np.int64]
    starts: NDArray[np.float64]
    ends: NDArray[np.float64]
    fits: NDArray[np.float64]


def chains(steps: Sequence[Step], within_s: Sequence[float]) -> NDArray[np.int64]:
    """Return the best chains, int64 (C, S): of each step the row of its moment; best first.

    A moment follows another one of the same video if it starts after that has started, and at most
    so many seconds after that has ended. A chain is as good as its worst moment. Each moment begins
    one chain at most, the best one, and of chains that share a moment the best is returned; so no
    moment is in two chains as the same step. Equal chains are ordered by video and time.

    Args:
        steps: One or more.
        within_s: For each step after the first, the seconds after the end of the one before.
    """
    best = steps[-1].fits
    following: list[NDArray[np.int64]] = []
    for step, later, within in zip(steps[-2::-1], steps[:0:-1], within_s[::-1], strict=True):
        nexts = _best_next(step, later, best, within)
        reached = np.where(nexts < 0, -np.inf, best[nexts] if len(best) else -np.inf)
        best = np.minimum(step.fits, reached)
        following.insert(0, nexts)
    found = np.flatnonzero(best > -np.inf)
    found = found[np.lexsort((steps[0].starts[found], steps[0].owners[found], -best[found]))]
    rows = [found]
    for nexts in following:
        rows.append(nexts[rows[-1]])
    _, first = np.unique(rows[-1], return_index=True)
    return np.stack(rows, axis=1)[np.sort(first)]


def _best_next(
    step: Step, later: Step, best: NDArray[np.float64], within_s: float
) -> NDArray[np.int64]:
    """Return for each moment of a step the row of the best one that follows it, or -1.

    `best` says how good those of the later step are, with all that follows them.
    """
    nothing = np.full(len(step.owners), -1, np.int64)
    if not len(best) or not len(nothing):
        return nothing
    order = np.lexsort((later.starts, later.owners))
    # The place of each in an order without ties: better, or as good and earlier.
    places = np.empty(len(order), np.int64)
    places[np.lexsort((-np.arange(len(order)), best[order]))] = np.arange(len(order))
    owners, starts = later.owners[order], later.starts[order]
    begin = _place(owners, starts, step.owners, step.starts + _SAME_S)
    end = _place(owners, starts, step.owners, step.ends + within_s + _SAME_S)
    is_followed = begin < end
    if not is_followed.any():
        return nothing
    # The maximum of each run [begin, end); a last place more, because ends may be the length.
    runs = np.stack([begin, end], axis=1)[is_followed].ravel()
    highest = np.maximum.reduceat(np.append(places, -1), runs)[::2]
    at = np.empty(len(order), np.int64)
    at[places] = order
    nothing[is_followed] = at[highest]
    return nothing


def _place(
    owners: NDArray[np.int64],
    starts: NDArray[np.float64],
    of: NDArray[np.int64],
    after: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Return where moments of some owners that start after some times begin in a sorted list."""
    # Ranks of (owner, start) pairs, so that one search finds both.
    count = len(owners)
    every = np.lexsort(
        (
            np.r_[np.zeros(count, np.int8), np.ones(len(of), np.int8)],
            np.r_[starts, after],
            np.r_[owners, of],
        )
    )
    is_asked = every >= count
    before = np.cumsum(~is_asked)
    found = np.empty(len(of), np.int64)
    found[every[is_asked] - count] = before[is_asked]
    return found
