"""The cheapest search of an index that still finds the true neighbours of held queries."""

import math
from dataclasses import dataclass
from typing import Any, Self

import faiss as _faiss
import numpy as np
from numpy.typing import NDArray

from clipseek.index.layout import Layout
from clipseek.nearest import rounding

# The stubs of some releases lack what its Python layer adds.
faiss: Any = _faiss

# Queries of each kind: 5 120 neighbours, a standard error of 0.0014 at 0.99.
_HELD_QUERIES = 512
# Length of the noise added to a stored unit vector to make a held query: a cosine with it of 0.89,
# and, where no sentences are given, of 0.45. Tuned with the latter on 150 000 vectors, sentences
# apart from them found 0.998 of their ten neighbours; with the former alone 0.53
# (`python -m benchmarks.vectors`).
_NOISE, _FAR_NOISE = 0.5, 2.0
# What is aimed at beyond the target, as a share of what the target leaves: twice the standard
# error, so that queries that were not held reach the target too.
_MARGIN = 0.3
# Of what the target leaves, the share that scoring fewer vectors may cost.
_CODES = 0.03
_DEPTHS = (100, 200, 300, 400, 600, 800, 1600)


@dataclass(frozen=True, slots=True)
class Held:
    """Queries of one kind and their ten true neighbours, among vectors rounded to float16.

    queries: float32 (Q, dim). neighbours: float32 (Q, K, dim), best last. tenth: float32 (Q, 1),
    the score of the last of them.
    """

    queries: NDArray[np.float32]
    neighbours: NDArray[np.float32]
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
            np.take_along_axis(rows, best[:, :, None], axis=1),
            np.take_along_axis(scores, best[:, :1], axis=1).astype(np.float32),
        )

    def probes(self, index: Layout, share: float) -> int:
        """Return how many lists hold so large a share of the neighbours, nearest lists first."""
        centres = index.lists.quantizer
        order = centres.search(index.turned(self.queries), index.nlist)[1]
        nearness = np.argsort(order, axis=1)
        flat = self.neighbours.reshape(-1, self.neighbours.shape[2])
        lists = centres.search(index.turned(flat), 1)[1].reshape(len(self.queries), -1)
        needed = np.sort(np.take_along_axis(nearness, lists, axis=1), axis=None) + 1
        return int(needed[min(len(needed) - 1, math.ceil(share * len(needed)) - 1)])

    def recall(self, index: Layout, *, probes: int, depth: int) -> float:
        """Return the share of the ten neighbours found that score no less than the true tenth.

        Judged by score, so that of several equal vectors any one is right.
        """
        k = min(10, index.whole.ntotal)
        scores, _ = index.search(self.queries, k, probes=probes, depth=depth)
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
    """Set the fewest lists and the fewest vectors that reach a recall@10; return the recall.

    It is that of the kind of query that fares worst. The lists are those that hold the true
    neighbours; the vectors are as many as the codes need to let them through.
    """
    spare = 1 - target
    probes = max(kind.probes(index, target + _MARGIN * spare) for kind in kinds)

    def recall(depth: int) -> float:
        return min(kind.recall(index, probes=probes, depth=depth) for kind in kinds)

    depth, best = _DEPTHS[-1], recall(_DEPTHS[-1])
    for shallower in _DEPTHS[:-1] if index.is_coded else ():
        if (measured := recall(shallower)) >= best - _CODES * spare:
            depth, best = shallower, measured
            break
    index.use(probes, depth)
    return best
