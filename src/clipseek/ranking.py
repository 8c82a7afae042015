"""Neighbours of a query to moments: matching neighbours in time become one, in a total order."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clipseek.types import Span

# Segments of one video that lie no further apart are adjacent; times are stored as float32, which
# keeps a millisecond up to 2.3 hours (2**13 s * 2**-24 = 0.5 ms).
ADJACENT_S = 1e-3
# The floor of a query is the score of its neighbour of this rank, however many are asked for.
_FLOOR_RANK = 64
# How much of the way from the peak of a moment down to the floor a segment may lie and still
# belong to the moment. On made films (`python -m benchmarks.moments`) the first hit overlaps an
# event asked for by a mean IoU of 0.93 to 0.95 with and without merging, and a whole scene by 0.87
# to 1.00 instead of 0.21 to 0.26. At 0.5, events of small libraries lose 0.04; at 0.2, scenes 0.35.
_REACH = 0.35


@dataclass(frozen=True, slots=True)
class Rows:
    """What is known of some segments, rows together.

    video_ids: str (K,). spans: float64 (K, 2) seconds. best_times: float64 (K,) seconds.
    biases: float32 (K,), `calibration.bias` of each vector.
    """

    video_ids: NDArray[np.str_]
    spans: NDArray[np.float64]
    best_times: NDArray[np.float64]
    biases: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.video_ids)

    def part(self, start: int, stop: int) -> "Rows":
        """Return some of the rows."""
        return Rows(
            video_ids=self.video_ids[start:stop],
            spans=self.spans[start:stop],
            best_times=self.best_times[start:stop],
            biases=self.biases[start:stop],
        )


class Moment(NamedTuple):
    """One or several adjacent segments that match a query.

    All but `span` are those of the segment that matches best; `score` is its cosine.
    """

    segment_id: int
    video_id: str
    span: Span
    best_time: float
    score: float
    bias: float


def candidates(limit: int) -> int:
    """Return how many neighbours to ask for so that enough moments are left after merging."""
    return max(4 * limit, _FLOOR_RANK)


def merge(
    ids: NDArray[np.int64], scores: NDArray[np.float32], rows: Rows, *, at_most: int | None = None
) -> list[Moment]:
    """Merge the neighbours of one query to moments, best first.

    From each peak of the score a moment grows to both sides over adjacent segments, for as long
    as their score is near that of the peak. How near is measured by how far the peak stands out
    of the query's neighbours, so that a moment grows over what matches as well and not over what
    is merely next to it. Neighbours past rank 64 change nothing above them.

    Args:
        ids: int64 (K,), distinct segment ids.
        scores: float32 (K,), cosines.
        rows: What is known of those segments, in the same order.
        at_most: How many moments to return, or None for all.

    Returns:
        Moments by descending score, then video id, then start; the order of the neighbours given
        does not matter.
    """
    if not len(ids):
        return []
    order = _best_first(ids, scores, rows)
    near = order[:_FLOOR_RANK]
    left, right = _adjacent(near, ids, rows)
    # Single numbers are read several times faster from lists than from arrays.
    heights = scores.tolist()
    floor = heights[near[-1]]
    taken = [False] * len(heights)
    grown: list[tuple[int, int, int]] = []
    for peak in order.tolist():
        if len(grown) == at_most:
            break
        if not taken[peak]:
            least = heights[peak] - _REACH * max(0.0, heights[peak] - floor)
            first = _grow(peak, left, least, heights, taken)
            last = _grow(peak, right, least, heights, taken)
            grown.append((peak, first, last))
    return _moments(grown, ids, scores, rows)


def _best_first(
    ids: NDArray[np.int64], scores: NDArray[np.float32], rows: Rows
) -> NDArray[np.int64]:
    """Return the total order, int64 (K,); only ties need more than the scores."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    if (ranked[1:] == ranked[:-1]).any():
        return np.lexsort((ids, rows.spans[:, 0], rows.video_ids, -scores))
    return order


def _adjacent(
    near: NDArray[np.int64], ids: NDArray[np.int64], rows: Rows
) -> tuple[list[int], list[int]]:
    """Return for each segment which of `near` ends where it starts, and which comes next.

    Both are of length K, with -1 for none and for segments that are not `near` themselves.
    """
    numbers: dict[str, int] = {}
    names = rows.video_ids[near].tolist()
    video = np.array([numbers.setdefault(name, len(numbers)) for name in names])
    starts, ends = rows.spans[near, 0], rows.spans[near, 1]
    order = np.lexsort((ids[near], starts, video))
    one, two = order[:-1], order[1:]
    touch = (video[one] == video[two]) & (np.abs(ends[one] - starts[two]) <= ADJACENT_S)
    left, right = [-1] * len(ids), [-1] * len(ids)
    for earlier, later in zip(near[one[touch]].tolist(), near[two[touch]].tolist(), strict=True):
        left[later], right[earlier] = earlier, later
    return left, right


def _grow(
    peak: int, beside: list[int], least: float, scores: list[float], taken: list[bool]
) -> int:
    """Take segments on one side of the peak while they score enough; return the last taken."""
    taken[peak] = True
    last, following = peak, beside[peak]
    while following >= 0 and not taken[following] and scores[following] >= least:
        taken[following] = True
        last, following = following, beside[following]
    return last


def _moments(
    grown: list[tuple[int, int, int]],
    ids: NDArray[np.int64],
    scores: NDArray[np.float32],
    rows: Rows,
) -> list[Moment]:
    """Make moments of their peaks, first and last segments."""
    if not grown:
        return []
    peaks, first, last = np.array(grown).T
    columns = (
        ids[peaks],
        rows.video_ids[peaks],
        rows.spans[first, 0],
        rows.spans[last, 1],
        rows.best_times[peaks],
        scores[peaks],
        rows.biases[peaks],
    )
    return [
        Moment(segment, video, Span(start, end), best_time, score, bias)
        for segment, video, start, end, best_time, score, bias in zip(
            *(column.tolist() for column in columns), strict=True
        )
    ]
