"""The last few things that were made, so that what is asked again is not made again."""

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """The `most` things that were asked for last, by a key. Thread-safe.

    Two threads that ask for the same at once may both make it.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._made: list[tuple[object, T]] = []
        self._lock = Lock()

    def get(self, key: object, make: Callable[[], T], same: Callable[[object, object], bool]) -> T:
        """Return what was made for a key that is the `same`, or make it."""
        with self._lock:
            for place, (known, made) in enumerate(self._made):
                if same(known, key):
                    self._made.append(self._made.pop(place))
                    return made
        made = make()
        with self._lock:
            self._made.append((key, made))
            del self._made[: -self._most]
        return made
