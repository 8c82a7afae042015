"""Breaker: stops asking a server that does not answer, and asks again from time to time."""

import threading
import time
from collections.abc import Callable

# Failures one after the other until the server is left alone: one may be a lost packet.
FAILURES = 3
# The first and the longest pause, in seconds. Each trial that fails doubles the pause.
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0


class Breaker:
    """Says whether a server may be asked now. Thread-safe.

    Closed: everyone may. After `FAILURES` failures one after the other it opens: for a pause no
    one may, then one trial may; its success closes the breaker, its failure doubles the pause.
    (The circuit breaker of Nygard, "Release It!", 2007.)

    An attempt that began before the breaker last opened or closed no longer counts when it ends:
    of forty threads that wait for a dead server, three open the breaker and the others say nothing
    about the trials that follow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._era = 0
        self._failures = 0
        self._pause_s = FIRST_PAUSE_S
        self._trial_at: float | None = None

    @property
    def is_closed(self) -> bool:
        """Whether everyone may ask."""
        return self._trial_at is None

    def begin(self) -> int | None:
        """Return a number to end the attempt with, or None if the server must not be asked now."""
        with self._lock:
            if self._trial_at is not None:
                now = self._clock()
                if now < self._trial_at:
                    return None
                # The next trial, should this one never end.
                self._trial_at = now + self._pause_s
                self._era += 1
            return self._era

    def succeeded(self, attempt: int) -> bool:
        """Note that an attempt was answered; say whether that closed the breaker."""
        with self._lock:
            if attempt != self._era:
                return False
            self._failures = 0
            closes = self._trial_at is not None
            if closes:
                self._era += 1
                self._trial_at = None
                self._pause_s = FIRST_PAUSE_S
            return closes

    def failed(self, attempt: int) -> bool:
        """Note that an attempt was not answered; say whether that opened the breaker."""
        with self._lock:
            if attempt != self._era:
                return False
            if self._trial_at is not None:
                self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
                self._trial_at = self._clock() + self._pause_s
                return False
            self._failures += 1
            opens = self._failures >= FAILURES
            if opens:
                self._era += 1
                self._failures = 0
                self._trial_at = self._clock() + self._pause_s
            return opens
