"""LocalCache: the most recently used entries, in this process."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from clipseek.cache.tally import Tally
from clipseek.protocols import CacheStats

# Memory of an entry, in addition to the characters of its key and the bytes of its value.
# Measured with tracemalloc over 20 000 entries, CPython 3.11, 64 bits: 222.
ENTRY_BYTES = 222


class LocalCache:
    """A `Cache` bounded by entries and by bytes; what was not used longest goes first. Thread-safe.

    `max_entries` 0 stores nothing. A value that is larger than `max_bytes` is not stored.
    """

    def __init__(
        self,
        max_entries: int,
        max_bytes: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._bytes = 0
        self._tally = Tally()

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the value under each key, or None."""
        now = self._clock()
        with self._lock:
            values = [self._get(key, now) for key in keys]
        self._tally.looked_up(values)
        return values

    def peek(self, key: str) -> bytes | None:
        """Return the value under a key, or None; only a hit is counted."""
        with self._lock:
            value = self._get(key, self._clock())
        if value is not None:
            self._tally.looked_up([value])
        return value

    def put_many(self, entries: Mapping[str, bytes], ttl_s: float) -> None:
        """Store each value under its key for `ttl_s` seconds."""
        if ttl_s <= 0:
            return
        ends = self._clock() + ttl_s
        with self._lock:
            for key, value in entries.items():
                self._drop(key)
                self._entries[key] = (value, ends)
                self._bytes += _size(key, value)
            while len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
                self._drop(next(iter(self._entries)))

    @property
    def entries(self) -> int:
        """How many there are. Not `len`, by which an empty cache would be false."""
        return len(self._entries)

    @property
    def size_bytes(self) -> int:
        """What the entries take, as far as it is counted; at most `max_bytes`."""
        return self._bytes

    def stats(self) -> Mapping[str, CacheStats]:
        """Return the counts of this tier, "local"."""
        return {"local": self._tally.stats()}

    def close(self) -> None:
        """Do nothing: the memory goes with the object."""

    def _get(self, key: str, now: float) -> bytes | None:
        if key not in self._entries:
            return None
        value, ends = self._entries[key]
        if now >= ends:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return value

    def _drop(self, key: str) -> None:
        dropped = self._entries.pop(key, None)
        if dropped is not None:
            self._bytes -= _size(key, dropped[0])


def _size(key: str, value: bytes) -> int:
    return len(key) + len(value) + ENTRY_BYTES
