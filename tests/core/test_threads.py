"""Background threads: they outlive any error of their work, tell of it, and know their age."""

import logging
import threading
from collections.abc import Iterator

import pytest

from clipseek.errors import ServiceUnavailable
from clipseek.threads import TOLD_EVERY_S, Worker, rest_s
from tests.clock import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the workers."""
    clock = Clock()
    monkeypatch.setattr("clipseek.threads.monotonic", clock)
    return clock


class Turns:
    """Work that ends as it is told, one turn after the other."""

    def __init__(self) -> None:
        self.ends: Iterator[Exception | None] = iter(())
        self.begun = threading.Semaphore(0)
        self.let_go = threading.Semaphore(0)

    def take(self) -> None:
        """Do one turn."""
        self.begun.release()
        assert self.let_go.acquire(timeout=20)
        error = next(self.ends, None)
        if error is not None:
            raise error

    def run(self, worker: Worker, *ends: Exception | None) -> None:
        """Let a worker do so many turns, which end so."""
        self.ends = iter(ends)
        for _ in ends:
            assert self.begun.acquire(timeout=20)
            self.let_go.release()
        # The next one has begun, so the last one is over, with all that was said of it.
        assert self.begun.acquire(timeout=20)
        self.begun.release()


@pytest.fixture
def turns() -> Turns:
    """Work that waits to be told."""
    return Turns()


@pytest.fixture
def worker(turns: Turns) -> Iterator[Worker]:
    """A worker that does them without a pause."""
    worker = Worker("test", turns.take, pause_s=0)
    yield worker
    turns.let_go.release()
    worker.close()


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ServiceUnavailable("the database is away"), id="ours"),
        pytest.param(KeyError("not ours"), id="fault"),
        pytest.param(MemoryError(), id="memory"),
    ],
)
def test_a_turn_that_fails_is_not_the_last(
    worker: Worker, turns: Turns, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the error is; the log has it, with a traceback where it is not ours."""
    worker.start()
    turns.run(worker, error, None, None)
    (record,) = caplog.records
    assert record.getMessage().startswith("the thread test goes on, after")
    assert (record.exc_info is None) == isinstance(error, ServiceUnavailable)


def test_the_age_is_that_of_the_last_good_turn(
    clock: Clock, worker: Worker, turns: Turns, caplog: pytest.LogCaptureFixture
) -> None:
    """A thread that only fails grows old; one that does not run has no age."""
    assert worker.age_s is None
    worker.start()
    clock.now += 5
    assert worker.age_s == 5
    turns.run(worker, KeyError())
    assert worker.age_s == 5
    turns.run(worker, None)
    assert worker.age_s == 0
    assert caplog.records


def test_an_error_that_stays_is_told_once_a_minute(
    clock: Clock, worker: Worker, turns: Turns, caplog: pytest.LogCaptureFixture
) -> None:
    """Another one at once, and the same one again after a good turn."""
    worker.start()
    told = []
    for ends, seconds in (
        ([KeyError()] * 3, 0.0),
        ([KeyError()], TOLD_EVERY_S - 1),
        ([KeyError()], 1.0),
        ([ValueError()], 0.0),
        ([None, ValueError()], 0.0),
    ):
        clock.now += seconds
        turns.run(worker, *ends)
        told.append(len(caplog.records))
        caplog.clear()
    assert told == [1, 0, 1, 1, 1]
    assert all(record.levelno == logging.ERROR for record in caplog.records)


@pytest.mark.parametrize(
    ("took", "rest"),
    [(0.0, 1.0), (0.3, 0.7), (0.95, 0.1), (5.0, 0.1)],
    ids=["no time", "some of it", "nearly all", "more than it"],
)
def test_turns_begin_once_in_a_period(took: float, rest: float) -> None:
    """What a turn takes is not added to the age of what it keeps current."""
    assert rest_s(1.0, took) == pytest.approx(rest)


def test_a_worker_that_is_woken_begins_at_once(turns: Turns) -> None:
    """And once more if it is woken in the middle of a turn; it ends however long its pause is."""
    worker = Worker("test", turns.take, pause_s=3600)
    worker.start()
    worker.wake()
    assert turns.begun.acquire(timeout=20)
    worker.wake()
    turns.let_go.release()
    assert turns.begun.acquire(timeout=20)
    turns.let_go.release()
    worker.close()
    assert worker.age_s is None
