"""Equal computations at the same time are one."""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor

import pytest

from clipseek.cache import SingleFlight

PATIENCE_S = 20.0


class Watched(SingleFlight[str]):
    """Says how many callers have come so far."""

    def __init__(self) -> None:
        super().__init__()
        self.boarded = threading.Semaphore(0)

    def _board(self, key: str) -> tuple[Future[str], bool]:
        found = super()._board(key)
        self.boarded.release()
        return found

    def wait_for(self, callers: int) -> None:
        """Return when so many more callers have come."""
        for _ in range(callers):
            assert self.boarded.acquire(timeout=PATIENCE_S)


def ended(call: Callable[[], str]) -> str:
    """Return what a call gives, or the name of its error."""
    try:
        return call()
    except (ValueError, KeyboardInterrupt, CancelledError) as error:
        return type(error).__name__


def test_a_hundred_callers_share_one_computation() -> None:
    """All that come before it ends have its value."""
    flights, computed = Watched(), []

    def compute() -> str:
        flights.wait_for(100)
        computed.append(threading.get_ident())
        return "value"

    with ThreadPoolExecutor(100) as pool:
        calls = [pool.submit(flights.run, "key", compute) for _ in range(100)]
        assert [call.result() for call in calls] == ["value"] * 100
    assert len(computed) == 1


def test_an_error_is_shared() -> None:
    """Each caller has it."""
    flights, computed = Watched(), []

    def compute() -> str:
        flights.wait_for(10)
        computed.append(1)
        raise ValueError("no")

    with ThreadPoolExecutor(10) as pool:
        calls = [pool.submit(flights.run, "key", compute) for _ in range(10)]
        assert [ended(call.result) for call in calls] == ["ValueError"] * 10
    assert len(computed) == 1


def test_nothing_is_kept() -> None:
    """A later caller computes again, after a value and after an error."""
    flights = SingleFlight[str]()
    assert flights.run("key", lambda: "first") == "first"
    with pytest.raises(ValueError, match="no"):
        flights.run("key", lambda: str(int("no")))
    assert flights.run("key", lambda: "second") == "second"


def test_different_keys_do_not_wait_for_each_other() -> None:
    """One computation can even need another."""
    flights = SingleFlight[str]()
    assert flights.run("outer", lambda: flights.run("inner", lambda: "value")) == "value"


def test_when_the_computing_thread_is_told_to_stop_another_computes() -> None:
    """Its interruption is its own; those who waited neither hang nor fail."""
    flights = Watched()

    def stopped() -> str:
        flights.wait_for(9)
        raise KeyboardInterrupt

    with ThreadPoolExecutor(9) as pool:
        began = threading.Event()

        def first() -> str:
            began.set()
            return stopped()

        leader = pool.submit(ended, lambda: flights.run("key", first))
        assert began.wait(PATIENCE_S)
        others = [pool.submit(flights.run, "key", lambda: "value") for _ in range(8)]
        assert leader.result() == "KeyboardInterrupt"
        assert [other.result() for other in others] == ["value"] * 8


def test_a_cancellation_that_compute_raises_is_an_error_like_others() -> None:
    """It does not send the callers round in circles."""
    flights = Watched()

    def compute() -> str:
        flights.wait_for(2)
        raise CancelledError

    with ThreadPoolExecutor(2) as pool:
        calls = [
            pool.submit(ended, lambda: flights.run("key", compute)),
            pool.submit(ended, lambda: flights.run("key", compute)),
        ]
        assert [call.result() for call in calls] == ["CancelledError"] * 2
