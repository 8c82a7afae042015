"""When a server that does not answer is asked again."""

import pytest

from clipseek.breaker import FAILURES, FIRST_PAUSE_S, LONGEST_PAUSE_S, Breaker
from tests.clock import Clock


@pytest.fixture
def clock() -> Clock:
    """Return a clock that does not move."""
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    """Return a closed breaker."""
    return Breaker(clock)


def begun(breaker: Breaker) -> int:
    """Begin an attempt that must be allowed."""
    attempt = breaker.begin()
    assert attempt is not None
    return attempt


def opened(breaker: Breaker) -> Breaker:
    """Let it fail until it is open."""
    for _ in range(FAILURES):
        breaker.failed(begun(breaker))
    return breaker


def test_it_opens_after_failures_in_a_row(breaker: Breaker) -> None:
    """The last of them says so, and then no one may ask."""
    said = [breaker.failed(begun(breaker)) for _ in range(FAILURES)]
    assert said == [False] * (FAILURES - 1) + [True]
    assert breaker.begin() is None
    assert not breaker.is_closed


def test_a_success_between_begins_the_count_anew(breaker: Breaker) -> None:
    """Single failures never open it."""
    for _ in range(10):
        for _ in range(FAILURES - 1):
            breaker.failed(begun(breaker))
        assert not breaker.succeeded(begun(breaker))
    assert breaker.is_closed


def test_after_the_pause_one_may_try(breaker: Breaker, clock: Clock) -> None:
    """The others wait for what becomes of it."""
    opened(breaker)
    clock.now += FIRST_PAUSE_S
    assert breaker.begin() is not None
    assert [breaker.begin() for _ in range(3)] == [None] * 3


def test_a_trial_that_succeeds_closes_it(breaker: Breaker, clock: Clock) -> None:
    """Everyone may ask again, and the next pause is short again."""
    opened(breaker)
    clock.now += FIRST_PAUSE_S
    breaker.failed(begun(breaker))
    clock.now += LONGEST_PAUSE_S
    assert breaker.succeeded(begun(breaker))
    assert breaker.is_closed
    opened(breaker)
    clock.now += FIRST_PAUSE_S
    assert breaker.begin() is not None


def test_the_pause_grows_to_a_bound(breaker: Breaker, clock: Clock) -> None:
    """Twice as long after each trial that fails."""
    opened(breaker)
    pauses = []
    for _ in range(8):
        since = clock.now
        while breaker.begin() is None:
            clock.now += FIRST_PAUSE_S
        pauses.append(clock.now - since)
        breaker.failed(breaker._era)
    assert pauses == [min(FIRST_PAUSE_S * 2**i, LONGEST_PAUSE_S) for i in range(8)]


def test_a_trial_that_never_ends_is_followed_by_another(breaker: Breaker, clock: Clock) -> None:
    """The thread may have died."""
    opened(breaker)
    clock.now += FIRST_PAUSE_S
    begun(breaker)
    clock.now += FIRST_PAUSE_S
    assert breaker.begin() is not None


def test_what_began_before_says_nothing_about_after(breaker: Breaker, clock: Clock) -> None:
    """Late failures do not lengthen the pause, late successes do not end it."""
    late = [begun(breaker) for _ in range(2 * FAILURES)]
    opened(breaker)
    for attempt in late[1:]:
        assert not breaker.failed(attempt)
    assert not breaker.succeeded(late[0])
    assert breaker.begin() is None
    clock.now += FIRST_PAUSE_S
    assert breaker.succeeded(begun(breaker))
    for attempt in late:
        assert not breaker.failed(attempt)
    assert breaker.is_closed
