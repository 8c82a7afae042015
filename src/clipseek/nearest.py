"""Exact nearest rows of a matrix by cosine, in NumPy.

A row is scored in float64 from its own values, whatever block it lies in: equal vectors tie exactly
and a score does not depend on where a vector is stored.
"""

import numpy as np
from numpy.typing import NDArray

_SCORES_BYTES = 64 * 2**20  # of the scores of one block of queries
_BLOCK_ROWS = 8192  # rows that are gathered or widened at a time
_PAIRS = 256  # rows of several queries that are scored at a time: they stay in the cache


def checked(queries: NDArray[np.float32], k: int, dim: int) -> NDArray[np.float32]:
    """Return the queries as contiguous float32 (Q, dim); raise ValueError for what is no query."""
    if queries.ndim != 2 or queries.shape[1] != dim:
        raise ValueError(f"queries must be (Q, {dim}), got {queries.shape}")
    if k < 1:
        raise ValueError(f"k must be >= 1, got {k}")
    if not np.isfinite(queries).all():
        raise ValueError("queries must be finite")
    return np.ascontiguousarray(queries, np.float32)


def ascending(
    ids: NDArray[np.int64], vectors: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Check the rows and order them by id, so that a lower row is a lower id."""
    if vectors.ndim != 2 or ids.shape != (len(vectors),):
        raise ValueError(f"ids {ids.shape} and vectors {vectors.shape} must be (N,) and (N, dim)")
    ids = np.asarray(ids, np.int64)
    if (np.diff(ids) <= 0).any():
        order = np.argsort(ids, kind="stable")
        ids, vectors = ids[order], vectors[order]
        if (np.diff(ids) == 0).any():
            raise ValueError("ids must be distinct")
    if not np.isfinite(vectors).all():
        raise ValueError("vectors must be finite")
    return ids, np.ascontiguousarray(vectors, np.float32)


def rows_of(ids: NDArray[np.int64], allow: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows, ascending, of those allowed ids that there are."""
    wanted = np.unique(np.asarray(allow, np.int64))
    return np.searchsorted(ids, wanted[contained(ids, wanted)]).astype(np.int64)


def contained(held: NDArray[np.int64], ids: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say of each id, in an array of any shape, whether it is in `held`, which ascends."""
    if not len(held):
        return np.zeros(ids.shape, np.bool_)
    places = np.searchsorted(held, ids).clip(max=len(held) - 1)
    return np.asarray(held[places] == ids, np.bool_)


def rounding(dim: int) -> float:
    """Bound how far two float32 scores of unit vectors can be off together.

    Each is off by at most dim * u with u = 2**-24: Higham, Accuracy and Stability of Numerical
    Algorithms, section 3.1.
    """
    return dim * 2.0**-23


def scores_of(vectors: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the cosines float32 (N,), summed in float64 in one order for every row."""
    scores = np.empty(len(vectors), np.float32)
    wide = query.astype(np.float64)
    for start in range(0, len(vectors), _BLOCK_ROWS):
        part = slice(start, start + _BLOCK_ROWS)
        scores[part] = (vectors[part] * wide).sum(axis=1)
    return scores


def scores_of_pairs(
    vectors: NDArray[np.float32], queries: NDArray[np.float32], asked_by: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the cosine float32 (N,) of each row and its query, as `scores_of` does.

    Args:
        vectors: float32 (N, dim).
        queries: float32 (Q, dim).
        asked_by: int64 (N,), the query of each row.
    """
    scores = np.empty(len(vectors), np.float32)
    wide = queries.astype(np.float64)
    for start in range(0, len(vectors), _PAIRS):
        part = slice(start, start + _PAIRS)
        scores[part] = (vectors[part] * wide[asked_by[part]]).sum(axis=1)
    return scores


def nearest(
    vectors: NDArray[np.float32],
    queries: NDArray[np.float32],
    k: int,
    rows: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the k best rows int64 (Q, K), among `rows` if given, and their scores (Q, K)."""
    count = len(vectors) if rows is None else len(rows)
    k = min(k, count)
    found = np.empty((len(queries), k), np.int64)
    scores = np.empty((len(queries), k), np.float32)
    step = max(1, _SCORES_BYTES // (4 * max(count, 1)))
    for start in range(0, len(queries) if k else 0, step):
        block = _rough(vectors, queries[start : start + step], rows)
        for number, rough in enumerate(block, start):
            near = np.flatnonzero(rough >= _kth(rough, k) - rounding(vectors.shape[1]))
            near = near if rows is None else rows[near]
            exact = scores_of(vectors[near], queries[number])
            best = np.lexsort((near, -exact))[:k]
            found[number], scores[number] = near[best], exact[best]
    return found, scores


def _kth(scores: NDArray[np.float32], k: int) -> float:
    """Return the k-th highest score."""
    place = len(scores) - k
    return float(np.partition(scores, place)[place])


def _rough(
    vectors: NDArray[np.float32],
    queries: NDArray[np.float32],
    rows: NDArray[np.int64] | None,
) -> NDArray[np.float32]:
    """Return the scores float32 (Q, N) as the matrix product rounds them."""
    if rows is None:
        return np.asarray(queries @ vectors.T)
    scores = np.empty((len(queries), len(rows)), np.float32)
    for start in range(0, len(rows), _BLOCK_ROWS):
        part = slice(start, start + _BLOCK_ROWS)
        scores[:, part] = queries @ vectors[rows[part]].T
    return scores
