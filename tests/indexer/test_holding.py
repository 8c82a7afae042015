"""The lease of a switch: who waits, who is refused, and who notices that it is lost."""

import threading
from collections.abc import Sequence

import pytest

from clipseek.errors import ConfigError, ServiceUnavailable
from indexer.holding import Holding
from tests.chaos.program import wait_until

Capture = pytest.CaptureFixture[str]
LEASE_S = 0.04


class Row:
    """The lease of one switch. left: how long another process holds it, look by look."""

    def __init__(self, left: Sequence[float] = (), *, beats: Sequence[bool] = ()) -> None:
        self.left = list(left)
        self.beats = list(beats)
        self.is_given_back = False
        self.beaten = threading.Event()

    def take(self, name: str, lease_s: float) -> float:
        """Return the next of `left`, and 0 after the last."""
        assert (name, lease_s) == ("default", LEASE_S)
        return self.left.pop(0) if self.left else 0.0

    def beat(self, name: str, lease_s: float) -> bool:
        """Return the next of `beats`; without one, the database is away."""
        assert (name, lease_s) == ("default", LEASE_S)
        self.beaten.set()
        if not self.beats:
            raise ServiceUnavailable("the database is away")
        return self.beats.pop(0)

    def give_back(self, name: str) -> None:
        """Note it."""
        assert name == "default"
        self.is_given_back = True


def holding(row: Row) -> Holding:
    """Return a holding of the row."""
    return Holding(row, "default", lease_s=LEASE_S)


def test_a_switch_that_is_free_is_held_and_given_back() -> None:
    """A second call changes nothing."""
    row = Row()
    with holding(row) as held:
        held.take()
        row.left = [9.0]
        held.take()
        assert not row.is_given_back
    assert row.is_given_back
    assert row.left == [9.0]


def test_a_process_that_was_killed_is_waited_for(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease expires without a sign of life, also if the wait took longer than it should."""
    row = Row([0.02])
    slept = list[float]()

    def oversleep(seconds: float) -> None:
        slept.append(seconds)
        threading.Event().wait(0.1)

    monkeypatch.setattr("indexer.holding.time.sleep", oversleep)
    with holding(row) as held:
        held.take()
    assert (row.is_given_back, slept) == (True, [0.02])
    assert "looking for up to 0 s whether it has been killed" in capsys.readouterr().err


@pytest.mark.parametrize("left", [[0.02, 0.02], [0.02, 0.5]], ids=["at once", "another lease"])
def test_a_sign_of_life_refuses_the_second_process(left: list[float]) -> None:
    """It ends with what to do, and gives back nothing that it never had."""
    row = Row(left)
    with (
        pytest.raises(ConfigError, match="is switching collection 'default' now, perhaps on ano"),
        holding(row) as held,
    ):
        held.take()
    assert not row.is_given_back


def test_a_lost_lease_stops_the_switch() -> None:
    """A process that was suspended for longer than its lease."""
    row, stop = Row(beats=[True, False]), threading.Event()
    with holding(row) as held:
        held.stops(stop)
        held.take()
        held.require()
        assert stop.wait(10)
        later = threading.Event()
        held.stops(later)
        assert later.is_set()
        with pytest.raises(ConfigError, match=r"gave no sign of life for 0\.04 s, and another one"):
            held.require()


def test_a_database_that_is_away_does_not_stop_the_switch(capsys: Capture) -> None:
    """Nobody else can take the lease either; it is said once, and again after it was there."""
    row, stop = Row(), threading.Event()
    with holding(row) as held:
        held.stops(stop)
        held.take()
        assert row.beaten.wait(10)
        row.beats = [True, True]
        row.beaten.clear()
        wait_until(lambda: not row.beats, "two beats")
        row.beaten.clear()
        assert row.beaten.wait(10)
        assert not stop.is_set()
        held.require()
    assert capsys.readouterr().err.count("the lease of the switch is not renewed") == 2
