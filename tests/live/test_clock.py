"""Timestamps of cameras on the clock of this machine: late, early, wrapped and missing ones."""

import pytest

from clipseek.live.clock import StreamClock

WRAP_S = 2**32 / 90_000
"""After so long, the timestamps of RTP begin again (RFC 3550, 5.1)."""


def test_times_are_those_of_the_stamps() -> None:
    """A packet that the network delays was shown when its stamp says."""
    clock = StreamClock()
    assert clock.sees(7.0, 1000.0)
    assert clock.sees(8.0, 1003.5)
    assert clock.time(8.0, 1003.5) == 1001.0


def test_the_packet_that_came_soonest_is_believed() -> None:
    """The first packet may have been the late one; the next chunk knows it."""
    clock = StreamClock()
    clock.sees(0.0, 1000.4)
    clock.sees(1.0, 1001.0)
    clock.sees(2.0, 1002.3)
    assert clock.time(2.0, 1002.3) == 1002.4
    clock.settle()
    assert clock.time(2.0, 1002.3) == 1002.0


def test_the_clock_of_a_camera_that_runs_slow_is_followed() -> None:
    """A tenth of a percent is 86 s a day: the error is that of two chunks, at most."""
    clock = StreamClock()
    for second in range(3600):
        assert clock.sees(second * 0.999, 1000.0 + second)
        if second % 300 == 0:
            clock.settle()
    assert clock.time(3599 * 0.999, 0.0) == pytest.approx(4599.0, abs=0.6)


@pytest.mark.parametrize(
    "jump_s",
    [
        pytest.param(3600.0, id="forward"),
        pytest.param(-3600.0, id="back"),
        pytest.param(-WRAP_S, id="wrapped"),
    ],
)
def test_a_jump_is_noticed_and_the_clock_begins_anew(jump_s: float) -> None:
    """What follows has the times of its arrival again, and goes on."""
    clock = StreamClock()
    clock.sees(50_000.0, 1000.0)
    assert not clock.sees(50_001.0 + jump_s, 1001.0)
    assert clock.time(50_001.0 + jump_s, 1001.0) == 1001.0
    assert clock.sees(50_002.0 + jump_s, 1002.0)


def test_packets_without_stamps_have_the_time_of_their_arrival() -> None:
    """Such as those of MJPEG over HTTP."""
    clock = StreamClock()
    assert clock.sees(None, 1000.0)
    assert clock.sees(None, 1000.1)
    assert clock.time(None, 1000.1) == 1000.1


def test_our_own_clock_that_is_set_back_is_noticed() -> None:
    """Then times do not go on either."""
    clock = StreamClock()
    clock.sees(None, 1000.0)
    assert not clock.sees(None, 900.0)


def test_what_is_read_too_fast_is_ahead() -> None:
    """A video over HTTP comes at once, and is waited for."""
    clock = StreamClock()
    clock.sees(0.0, 1000.0)
    assert clock.ahead_s(3.0, 1001.0) == 2.0
