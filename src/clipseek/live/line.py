"""Frames of all cameras on their way to the model: the newest of each, in turns."""

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Line(Generic[T]):
    """What waits for the model. Thread-safe.

    Each camera has at most two frames in it, one of a chunk that has just ended. A batch has at
    most one frame of each camera, and those that waited longest come first: so a camera that sends
    much takes nothing from the others.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[str, deque[T]] = {}
        self._is_closed = False

    def put(self, camera: str, item: T) -> None:
        """Add a frame of a camera."""
        with self._changed:
            self._waiting.setdefault(camera, deque()).append(item)
            self._changed.notify()

    def take(self, most: int, *, timeout_s: float) -> list[T]:
        """Wait for frames, and return at most one of each camera."""
        with self._changed:
            if not self._waiting and not self._is_closed:
                self._changed.wait(timeout_s)
            names = list(self._waiting)[:most]
            taken = [(name, self._waiting.pop(name)) for name in names]
            for name, items in taken:
                if len(items) > 1:  # at the end of the line again
                    self._waiting[name] = deque(list(items)[1:])
            return [items[0] for _, items in taken]

    def close(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def __len__(self) -> int:
        with self._changed:
            return sum(map(len, self._waiting.values()))
