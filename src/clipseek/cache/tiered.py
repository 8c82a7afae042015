"""TieredCache: a near cache before one that is shared."""

from collections.abc import Mapping, Sequence

from clipseek.protocols import Cache, CacheStats

# How long an entry of the shared cache is kept near at most: it may end sooner there, and asking
# when would double the round trips. An entry so lives this much longer than asked for at most.
NEAR_S = 60.0


class TieredCache:
    """A `Cache` that asks the near one first, and the shared one for what is not there.

    What the shared one knows is taken into the near one, so that an often used entry costs one
    round trip a minute. While the shared one is out, the near one works alone.
    """

    def __init__(self, near: Cache, shared: Cache) -> None:
        self._near = near
        self._shared = shared

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the value under each key, or None."""
        known = dict(zip(keys, self._near.get_many(keys), strict=True))
        missing = [key for key, value in known.items() if value is None]
        if missing:
            values = zip(missing, self._shared.get_many(missing), strict=True)
            found = {key: value for key, value in values if value is not None}
            self._near.put_many(found, NEAR_S)
            known |= found
        return [known[key] for key in keys]

    def peek(self, key: str) -> bytes | None:
        """Return the value that the near cache has, or None."""
        return self._near.peek(key)

    def put_many(self, entries: Mapping[str, bytes], ttl_s: float) -> None:
        """Store each value under its key for `ttl_s` seconds in both."""
        self._near.put_many(entries, ttl_s)
        self._shared.put_many(entries, ttl_s)

    def stats(self) -> Mapping[str, CacheStats]:
        """Return the counts of both tiers; what is asked of the shared one missed the near one."""
        return {**self._near.stats(), **self._shared.stats()}

    def close(self) -> None:
        """Close both."""
        self._near.close()
        self._shared.close()
