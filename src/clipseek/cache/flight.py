"""SingleFlight: equal computations that are asked for at the same time are done once."""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Generic, TypeVar

Value = TypeVar("Value")


class SingleFlight(Generic[Value]):
    """Lets callers with an equal key share one computation. Thread-safe.

    Nothing is stored: a caller that comes after the end computes again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[str, Future[Value]] = {}

    def run(self, key: str, compute: Callable[[], Value]) -> Value:
        """Return what `compute` returns, of this caller or of one that has begun with this key.

        Its error is raised for all of them. `compute` must not run the same key again: it would
        wait for itself.
        """
        while True:
            flight, is_ours = self._board(key)
            if is_ours:
                return self._fly(key, flight, compute)
            try:
                return flight.result()
            except CancelledError:
                if not flight.cancelled():
                    raise

    def _board(self, key: str) -> tuple[Future[Value], bool]:
        """Return the computation that is under way, or a new one that the caller must do."""
        with self._lock:
            if key in self._flights:
                return self._flights[key], False
            self._flights[key] = Future()
            return self._flights[key], True

    def _fly(self, key: str, flight: Future[Value], compute: Callable[[], Value]) -> Value:
        try:
            value = compute()
        except BaseException as error:
            self._land(key)
            if isinstance(error, Exception):
                flight.set_exception(error)
            else:
                # This thread was told to stop: the waiting callers compute again.
                flight.cancel()
            raise
        self._land(key)
        flight.set_result(value)
        return value

    def _land(self, key: str) -> None:
        with self._lock:
            del self._flights[key]
