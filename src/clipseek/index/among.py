"""Search among some rows: the lists that have some of them, the nearest first.

A filter that passes videos which look alike leaves most lists without any row that is allowed, and
nobody looks through those. Of the others, as many are looked through as without a filter; what is
found there says how near a list must be to have something better, and the rest of such lists
follow (decision 0130).
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import faiss as _faiss
import numpy as np
from numpy.typing import NDArray

from clipseek.index.layout import Layout, marked, selected

Reach = tuple[tuple[float, float], ...]
"""How far below the tenth neighbour's score that of the centre of its list may be.

For each kind of query, by ascending first number: what it scores at best, and how far; between two
kinds it is interpolated. None are given where it is not known.
"""

# The stubs of some releases lack what its Python layer adds.
faiss: Any = _faiss

_TENTH = 10
"""The neighbour whose score says which lists may have better ones, as in `tuning.reach`."""


@dataclass(frozen=True, slots=True)
class Among:
    """Some rows of an index with lists, as FAISS asks for them.

    count: How many rows. lists: How many lists have some of them. near: What finds these lists.
    within, own: The runs and the rows that are allowed.
    """

    count: int
    lists: int
    near: Any = field(repr=False)
    within: Any = field(repr=False)
    own: Any = field(repr=False)

    @classmethod
    def of(cls, layout: Layout, held: NDArray[np.int32], rows: NDArray[np.int64]) -> Self:
        """Mark int64 (M,) rows, at least one.

        `held` int32 (R,) is the list of each run, or of each row where there are no runs.
        """
        allowed, has = np.zeros(len(held), np.bool_), np.zeros(layout.nlist, np.bool_)
        allowed[rows if layout.runs is None else layout.runs[rows]] = True
        has[held[allowed]] = True
        near = faiss.SearchParameters(sel=marked(has))
        own = selected(rows, int(layout.whole.ntotal))
        return cls(len(rows), int(has.sum()), near, marked(allowed), own)


class Effort(NamedTuple):
    """How much is looked through.

    first: Lists, the nearest ones. probes: Lists at most. depth: Runs whose vectors are scored,
    where codes choose them. reach: How far the score of the centre of a list may be below that of
    the tenth neighbour found in the first lists; without it, all `probes` are looked through.
    """

    first: int
    probes: int
    depth: int
    reach: Reach


class _Near(NamedTuple):
    """What was found for one query, the best first: scores float32 (N,), numbers int64 (N,)."""

    scores: NDArray[np.float32]
    found: NDArray[np.int64]

    def joined(self, other: "_Near", most: int) -> tuple["_Near", NDArray[np.intp]]:
        """Return the best of both, and which of the other's are among them."""
        scores = np.concatenate([self.scores, other.scores])
        best = np.argsort(-scores, kind="stable")[:most]
        numbers = np.concatenate([self.found, other.found])
        return _Near(scores[best], numbers[best]), best[best >= len(self.found)] - len(self.found)


def search(
    layout: Layout, among: Among, queries: NDArray[np.float32], k: int, effort: Effort
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return scores and rows (Q, k), best first; what is not found is row -1.

    Args:
        layout: An index with lists.
        among: The only rows allowed.
        queries: float32 (Q, dim).
        k: How many.
        effort: How much is looked through.
    """
    scores = np.empty((len(queries), k), np.float32)
    found = np.empty((len(queries), k), np.int64)
    for number in range(len(queries)):
        asked = _Asked(layout, among, queries[number : number + 1], k, effort)
        scores[number], found[number] = asked.answer()
    return scores, found


class _Asked:
    """One query among some rows."""

    def __init__(
        self, layout: Layout, among: Among, query: NDArray[np.float32], k: int, effort: Effort
    ) -> None:
        self._layout, self._among, self._query, self._k = layout, among, query, k
        self._turned = layout.turned(query)
        self._effort = effort
        probes = min(effort.probes, among.lists)
        centres, lists = layout.lists.quantizer.search(self._turned, probes, params=among.near)
        self._lists = _Near(centres[0], lists[0])

    def answer(self) -> _Near:
        """Look through the first lists, and then through those that may have something better."""
        effort, probes = self._effort, len(self._lists.found)
        first = min(effort.first, probes) if effort.reach else probes
        with self._layout.threads(1, first, effort.depth):
            runs = self._runs(0, first)
            near = self._scored(runs)
            until = first if first == probes else self._until(near)
            if until > first:
                more = self._runs(first, until)
                if self._layout.runs is not None:
                    _, better = runs.joined(more, effort.depth)
                    more = _Near(more.scores[better], more.found[better])
                if len(more.found):
                    near, _ = near.joined(self._scored(more), self._k)
        return near

    def _until(self, near: _Near) -> int:
        """Return how many lists are near enough to have something better than the tenth found."""
        tenth = min(_TENTH, self._k) - 1
        if near.found[tenth] < 0:
            return len(self._lists.found)
        # A filter may leave rows out that score more, which the nearest centre does not forget.
        nearest = self._layout.lists.quantizer.search(self._turned, 1)[0][0, 0]
        bests, reaches = zip(*self._effort.reach, strict=True)
        below = np.interp(max(near.scores[tenth], nearest), bests, reaches)
        return int((self._lists.scores >= near.scores[tenth] - below).sum())

    def _runs(self, start: int, end: int) -> _Near:
        """Return the runs that seem best in some of the lists, or the lists where no runs are."""
        some = _Near(self._lists.scores[start:end], self._lists.found[start:end])
        if self._layout.runs is None:
            return some
        depth = min(self._effort.depth, int(self._layout.lists.ntotal))
        return _assigned(self._layout.lists, self._turned, depth, some, self._among.within)

    def _scored(self, runs: _Near) -> _Near:
        return _assigned(self._layout.whole, self._query, self._k, runs, self._among.own)


def _assigned(index: Any, query: NDArray[np.float32], k: int, lists: _Near, selector: Any) -> _Near:
    """Search some lists of an index, whose centres have these scores."""
    scores, found = np.empty(k, np.float32), np.empty(k, np.int64)
    query = np.ascontiguousarray(query, np.float32)
    centres = np.ascontiguousarray(lists.scores, np.float32)
    numbers = np.ascontiguousarray(lists.found, np.int64)
    params = faiss.SearchParametersIVF(sel=selector, nprobe=len(numbers))
    given = map(faiss.swig_ptr, (numbers, centres, scores, found))
    # What the Python layer offers of this takes no selector.
    index.search_preassigned_c(1, faiss.swig_ptr(query), k, *given, False, params)
    return _Near(scores, found)
