"""What finds the nearest vectors."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from clipseek.types import Neighbours


class VectorIndex(Protocol):
    """Nearest vectors by cosine. Read-only; safe for concurrent searches."""

    @property
    def dim(self) -> int:
        """Length of a vector."""
        ...

    def __len__(self) -> int: ...

    def search(
        self, queries: NDArray[np.float32], k: int, *, allow: NDArray[np.int64] | None = None
    ) -> Neighbours:
        """Find the k nearest of float32 (Q, dim) unit rows, among the ids in `allow` if given.

        Rows are ordered by descending score, then ascending id. There is no padding:
        K = min(k, number of vectors allowed).
        """
        ...

    def vectors_of(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of int64 (K,) ids, which are all there: float32 (K, dim)."""
        ...

    @property
    def recall(self) -> float:
        """Share of the true ten nearest that `search` finds: 1 if it compares every vector.

        Any other index states what was measured when it was built, which is less than 1.
        """
        ...

    def truth(
        self, queries: NDArray[np.float32], k: int, *, allow: NDArray[np.int64] | None = None
    ) -> Neighbours:
        """Find the k nearest that the recall of `search` is judged by; may take long.

        They are the true ones, unless comparing every vector would take too long: then those that
        a much more thorough search finds.
        """
        ...
