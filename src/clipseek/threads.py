"""A thread that does the same again and again, whatever becomes of it, and knows when it did."""

import logging
import threading
from collections.abc import Callable
from time import monotonic

from clipseek.errors import ClipseekError

TOLD_EVERY_S = 60.0
"""Seconds between two tracebacks of one thread: an error that stays comes with every turn."""

_REST = 0.1
"""Share of the pause that is rested at least, so that long turns leave time for other work."""

log = logging.getLogger(__name__)


class Worker:
    """Does a turn of work repeatedly, in its own thread, until it is closed.

    If a turn fails, the log says so and the thread continues: an error of ours is logged as its
    sentence, any other with its traceback, once a minute while turns fail with the same kind.
    """

    def __init__(self, name: str, turn: Callable[[], None], *, pause_s: float) -> None:
        """Store `turn`; turns begin `pause_s` apart, or, if one takes long, a rest after it."""
        self.name = name
        self._turn = turn
        self._pause_s = pause_s
        self._ending = threading.Event()
        self._stirred = threading.Event()
        self._thread: threading.Thread | None = None
        self._done = monotonic()
        self._told: tuple[type[Exception], float] | None = None

    @property
    def age_s(self) -> float | None:
        """Seconds since a turn last ended well, or since the start; None if it does not run."""
        return None if self._thread is None else monotonic() - self._done

    def start(self) -> None:
        """Begin with a pause."""
        self._done = monotonic()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let the turn in hand end, and stop."""
        self._ending.set()
        self._stirred.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def wake(self) -> None:
        """End the pause; a turn in hand is followed by another one at once."""
        self._stirred.set()

    def rest(self, seconds: float) -> None:
        """Wait, in the middle of a turn, unless the thread is to end."""
        self._ending.wait(seconds)

    def _run(self) -> None:
        pause_s = self._pause_s
        while self._paused(pause_s):
            began = monotonic()
            try:
                self._turn()
            except Exception as error:  # noqa: BLE001  a thread that ends does so in silence
                self._tell(error)
            else:
                self._done, self._told = monotonic(), None
            pause_s = rest_s(self._pause_s, monotonic() - began)

    def _paused(self, seconds: float) -> bool:
        """Wait; return whether the thread goes on."""
        self._stirred.wait(seconds)
        self._stirred.clear()
        return not self._ending.is_set()

    def _tell(self, error: Exception) -> None:
        now = monotonic()
        if self._told and self._told[0] is type(error) and now < self._told[1] + TOLD_EVERY_S:
            return
        self._told = type(error), now
        if isinstance(error, ClipseekError):
            log.warning("the thread %s goes on, after: %s", self.name, error)
        else:
            log.error("the thread %s goes on, after a fault", self.name, exc_info=error)


def rest_s(period_s: float, took_s: float) -> float:
    """Return how long to rest after a turn that took so long, if one begins each period."""
    return max(period_s - took_s, _REST * period_s)
