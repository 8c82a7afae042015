"""Search by comparing with every vector, in NumPy."""

import numpy as np
from numpy.typing import NDArray

from clipseek.nearest import ascending, checked, nearest, rows_of
from clipseek.types import Neighbours


class ExactIndex:
    """Search by comparing with every vector, in NumPy."""

    recall = 1.0

    def __init__(self, ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Store int64 (N,) distinct ids and float32 (N, dim) unit rows."""
        self.ids, self.vectors = ascending(ids, vectors)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self.vectors.shape[1])

    def __len__(self) -> int:
        return len(self.ids)

    def search(
        self, queries: NDArray[np.float32], k: int, *, allow: NDArray[np.int64] | None = None
    ) -> Neighbours:
        """Find the k nearest rows of each query; see `protocols.VectorIndex`."""
        queries = checked(queries, k, self.dim)
        rows = None if allow is None else rows_of(self.ids, allow)
        found, scores = nearest(self.vectors, queries, k, rows)
        return Neighbours(self.ids[found], scores)

    def vectors_of(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of int64 (K,) ids, which are all there: float32 (K, dim)."""
        return np.asarray(self.vectors[np.searchsorted(self.ids, ids)])

    def truth(
        self, queries: NDArray[np.float32], k: int, *, allow: NDArray[np.int64] | None = None
    ) -> Neighbours:
        """Find the k nearest rows of each query, as `search` does."""
        return self.search(queries, k, allow=allow)
