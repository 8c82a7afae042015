"""MemoryStore: published indexes in a dictionary, compared vector by vector in plain Python."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import fsum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clipseek.index import Kind
from clipseek.publishing.manifest import Manifest
from clipseek.publishing.store import Published
from clipseek.table import SegmentTable
from clipseek.types import Collection, Neighbours


@dataclass(frozen=True, slots=True)
class _Listed:
    """A `VectorIndex` that sums and sorts in plain Python."""

    ids: list[int]
    vectors: list[list[float]]
    dim: int
    recall: float = 1.0

    def __len__(self) -> int:
        return len(self.ids)

    def search(
        self, queries: NDArray[np.float32], k: int, *, allow: NDArray[np.int64] | None = None
    ) -> Neighbours:
        """Find the k nearest."""
        allowed = set(self.ids) if allow is None else set(allow.tolist())
        best = [
            sorted(
                (-float(np.float32(fsum(map(float.__mul__, query, vector)))), number)
                for number, vector in zip(self.ids, self.vectors, strict=True)
                if number in allowed
            )[:k]
            for query in queries.astype(np.float64).tolist()
        ]
        count = min(k, len(allowed.intersection(self.ids)))
        shape = (len(queries), count)
        return Neighbours(
            np.array([[i for _, i in row] for row in best], np.int64).reshape(shape),
            np.array([[-s for s, _ in row] for row in best], np.float32).reshape(shape),
        )

    def vectors_of(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of some ids."""
        known = dict(zip(self.ids, self.vectors, strict=True))
        rows = [known[number] for number in ids.tolist()]
        return np.array(rows, np.float32).reshape(len(rows), self.dim)

    def truth(
        self, queries: NDArray[np.float32], k: int, *, allow: NDArray[np.int64] | None = None
    ) -> Neighbours:
        """Find the k nearest, as `search` does."""
        return self.search(queries, k, allow=allow)


class MemoryStore:
    """An `IndexStore` in a dictionary. Thread-safe; for few segments."""

    shards = 1

    def __init__(self) -> None:
        self._published: dict[str, Published] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._count = 0

    def pointer(self, key: str) -> str | None:
        """Return the name of what is published, or None."""
        found = self.open(key)
        return None if found is None else found.name

    def manifest(self, key: str) -> Manifest | None:
        """Return what the published index was made from, or None."""
        found = self.open(key)
        return None if found is None else found.manifest

    def open(self, key: str) -> Published | None:
        """Return what is published, or None."""
        if not key or key[0] == "." or any(character in key for character in "/\\\0"):
            raise ValueError(f"collection must be a plain name, got {key!r}")
        return self._published.get(key)

    def damage(self, key: str) -> list[str]:
        """Return nothing: what is in memory is as it was made."""
        self.open(key)
        return []

    @contextmanager
    def building(self, key: str) -> Iterator[Manifest | None]:
        """Be the one builder of a key; others wait."""
        with self._locks[key]:
            yield self.manifest(key)

    def remove(self, key: str) -> None:
        """Forget what is published."""
        self.open(key)
        with self._locks[key]:
            self._published.pop(key, None)

    def forget(self, key: str) -> None:
        """Keep nothing that was published before."""

    def publish(
        self,
        key: str,
        collection: Collection,
        rows: SegmentTable,
        vectors: NDArray[np.float32],
        *,
        history: str,
        queries: NDArray[np.float32] | None = None,  # noqa: ARG002  # nothing is tuned
        kind: Kind | Literal["auto"] = "auto",
    ) -> Manifest:
        """Put a copy in place of what is published."""
        manifest = Manifest.of(
            collection, len(rows), kind="exact", recall=1.0, history=history, asked=kind
        )
        index = _Listed(rows.ids.tolist(), vectors.tolist(), collection.dim)
        self._count += 1
        self._published[key] = Published(f"number {self._count}", manifest, rows, index)
        return manifest
