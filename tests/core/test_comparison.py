"""Paired differences: their means, their intervals, and what they leave out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.comparison import difference, differences, mean
from clipseek.evaluation import Caption, Found, evaluate, outcomes
from clipseek.types import Span

NONE = float("nan")


def test_equal_figures_do_not_differ() -> None:
    """The interval is a point, and it may be chance."""
    same = np.array([0.1, 0.7, 0.3])
    found = difference(same, same, seed=0)
    assert found is not None
    assert (found.low, found.high, found.p, found.better, found.worse) == (0, 0, 1, 0, 0)
    assert not found.is_sure


def test_pairs_are_kept_together() -> None:
    """A small gain of every query is sure, though the queries differ a hundred times as much."""
    one = np.linspace(0, 1, 50)
    found = difference(one, one + 0.01, seed=0)
    assert found is not None
    assert found.is_sure
    assert found.p == 0
    assert (found.low, found.high) == pytest.approx((0.01, 0.01))
    assert (found.better, found.worse, found.queries) == (50, 0, 50)


def test_as_many_gains_as_losses_may_be_chance() -> None:
    """The interval contains 0, and its ends have the sides of the binomial distribution."""
    other = np.repeat([1.0, 0.0], 50)
    found = difference(1 - other, other, seed=3)
    assert found is not None
    assert not found.is_sure
    # Changes are -1 or 1: the standard error of the mean of 100 of them is 0.1.
    assert (found.low, found.high) == pytest.approx((-0.196, 0.196), abs=0.03)
    assert found.p > 0.8


def test_queries_without_one_of_the_figures_are_left_out() -> None:
    """And if that is each query, there is no difference to state."""
    found = difference(np.array([NONE, 0.0, 1.0]), np.array([1.0, NONE, 0.5]), seed=0)
    assert found is not None
    assert (found.queries, found.one, found.other) == (1, 1.0, 0.5)
    assert difference(np.array([NONE]), np.array([1.0]), seed=0) is None
    assert differences({"a": np.array([NONE])}, {"a": np.array([1.0])}, seed=0) == {"a": None}
    assert mean(np.array([NONE]), seed=0) is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(0, 5))
def test_a_mean_is_inside_its_interval_and_repeats(values: list[float], seed: int) -> None:
    """The same seed gives the same interval."""
    some = np.array(values)
    found = mean(some, seed=seed, draws=400)
    assert found is not None
    assert found == mean(some, seed=seed, draws=400)
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9
    assert found.queries == len(values)


def test_outcomes_have_the_means_that_evaluate_states() -> None:
    """Query by query; an absent query has no outcome."""
    captions = [
        Caption("a", "x.mp4", (Span(0, 4),)),
        Caption("b", "y.mp4", (Span(0, 4),)),
        Caption("c", "z.mp4", (Span(0, 4),), also=frozenset({"w.mp4"})),
        Caption("d"),
    ]
    answers = [
        [Found("x.mp4", Span(0, 4), 0.9)],
        [Found("x.mp4", Span(0, 4), 0.9), Found("y.mp4", Span(0, 4), 0.8)],
        [Found("w.mp4", Span(0, 9), 0.9)],
        [Found("x.mp4", Span(0, 4), 0.1)],
    ]
    found = outcomes(captions, answers)
    assert found["R@1"].tolist()[:3] == [1, 0, 1]
    assert found["R@5"].tolist()[:3] == [1, 1, 1]
    assert found["R@1@0.5"][:2].tolist() == [1, 0]
    assert np.isnan(found["R@1@0.5"][2:]).all()
    assert all(np.isnan(values[3]) for values in found.values())
    said = evaluate(captions, answers)
    for name, group in (("R@1", "video"), ("R@10", "video"), ("R@1@0.5", "moment")):
        figures = said[group]
        assert isinstance(figures, dict)
        assert np.nanmean(found[name]) == pytest.approx(figures[name])
