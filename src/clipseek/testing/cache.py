"""DictCache: a cache without bounds, in a dictionary."""

import math
import time
from collections.abc import Callable, Mapping, Sequence

from clipseek.cache.tally import Tally
from clipseek.protocols import CacheStats


class DictCache:
    """A `Cache` without limits, in a dictionary. Thread-safe.

    entries: Its content, each value with the time of the clock at which it expires.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.entries: dict[str, tuple[bytes, float]] = {}
        self._clock = clock
        self._tally = Tally()

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the value under each key, or None."""
        now = self._clock()
        found = [self.entries.get(key, (None, math.inf)) for key in keys]
        values = [value if now < ends else None for value, ends in found]
        self._tally.looked_up(values)
        return values

    def peek(self, key: str) -> bytes | None:
        """Return the value under a key, or None; only a hit is counted."""
        value, ends = self.entries.get(key, (None, math.inf))
        if value is None or self._clock() >= ends:
            return None
        self._tally.looked_up([value])
        return value

    def put_many(self, entries: Mapping[str, bytes], ttl_s: float) -> None:
        """Store each value under its key for `ttl_s` seconds; 0 or less stores nothing."""
        if ttl_s > 0:
            ends = self._clock() + ttl_s
            self.entries |= {key: (value, ends) for key, value in entries.items()}

    def stats(self) -> Mapping[str, CacheStats]:
        """Return the counts of this tier, "dict"."""
        return {"dict": self._tally.stats()}

    def close(self) -> None:
        """Do nothing: the memory goes with the object."""
