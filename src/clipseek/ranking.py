"""Neighbours of a query to moments: matching neighbours in time become one, in a total order."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clipseek.types import Neighbours, Span

# Segments of one video that are no further apart are adjacent; times are stored as float32, which
# keeps a millisecond up to 2.3 hours (2**13 s * 2**-24 = 0.5 ms).
ADJACENT_S = 1e-3
# The floor of a query is the score of its neighbour of this rank, however many are asked for.
_FLOOR_RANK = 64
# How far down from the peak of a moment towards the floor a segment may be and still belong to
# the moment. On generated videos (`python -m benchmarks.moments`) the first hit overlaps an
# event asked for by a mean IoU of 0.93 to 0.95 with and without merging, and a whole scene by 0.87
# to 1.00 instead of 0.21 to 0.26. At 0.5, events of small libraries lose 0.04; at 0.2, scenes 0.35.
_REACH = 0.35


# A moment begins and ends with a frame that has this share of the relevance of its best frame. On
# 480 queries of demo videos, 0.25 to 0.75 give the same R@1 at IoU 0.5 within 0.01, and generated
# whole scenes, which have odd frames, lose a mean IoU of 0.02 at most
# (`python -m benchmarks.sharpening`).
_SHARP = 0.5

# Moments whose vectors have this cosine or more are near-identical. With the demo model, 1.000 of
# the copies of a picture at half the size and of the pictures a moment later reach it, and 0.000 of
# those in which one thing has another colour or is another one (`python -m benchmarks.similar`).
ALIKE = 0.96


@dataclass(frozen=True, slots=True)
class Rows:
    """What is known of some segments, rows together.

    video_ids: str (K,). owners: int64 (K,), equal if the videos are. spans: float64 (K, 2)
    seconds. best_times: float64 (K,) seconds. biases: float32 (K,), `calibration.bias` of each
    vector.
    """

    video_ids: NDArray[np.str_]
    owners: NDArray[np.int64]
    spans: NDArray[np.float64]
    best_times: NDArray[np.float64]
    biases: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.video_ids)

    def at(self, places: NDArray[np.int64]) -> "Rows":
        """Return some of them, int64 (M,), in this order."""
        return Rows(
            self.video_ids[places],
            self.owners[places],
            self.spans[places],
            self.best_times[places],
            self.biases[places],
        )

    def joined(self, other: "Rows") -> "Rows":
        """Return these and then others."""
        return Rows(
            np.concatenate([self.video_ids, other.video_ids]),
            np.concatenate([self.owners, other.owners]),
            np.concatenate([self.spans, other.spans]),
            np.concatenate([self.best_times, other.best_times]),
            np.concatenate([self.biases, other.biases]),
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
    """Return how many neighbours to ask for so that enough moments are left after merging.

    At least 4 for each moment and 64, as a power of two: so the neighbours that one page of an
    answer compares are whole rings (see `_rings`) of what the next page compares.
    """
    return max(1 << (4 * limit - 1).bit_length(), _FLOOR_RANK)


@dataclass(frozen=True, slots=True, eq=False)
class Grown:
    """The moments of a batch of queries, as rows, before `Moment` objects are made.

    peaks: For each query the rows of the best segments, int64 (M,), best moment first.
    first, last: int64 (Q * K,), for each of those rows the first and the last segment's row.
    """

    peaks: Sequence[NDArray[np.int64]]
    first: NDArray[np.int64]
    last: NDArray[np.int64]


def merge(
    near: Neighbours, rows: Rows, asked: Sequence[int], at_most: Sequence[int | None]
) -> list[list[Moment]]:
    """Merge the neighbours of each query of a batch to moments, best first, `at_most` so many.

    See `grow`, and `moments`.
    """
    grown = grow(near, rows, asked)
    chosen = [peaks[:most] for peaks, most in zip(grown.peaks, at_most, strict=True)]
    return moments(near, rows, replace(grown, peaks=chosen))


def grow(near: Neighbours, rows: Rows, asked: Sequence[int]) -> Grown:
    """Merge the neighbours of each query of a batch, best first.

    From each peak of the score a moment grows to both sides over adjacent segments, for as long
    as their score is near that of the peak. The tolerance depends on how far the peak is above the
    other neighbours of the query, so that a moment grows over what matches as well and not over
    what is merely next to it. Neighbours past rank 64 change nothing above them.

    Args:
        near: Distinct segment ids int64 (Q, K) and cosines float32 (Q, K), of each query.
        rows: What is known of those segments, in the same order, Q * K of them.
        asked: How many of its neighbours count for each query, the first ones: at least 64, or all.

    Returns:
        For each query moments by descending score, then ring, video id and start; the order of the
        neighbours given does not matter.
    """
    queries, width = near.ids.shape
    first = np.arange(queries * width)
    last = first.copy()
    if not width:
        return Grown([first] * queries, first, last)
    order = _best_first(near, rows, asked)
    left, right = _adjacent(order[:, :_FLOOR_RANK], near.ids.ravel(), rows)
    is_peak = np.arange(width) < np.array(asked)[:, None]
    is_linked = (is_peak & ((left >= 0) | (right >= 0))[order]).any(axis=1)
    if is_linked.any():
        # Single numbers are read several times faster from lists than from arrays.
        growth = _Growth(near.scores.ravel().tolist(), left.tolist(), right.tolist())
        for query in np.flatnonzero(is_linked).tolist():
            floor = min(_FLOOR_RANK, asked[query], width) - 1
            growth.grow(order[query, : asked[query]].tolist(), floor)
        grown = np.array(growth.grown).T
        first[grown[0]], last[grown[0]] = grown[1], grown[2]
        is_peak &= ~np.array(growth.absorbed)[order]
    peaks = [mine[which] for mine, which in zip(order, is_peak, strict=True)]
    return Grown(peaks, first, last)


def place_after(
    ids: NDArray[np.int64], scores: NDArray[np.float32], segment_id: int, score: float
) -> int:
    """Return where the moments after one begin, in moments by descending score.

    If that one is not among them, as an approximate search may find others when it is asked for
    more, those after its score begin there.

    Args:
        ids: int64 (M,), the best segment of each moment.
        scores: float32 (M,), descending.
        segment_id: The best segment of that moment.
        score: Its score.
    """
    here = np.flatnonzero(ids == segment_id)
    if len(here):
        return int(here[0]) + 1
    return int(np.searchsorted(-scores, -np.float32(score), side="right"))


def alike(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return for each moment the first one that it is near-identical to, or its own row.

    Each is compared with those before it that stand for themselves, so that moments do not become
    alike step by step.

    Args:
        vectors: float32 (M, dim) unit rows, the best segment of each moment, best moment first.
    """
    first = np.arange(len(vectors))
    is_alike = vectors @ vectors.T >= ALIKE
    is_open = np.ones(len(vectors), np.bool_)
    for row in range(len(vectors)):
        if is_open[row]:
            others = is_alike[row] & is_open
            others[: row + 1] = False
            first[others], is_open[others] = row, False
    return first


def moments(near: Neighbours, rows: Rows, grown: Grown) -> list[list[Moment]]:
    """Make moments of what has grown, for each query in the order given."""
    ends = itertools.accumulate((len(each) for each in grown.peaks), initial=0)
    every = _moments(grown, near.ids.ravel(), near.scores.ravel(), rows)
    return [every[begin:end] for begin, end in itertools.pairwise(ends)]


def apart(
    peaks: NDArray[np.int64], grown: Grown, rows: Rows, video_id: str, span: Span
) -> NDArray[np.int64]:
    """Leave out of a query's moments those that overlap a span of a video."""
    starts, ends = rows.spans[grown.first[peaks], 0], rows.spans[grown.last[peaks], 1]
    overlaps = (starts < span.end - ADJACENT_S) & (ends > span.start + ADJACENT_S)
    kept: NDArray[np.int64] = peaks[~(overlaps & (rows.video_ids[peaks] == video_id))]
    return kept


def trimmed(span: Span, times: NDArray[np.float64], relevance: NDArray[np.float64]) -> Span:
    """Return the part of a moment from the first to the last frame that shows what is asked for.

    Those are the frames with half of the relevance of its best frame. What is between them stays,
    because a single odd frame does not end a moment.

    Args:
        span: The moment. It stays as it is without a frame in it.
        times: float64 (N,), seconds, ascending: each frame of the video is shown until the next.
        relevance: float64 (N,), theirs.
    """
    inside = np.flatnonzero((times >= span.start - ADJACENT_S) & (times < span.end - ADJACENT_S))
    if not len(inside):
        return span
    mine = relevance[inside]
    fits = np.flatnonzero(mine >= _SHARP * mine.max())
    start, end = span.start, span.end
    if fits[0] > 0:
        start = float(times[inside[fits[0]]])
    if fits[-1] < len(inside) - 1:
        end = float(times[inside[fits[-1] + 1]])
    return Span(start, end)


class _Growth:
    """Grows moments over rows; `grown` are the rows of their best, first and last segments.

    left, right: For each row the adjacent one in time, or -1. absorbed: Which rows are part of a
    moment whose best segment is another.
    """

    def __init__(self, scores: list[float], left: list[int], right: list[int]) -> None:
        self._scores, self._left, self._right = scores, left, right
        self._taken = [False] * len(scores)
        self.absorbed = [False] * len(scores)
        self.grown: list[tuple[int, int, int]] = []

    def grow(self, mine: list[int], floor: int) -> None:
        """Grow the moments of one query, whose rows are given best first, above the floor's."""
        scores = self._scores
        lowest = scores[mine[floor]]
        for peak in mine:
            if self._taken[peak] or (self._left[peak] < 0 and self._right[peak] < 0):
                continue
            self._taken[peak] = True
            least = scores[peak] - _REACH * max(0.0, scores[peak] - lowest)
            first = self._last(peak, self._left, least)
            self.grown.append((peak, first, self._last(peak, self._right, least)))

    def _last(self, peak: int, beside: list[int], least: float) -> int:
        """Take segments on one side of the peak while they score enough; return the last taken."""
        last, following = peak, beside[peak]
        while following >= 0 and not self._taken[following] and self._scores[following] >= least:
            self._taken[following] = self.absorbed[following] = True
            last, following = following, beside[following]
        return last


def _best_first(near: Neighbours, rows: Rows, asked: Sequence[int]) -> NDArray[np.int64]:
    """Return the total order of each query's neighbours, int64 (Q, K) rows.

    Those that do not count come last. Only ties need more than the scores.
    """
    queries, width = near.ids.shape
    counts = np.arange(width) < np.array(asked)[:, None]
    scores = np.where(counts, near.scores, -np.inf)
    order = np.argsort(-scores, axis=1, kind="stable")
    ranked = np.take_along_axis(scores, order, axis=1)
    ties = (ranked[:, 1:] == ranked[:, :-1]) & (ranked[:, 1:] > -np.inf)
    order += width * np.arange(queries)[:, None]
    for query in np.flatnonzero(ties.any(axis=1)):
        mine = slice(query * width, (query + 1) * width)
        rings = _rings(near.ids[query], scores[query])
        keys = near.ids[query], rows.spans[mine, 0], rows.video_ids[mine], rings, -scores[query]
        order[query] = query * width + np.lexsort(keys)
    return order


def _rings(ids: NDArray[np.int64], scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the ring of each neighbour by its rank: 0 to 63, 64 to 127, 128 to 255, and so on.

    The nearest neighbours of one score are those of the lowest ids. More of them move no others, as
    long as those that were found before are in an inner ring.
    """
    ranks = np.empty(len(ids), np.int64)
    ranks[np.lexsort((ids, -scores))] = np.arange(len(ids))
    return np.where(ranks < _FLOOR_RANK, 0, np.frexp(ranks)[1]).astype(np.int64)


def _adjacent(
    near: NDArray[np.int64], ids: NDArray[np.int64], rows: Rows
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each segment which of `near`, rows (Q, M), ends where it starts, and the next.

    Both are of the length of all rows, with -1 for none and for segments that are not `near`.
    """
    videos = 1 + int(rows.owners.max())
    flat = near.ravel()
    group = rows.owners[flat] + videos * np.repeat(np.arange(len(near)), near.shape[1])
    starts, ends = rows.spans[flat, 0], rows.spans[flat, 1]
    order = np.lexsort((ids[flat], starts, group))
    one, two = order[:-1], order[1:]
    touch = (group[one] == group[two]) & (np.abs(ends[one] - starts[two]) <= ADJACENT_S)
    left, right = np.full(len(ids), -1), np.full(len(ids), -1)
    earlier, later = flat[one[touch]], flat[two[touch]]
    left[later], right[earlier] = earlier, later
    return left, right


def _moments(
    grown: Grown, ids: NDArray[np.int64], scores: NDArray[np.float32], rows: Rows
) -> list[Moment]:
    """Make moments of their peaks, first and last segments."""
    if not grown.peaks:
        return []
    peaks = np.concatenate(grown.peaks)
    first, last = grown.first[peaks], grown.last[peaks]
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
