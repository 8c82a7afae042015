"""MemoryShares: how decoders share the memory that they may take."""

import threading
from dataclasses import dataclass, field

from clipseek.video.limits import PATIENCE_S


@dataclass
class MemoryShares:
    """Several videos are decoded with a share of the memory each, or one video with all of it.

    Every wait ends when `stop` is set. Thread-safe.
    """

    stop: threading.Event
    _sharing: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _is_alone: bool = False

    def share(self) -> None:
        """Take a share; wait until no video is decoded with all of the memory."""
        with self._changed:
            self._wait_until_none_is_alone()
            self._sharing += 1

    def be_alone(self) -> None:
        """Exchange a share for all of the memory: wait until the other videos are finished."""
        with self._changed:
            self._sharing -= 1
            self._changed.notify_all()
            self._wait_until_none_is_alone()
            self._is_alone = True
            while self._sharing and not self.stop.is_set():
                self._changed.wait(PATIENCE_S)
            self._sharing += 1

    def leave(self, *, was_alone: bool) -> None:
        """Give back a share, or all of the memory."""
        with self._changed:
            self._sharing -= 1
            if was_alone:
                self._is_alone = False
            self._changed.notify_all()

    def _wait_until_none_is_alone(self) -> None:
        while self._is_alone and not self.stop.is_set():
            self._changed.wait(PATIENCE_S)
