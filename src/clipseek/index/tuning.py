"""The cheapest search of an index that still finds the true neighbours of held queries."""

import math
from dataclasses import dataclass
from typing import Any, Self

import faiss as _faiss
import numpy as np
from numpy.typing import NDArray

from clipseek.index.among import Reach
from clipseek.index.layout import Layout
from clipseek.nearest import rounding

# The stubs of some releases lack what its Python layer adds.
faiss: Any = _faiss

# Queries of each kind: 5 120 neighbours, some of them of one video and found or lost together.
_HELD_QUERIES = 512
# Length of the noise added to a stored unit vector to make a held query: a cosine with it of 0.89,
# and, where no sentences are given, of 0.45. Tuned with the latter on 150 000 vectors, sentences
# apart from them found 0.998 of their ten neighbours; with the former alone 0.53
# (`python -m benchmarks.vectors`).
_NOISE, _FAR_NOISE = 0.5, 2.0
# What is aimed at beyond the target, as a share of what the target leaves: of 110 000 made frames,
# queries that were not held found 0.987 at 0.3, 0.990 at 0.4 and 0.993 at 0.5, where the target
# was 0.99 (with other frames 0.992 at 0.3).
_MARGIN = 0.5
# What scoring a run costs, in codes compared: over a million vectors of 512 components in lists of
# codes of 2 bits, a code took 6.9 ns and a run, of 1 vector or of 6, 0.9 to 1.3 us.
_RUN = 150
_LEAST = 10  # fewest runs that are scored, so that there are ten rows
_DEEPEST = 2048  # most runs that are scored for ten neighbours, and that places are noted of
_EFFORTS = 40  # numbers of lists that are weighed against each other


@dataclass(frozen=True, slots=True)
class Held:
    """Queries of one kind and their ten true neighbours, among vectors rounded to float16.

    queries: float32 (Q, dim). neighbours: int64 (Q, K), rows, best last. tenth: float32 (Q, 1),
    the score of the last of them.
    """

    queries: NDArray[np.float32]
    neighbours: NDArray[np.int64]
    tenth: NDArray[np.float32]

    @classmethod
    def of(cls, queries: NDArray[np.float32], vectors: NDArray[np.float32]) -> Self:
        """Find the neighbours among float32 (N, dim) by comparing with all of them."""
        k = min(10, len(vectors))
        near = faiss.knn(
            queries, vectors, min(2 * k, len(vectors)), metric=faiss.METRIC_INNER_PRODUCT
        )[1]
        rows = vectors[near].astype(np.float16).astype(np.float32)
        scores = np.einsum("qkd,qd->qk", rows, queries)
        best = np.argsort(scores, axis=1)[:, -k:]
        return cls(
            queries,
            np.take_along_axis(near, best, axis=1),
            np.take_along_axis(scores, best[:, :1], axis=1).astype(np.float32),
        )

    def nearness(self, index: Layout) -> NDArray[np.int64]:
        """Return for each neighbour how many lists are nearer than its own, int64 (Q, K)."""
        order = index.lists.quantizer.search(index.turned(self.queries), index.nlist)[1]
        return np.take_along_axis(
            np.argsort(order, axis=1), index.lists_of(self.neighbours), axis=1
        )

    def centres(self, index: Layout) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the scores of the centre of each neighbour's list, (Q, K), and the best (Q, 1)."""
        scores, order = index.lists.quantizer.search(index.turned(self.queries), index.nlist)
        by_list = np.empty_like(scores)
        np.put_along_axis(by_list, order, scores, axis=1)
        own = np.take_along_axis(by_list, index.lists_of(self.neighbours), axis=1)
        return own, scores[:, :1]

    def places(self, index: Layout, probes: int) -> NDArray[np.int64]:
        """Return for each neighbour how many runs seem nearer than its own, int64 (Q, K)."""
        if index.runs is None:
            return np.zeros_like(self.neighbours)
        ranked = index.ranked(self.queries, probes=probes, depth=_DEEPEST)
        own = index.runs[self.neighbours]
        places = np.full(own.shape, _DEEPEST, np.int64)
        query, neighbour, place = np.nonzero(ranked[:, None] == own[:, :, None])
        places[query, neighbour] = place
        return places

    def recall(self, index: Layout, *, probes: int, depth: int) -> float:
        """Return the share of the ten neighbours found that score no less than the true tenth.

        Judged by score, so that of several equal vectors any one is right.
        """
        k = min(10, index.whole.ntotal)
        scores, _ = index.search(self.queries, k, probes=probes, depth=depth)
        return self.found(scores)

    def found(self, scores: NDArray[np.float32]) -> float:
        """Return the share of float32 (Q, 10) scores that reach the score of the true tenth."""
        return float((scores >= self.tenth - rounding(self.queries.shape[1])).mean())


def held(vectors: NDArray[np.float32], queries: NDArray[np.float32] | None) -> list[Held]:
    """Return the queries of each kind that recall is measured on.

    Vectors of `vectors` float32 (N, dim) with noise, and some of `queries` float32 (M, dim).
    """
    chance = np.random.default_rng(1)
    length = _FAR_NOISE if queries is None else _NOISE
    noisy = vectors[chance.permutation(len(vectors))[:_HELD_QUERIES]]
    noise = chance.standard_normal(noisy.shape, np.float32)
    noisy = noisy + length * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    kinds = [noisy / np.linalg.norm(noisy, axis=1, keepdims=True)]
    if queries is not None and len(queries):
        kinds.append(queries[chance.permutation(len(queries))[:_HELD_QUERIES]])
    return [Held.of(np.ascontiguousarray(kind, np.float32), vectors) for kind in kinds]


def tune(index: Layout, kinds: list[Held], target: float) -> float:
    """Set the lists and the runs that reach a recall@10 at the least cost; return the recall.

    It is the recall of the worst kind of query. A neighbour is found if its list is among the
    nearest ones, and its run is among those that seem best in these lists.
    """
    goal = target + _MARGIN * (1 - target)
    near = [kind.nearness(index) for kind in kinds]
    shares = np.linspace(min(goal, 1), 1, _EFFORTS)[:-1]
    tried = [max(np.quantile(each, share, method="higher") for each in near) for share in shares]
    probes = [int(most) + 1 for most in tried]
    places = [kind.places(index, probes[-1]) for kind in kinds]
    needed = [
        max(_depth(n < most, p, goal) for n, p in zip(near, places, strict=True)) for most in probes
    ]
    codes = int(index.lists.ntotal) / index.nlist
    best = np.argmin(
        [most * codes + depth * _RUN for most, depth in zip(probes, needed, strict=True)]
    )
    index.use(probes[best], needed[best])
    return min(kind.recall(index, probes=probes[best], depth=needed[best]) for kind in kinds)


def reach(index: Layout, kinds: list[Held], target: float) -> Reach:
    """Return how far below the tenth neighbour's score the centre of its list is, see `Reach`.

    Lists so near have as many neighbours of each kind of query as `tune` aims at. What a kind
    scores at best is the median of its tenth neighbours, or of its nearest centres.
    """
    goal = min(target + _MARGIN * (1 - target), 1)
    found = []
    for kind in kinds:
        own, nearest = kind.centres(index)
        best = np.median(np.maximum(kind.tenth, nearest))
        below = np.quantile(kind.tenth - own, goal, method="higher")
        found.append((float(best), float(below)))
    return tuple(sorted(found))


def _depth(is_near: NDArray[np.bool_], places: NDArray[np.int64], share: float) -> int:
    """Return how many runs are scored until so large a share of the neighbours is found."""
    within = np.sort(np.where(is_near, places, _DEEPEST), axis=None)
    last = min(len(within), math.ceil(share * len(within))) - 1
    return max(_LEAST, min(_DEEPEST, int(within[last]) + 1))
