"""How a camera does, as it is told: its state, its counts over connections, and its delays."""

import time

import pytest

from clipseek.live.capture import Figures
from clipseek.live.health import STALLED_S, Health


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Put a clock in the place of that of the machine."""
    made = Clock()
    monkeypatch.setattr(time, "monotonic", made)
    return made


def test_a_camera_that_was_just_connected_is_live(clock: Clock) -> None:
    """It has had no time to send."""
    one = Health()
    one.become("live")
    clock.now += STALLED_S / 2
    assert one.state.status == "live"


def test_a_camera_that_sends_nothing_is_stalled(clock: Clock) -> None:
    """Until it sends again."""
    one = Health()
    one.become("live")
    one.count(Figures(received=10))
    clock.now += STALLED_S + 1
    one.count(Figures(received=10))
    assert (one.state.status, one.state.reason) == ("stalled", "nothing has come for 6 s")
    one.count(Figures(received=11))
    assert one.state.status == "live"


def test_counts_go_on_over_connections(clock: Clock) -> None:
    """The process of each connection counts from 0."""
    one = Health()
    for received in (100, 30):
        one.become("connecting")
        one.count(Figures(received=received, decoded=10, dropped=1))
        one.end()
    one.lose(2)
    state = one.state
    assert (state.received, state.decoded, state.dropped, state.reconnects) == (130, 20, 4, 1)
    assert clock.now == 1000.0


def test_the_rate_is_that_of_the_last_seconds(clock: Clock) -> None:
    """Not that since the beginning."""
    one = Health()
    for second in range(60):
        clock.now += 1.0
        one.count(Figures(received=25 * second if second > 30 else 0))
    assert one.state.fps == 25.0


def test_delays_are_those_of_the_last_minute(clock: Clock) -> None:
    """What is an hour old does not count."""
    one = Health()
    one.commit(50.0)
    assert one.state.delay_p95_s == 50.0
    clock.now += 61
    assert one.state.delay_p95_s is None
    for hundredth in range(100):
        one.commit(hundredth / 100)
    assert (one.state.delay_p50_s, one.state.delay_p95_s) == (0.5, 0.95)


def test_a_note_is_told_while_nothing_worse_is(clock: Clock) -> None:
    """Such as a disk that is full."""
    one = Health()
    one.become("live")
    one.note("it is not recorded: no space")
    assert one.state.reason == "it is not recorded: no space"
    one.become("failed", "nothing listens there")
    assert one.state.reason == "nothing listens there"
    one.become("live")
    one.note("")
    assert one.state.reason == ""
    assert clock.now == 1000.0
