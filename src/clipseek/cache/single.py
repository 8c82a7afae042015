"""Single: one key at a time, in terms of many."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence


class Single:
    """Gives a cache that gets and puts many keys the methods for one."""

    @abstractmethod
    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the value under each key, or None; see `protocols.Cache`."""

    @abstractmethod
    def put_many(self, entries: Mapping[str, bytes], ttl_s: float) -> None:
        """Store each value under its key; see `protocols.Cache`."""

    def get(self, key: str) -> bytes | None:
        """Return the value under a key, or None."""
        return self.get_many([key])[0]

    def peek(self, key: str) -> bytes | None:  # noqa: ARG002
        """Return nothing: what is not in this process cannot be had without waiting."""
        return None

    def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """Store a value under a key for `ttl_s` seconds."""
        self.put_many({key: value}, ttl_s)
