"""Runs of near-duplicates: consecutive rows, as those of a video are while little moves."""

import numpy as np
from numpy.typing import NDArray

_BLOCK_ROWS = 8192  # rows that are compared at a time
# How far a run goes before the next begins: the sum of 1 - cosine from row to row, as a share of
# what two rows differ by on average; and most rows of a run. Of a million made frames, 0.993 of the
# neighbours of sentences took 1.29 ms with 0.16 and 1.39 ms with 0.24; with 0.08, comparing codes
# took 1.6 times as long as with 0.16 for 0.97 of them.
_TRAVEL, _LONGEST = 0.15, 64
_SAME = 1e-6  # what float32 rounds a cosine by; equal rows travel no less


def runs_of(vectors: NDArray[np.float32], *, least: int) -> NDArray[np.int32]:
    """Return the run of each of float32 (N, dim) unit rows, from 0, ascending.

    The distance from one row to the next is 1 - cosine; a new run begins after a distance of
    `_TRAVEL`. Each row is a run of its own if there would be fewer runs than `least`.
    """
    steps = np.zeros(len(vectors))
    for start in range(1, len(vectors), _BLOCK_ROWS):
        rows = vectors[start : start + _BLOCK_ROWS]
        before = vectors[start - 1 : start - 1 + len(rows)]
        steps[start : start + len(rows)] = 1 - np.einsum("nd,nd->n", rows, before)
    apart = 1 - float(np.square(vectors.mean(axis=0, dtype=np.float64)).sum())
    travel = max(_TRAVEL * apart, _SAME)
    legs = np.cumsum(np.maximum(steps, travel / _LONGEST)) // travel
    runs = np.cumsum(np.diff(legs, prepend=legs[0]) > 0).astype(np.int32)
    return runs if runs[-1] + 1 >= least else np.arange(len(vectors), dtype=np.int32)


def means_of(vectors: NDArray[np.float32], runs: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the mean of each run, float32 (R, dim)."""
    if runs[-1] == len(runs) - 1:
        return vectors
    starts = np.flatnonzero(np.diff(runs, prepend=-1))
    sizes = np.diff(starts, append=len(runs)).astype(np.float32)
    means: NDArray[np.float32] = np.add.reduceat(vectors, starts, axis=0)
    means /= sizes[:, None]
    return means
