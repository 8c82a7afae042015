"""What remembers what was computed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

CacheFailure = Literal["timeout", "unreachable", "refused", "damaged", "skipped"]
"""Why a cache did not do what it was asked: no answer in time; no connection; an error as answer
(full, no permission, wrong password); a value that is not the one stored; not asked, because it
did not answer lately."""


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What one tier of a cache has counted since it was made.

    hits, misses: Keys looked up. A key that could not be looked up is a miss. failures: By kind.
    is_available: False while the tier is left alone because it did not answer.
    """

    hits: int = 0
    misses: int = 0
    failures: Mapping[CacheFailure, int] = field(default_factory=dict)
    is_available: bool = True


class Cache(Protocol):
    """Stores computed bytes under keys that contain everything they depend on. Thread-safe.

    It may forget anything at any time. No method raises: an outage is a miss, and counted.
    """

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the value under each key, or None, in their order."""
        ...

    def peek(self, key: str) -> bytes | None:
        """Return the value if it is available without waiting, as on an event loop, otherwise None.

        None is not counted as a miss: the caller asks again with `get_many` when it may wait.
        """
        ...

    def put_many(self, entries: Mapping[str, bytes], ttl_s: float) -> None:
        """Store each value under its key for `ttl_s` seconds; 0 or less stores nothing."""
        ...

    def stats(self) -> Mapping[str, CacheStats]:
        """Return what each tier has counted, by the tier's name."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...
