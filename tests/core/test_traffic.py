"""Requests and latencies of the last minutes, by a clock that is told."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.traffic import STEP_S, STEPS, WATCHING, Traffic

NOW = 1_000_000_000.0


class Clock:
    """A clock that is told what time it is."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock at the beginning of a step."""
    return Clock()


def test_requests_are_counted_by_steps_that_are_over(clock: Clock) -> None:
    """A step without a request is there too; that of now is not."""
    traffic = Traffic(clock)
    traffic.count("/v1/videos", 200, 0.1)
    traffic.count("/v1/videos", 404, 0.1)
    traffic.count("/v1/videos", 503, 0.1)
    clock.now += 2 * STEP_S + 1
    traffic.count("/v1/videos", 200, 0.1)
    first, second = traffic.steps()
    assert (first.at, first.requests, first.failures) == (NOW, 3, 1)
    assert (second.at, second.requests, second.failures) == (NOW + STEP_S, 0, 0)
    assert first.p50_s is None


def test_old_steps_are_forgotten(clock: Clock) -> None:
    """However many requests there were, and however long nobody asked."""
    traffic = Traffic(clock)
    for _ in range(2 * STEPS):
        traffic.count("/v1/videos", 200, 0.1)
        clock.now += STEP_S
    steps = traffic.steps()
    assert len(steps) == STEPS
    assert steps[-1].at - steps[0].at + STEP_S == 5 * 60
    assert steps[-1].at == clock.now - STEP_S
    assert {step.requests for step in steps} == {1}
    clock.now += 100 * STEPS * STEP_S
    assert {step.requests for step in traffic.steps()} == {0}


def test_who_watches_the_server_does_not_count(clock: Clock) -> None:
    """Otherwise the chart would show those who look at it; files of the page do not either."""
    traffic = Traffic(clock)
    for route in (*WATCHING, "/healthz", "/metrics", "/", "/static/{path:path}", "unmatched"):
        traffic.count(route, 200, 0.1)
    clock.now += STEP_S
    assert [step.requests for step in traffic.steps()] == [0]


def test_latencies_are_of_answered_searches(clock: Clock) -> None:
    """Other requests send files, and a refusal takes no time."""
    traffic = Traffic(clock)
    traffic.count("/v1/search", 200, 0.1)
    traffic.count("/v1/search", 304, 0.1)
    traffic.count("/v1/search", 503, 5.0)
    traffic.count("/v1/search", 422, 5.0)
    traffic.count("/v1/videos/{video_id}/file", 200, 60.0)
    clock.now += STEP_S
    (step,) = traffic.steps()
    assert (step.requests, step.searches) == (5, 2)
    assert step.p50_s == pytest.approx(0.1, rel=0.2)
    assert step.p95_s == pytest.approx(0.1, rel=0.2)


@given(st.integers(0, 2**32), st.integers(40, 400))
def test_a_percentile_is_off_by_less_than_a_fifth(seed: int, count: int) -> None:
    """Compared with that of all latencies, which are not stored."""
    clock = Clock()
    traffic = Traffic(clock)
    made = random.Random(seed)
    seconds = [made.lognormvariate(-3, 1) for _ in range(count)]
    for each in seconds:
        traffic.count("/v1/search", 200, each)
    clock.now += STEP_S
    (step,) = traffic.steps()
    for share, found in ((0.5, step.p50_s), (0.95, step.p95_s)):
        true = np.quantile(seconds, share, method="inverted_cdf")
        assert found == pytest.approx(true, rel=0.2)


def test_what_takes_longest_has_a_bound(clock: Clock) -> None:
    """And nothing is faster than 0."""
    traffic = Traffic(clock)
    traffic.count("/v1/search", 200, 1e9)
    clock.now += STEP_S
    traffic.count("/v1/search", 200, 0.0)
    clock.now += STEP_S
    slow, fast = traffic.steps()
    assert slow.p50_s is not None
    assert 40 < slow.p50_s < 60
    assert fast.p50_s is not None
    assert 0 < fast.p50_s < 0.001


def test_each_server_has_a_name_of_its_own() -> None:
    """Behind one address there may be several."""
    assert Traffic().replica != Traffic().replica
