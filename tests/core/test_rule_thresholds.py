"""Thresholds are fitted to decisions, with intervals that cover what they say."""

import math

import numpy as np
import pytest

from clipseek.errors import InvalidQuery
from clipseek.tagging.fitting import Quality, Rate, fitted, quality

RIGHT = np.array([True] * 10 + [False] * 10)


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (0, 0, 0.0, 1.0)],
    ids=["some", "none", "all", "nothing counted"],
)
def test_intervals_are_those_of_wilson(hits: int, count: int, low: float, high: float) -> None:
    """Known answers: statsmodels' `proportion_confint(8, 10, method="wilson")` and by hand."""
    assert Rate(hits, count).interval == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("hits", "count"), [(32, 33), (90, 100), (30, 60), (5, 5), (0, 7)], ids=str
)
def test_with_what_is_missing_and_no_less_a_share_is_known_to_five_points(
    hits: int, count: int
) -> None:
    """The interval of so many samples with the same share is 0.1 wide; with one less, wider."""
    total = count + Rate(hits, count).missing
    wide = []
    for n in (total - 1, total):
        low, high = proportion(hits / count, n)
        wide.append(high - low)
    assert wide[0] > 0.1 >= wide[1]


def proportion(share: float, n: int) -> tuple[float, float]:
    """Solve (share - p)^2 = z^2 p (1 - p) / n for p: what Wilson's interval is (1927)."""
    z2 = 1.959963984540054**2 / n
    both = np.roots([1 + z2, -2 * share - z2, share * share])
    return float(min(both)), float(max(both))


def test_of_a_share_that_is_known_and_of_none() -> None:
    """Nothing is missing of a share that is known; the worst case is told if nothing was seen."""
    assert Rate(980, 1000).missing == 0
    assert Rate(0, 0).missing == 381


def test_an_interval_covers_the_true_share_as_often_as_it_says() -> None:
    """In 95 of 100 cases, for a share and a count that are usual in a review."""
    draws = np.random.default_rng(3).binomial(60, 0.9, 4000)
    covered = [low <= 0.9 <= high for low, high in (Rate(int(k), 60).interval for k in draws)]
    assert 0.93 <= np.mean(covered) <= 0.98


def test_a_gap_between_right_and_wrong_has_the_threshold_in_its_middle() -> None:
    """So that a new segment is on the right side."""
    found = fitted(np.r_[np.linspace(0.7, 1, 10), np.linspace(0, 0.3, 10)], RIGHT)
    assert found.threshold == pytest.approx(0.5)
    assert found.f1 == 1.0


def test_the_fitted_threshold_has_the_highest_f1_of_all() -> None:
    """Compared with every threshold in steps of a thousandth."""
    rng = np.random.default_rng(5)
    relevances = np.r_[rng.beta(5, 2, 40), rng.beta(2, 5, 60)]
    right = np.arange(100) < 40
    best = max(quality(relevances, right, t).f1 for t in np.linspace(0.001, 1, 1000))
    assert fitted(relevances, right).f1 == pytest.approx(best)


def test_quality_counts_what_is_given_and_what_is_right() -> None:
    """Three of four given are right, three of six right are given."""
    relevances = np.array([0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2, 0.1])
    right = np.array([True, True, True, False, True, True, True, False])
    found = quality(relevances, right, 0.5)
    assert found == Quality(0.5, Rate(3, 4), Rate(3, 6))
    assert found.f1 == pytest.approx(0.6)
    assert math.isnan(Rate(0, 0).share)


@pytest.mark.parametrize("count", [7, 13], ids=["right", "wrong"])
def test_too_few_decisions_are_refused(count: int) -> None:
    """Seven of a side are; the message says how many there are and what to do."""
    with pytest.raises(InvalidQuery, match=rf"got {count} and {20 - count}; review more"):
        fitted(np.linspace(1, 0, 20), np.arange(20) < count)


def test_eight_decisions_of_each_side_are_enough() -> None:
    """And the page says how many are missing until then."""
    assert fitted(np.linspace(1, 0, 16), np.arange(16) < 8).f1 == 1.0
