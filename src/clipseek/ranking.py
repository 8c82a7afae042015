"""Neighbours of a query to moments: matching neighbours in time become one, in a total order."""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Moment:
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
    order = np.lexsort((ids, rows.spans[:, 0], rows.video_ids, -scores))
    near = order[:_FLOOR_RANK]
    floor = float(scores[near[-1]])
    left, right = _adjacent(near, ids, rows)
    taken = np.zeros(len(ids), np.bool_)
    moments: list[Moment] = []
    for peak in order.tolist():
        if len(moments) == at_most:
            break
        if not taken[peak]:
            least = float(scores[peak]) - _REACH * max(0.0, float(scores[peak]) - floor)
            first = _grow(peak, left, least, scores, taken)
            last = _grow(peak, right, least, scores, taken)
            moments.append(_moment(peak, first, last, ids, scores, rows))
    return moments


def _adjacent(
    near: NDArray[np.int64], ids: NDArray[np.int64], rows: Rows
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each segment which of `near` ends where it starts, and which comes next.

    Both are int64 (K,), with -1 for none and for segments that are not `near` themselves.
    """
    order = near[np.lexsort((ids[near], rows.spans[near, 0], rows.video_ids[near]))]
    one, two = order[:-1], order[1:]
    touch = (rows.video_ids[one] == rows.video_ids[two]) & (
        np.abs(rows.spans[one, 1] - rows.spans[two, 0]) <= ADJACENT_S
    )
    left, right = np.full(len(ids), -1), np.full(len(ids), -1)
    left[two[touch]], right[one[touch]] = one[touch], two[touch]
    return left, right


def _grow(
    peak: int,
    beside: NDArray[np.int64],
    least: float,
    scores: NDArray[np.float32],
    taken: NDArray[np.bool_],
) -> int:
    """Take segments on one side of the peak while they score enough; return the last taken."""
    taken[peak] = True
    last, following = peak, int(beside[peak])
    while following >= 0 and not taken[following] and scores[following] >= least:
        taken[following] = True
        last, following = following, int(beside[following])
    return last


def _moment(
    peak: int,
    first: int,
    last: int,
    ids: NDArray[np.int64],
    scores: NDArray[np.float32],
    rows: Rows,
) -> Moment:
    return Moment(
        segment_id=int(ids[peak]),
        video_id=str(rows.video_ids[peak]),
        span=Span(float(rows.spans[first, 0]), float(rows.spans[last, 1])),
        best_time=float(rows.best_times[peak]),
        score=float(scores[peak]),
        bias=float(rows.biases[peak]),
    )
