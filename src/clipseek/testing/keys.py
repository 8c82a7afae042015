"""MemoryKeys: a store of keys in a dictionary."""

from collections.abc import Sequence

from clipseek.keys import Key


class MemoryKeys:
    """A `KeyStore` in memory; `error` is raised by each read while it is set."""

    def __init__(self) -> None:
        self._by_name: dict[str, Key] = {}
        self.error: Exception | None = None

    def keys(self) -> Sequence[Key]:
        """Return all keys by name."""
        if self.error is not None:
            raise self.error
        return [self._by_name[name] for name in sorted(self._by_name)]

    def add(self, key: Key) -> bool:
        """Store a key; False if there is one of this name already."""
        return self._by_name.setdefault(key.name, key) is key

    def remove(self, name: str) -> bool:
        """Remove a key; False if there is none of this name."""
        return self._by_name.pop(name, None) is not None
