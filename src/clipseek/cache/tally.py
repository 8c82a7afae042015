"""Tally: what one tier of a cache counts."""

import threading
from collections import Counter
from collections.abc import Sequence

from clipseek.protocols import CacheFailure, CacheStats


class Tally:
    """Counts the hits, the misses and the failures of one tier. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hits = 0
        self._misses = 0
        self._failures: Counter[CacheFailure] = Counter()

    def looked_up(self, values: Sequence[bytes | None]) -> None:
        """Count what a look-up found: a hit for each value, a miss for each None."""
        misses = values.count(None)
        with self._lock:
            self._hits += len(values) - misses
            self._misses += misses

    def failed(self, kind: CacheFailure, count: int = 1) -> None:
        """Count failures of a kind."""
        with self._lock:
            self._failures[kind] += count

    def stats(self, *, is_available: bool = True) -> CacheStats:
        """Return the counts as they are now."""
        with self._lock:
            return CacheStats(self._hits, self._misses, dict(self._failures), is_available)
