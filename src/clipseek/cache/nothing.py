"""NoCache: remembers nothing."""

from collections.abc import Mapping, Sequence

from clipseek.protocols import CacheStats


class NoCache:
    """A `Cache` that is always empty; it has no tier, so it counts nothing."""

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return None for each key."""
        return [None] * len(keys)

    def peek(self, key: str) -> bytes | None:  # noqa: ARG002
        """Return nothing: there is no value in this process."""
        return None

    def put_many(self, entries: Mapping[str, bytes], ttl_s: float) -> None:
        """Store nothing."""

    def stats(self) -> Mapping[str, CacheStats]:
        """Return no tiers."""
        return {}

    def close(self) -> None:
        """Do nothing."""
