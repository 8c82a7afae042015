"""Layers: a mapping that never changes, and whose next state shares all but what has changed."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Final, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")
Layer = dict[Key, Value | None]


class Layers(Mapping[Key, Value]):
    """An immutable mapping, made of dictionaries, the newest last; no value is None.

    A key of a newer one hides that of an older one, and None says that it is gone. A dictionary is
    joined with the one before while it is half its size or more: so there are few, and a key is
    copied a logarithmic number of times (Bentley and Saxe 1980, "Decomposable searching problems").
    """

    __slots__ = ("_count", "_layers")

    def __init__(self, given: Mapping[Key, Value] | None = None) -> None:
        """Take a mapping, which must not change afterwards."""
        self._layers: Final[list[Layer[Key, Value]]] = [dict(given)] if given else []
        self._count = len(given or ())

    def changed(self, gone: Iterable[Key], added: Mapping[Key, Value]) -> "Layers[Key, Value]":
        """Return the mapping without some keys, and then with others, by what they have now."""
        before = {key for key in chain(gone, added) if key in self}
        if not before and not added:
            return self
        made = Layers[Key, Value]()
        made._layers.extend(self._layers)
        made._layers.append({**dict.fromkeys(before), **added})
        made._count = self._count - len(before) + len(added)
        made._join()
        return made

    def _join(self) -> None:
        layers = self._layers
        while len(layers) > 1 and 2 * len(layers[-1]) >= len(layers[-2]):
            layers[-2:] = [layers[-2] | layers[-1]]
        if len(layers) == 1 and len(layers[0]) > self._count:
            layers[:] = [{key: value for key, value in layers[0].items() if value is not None}]

    def __getitem__(self, key: Key) -> Value:
        for layer in reversed(self._layers):
            if key in layer:
                if (value := layer[key]) is None:
                    break
                return value
        raise KeyError(key)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Key]:
        """Yield the keys, those first that have not changed for the longest time."""
        for number, layer in enumerate(self._layers):
            newer = self._layers[number + 1 :]
            for key, value in layer.items():
                if value is not None and not any(key in each for each in newer):
                    yield key

    @property
    def copied(self) -> int:
        """How many keys the newest dictionary has: what the last change has copied, at most."""
        return len(self._layers[-1]) if self._layers else 0
