"""Drift: what has changed is found, and chance alone gives an alarm as seldom as it says."""

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import energy_distance

from clipseek.curation import drift
from clipseek.curation.drift import ALARM, Sample


def drawn(rng: np.random.Generator, count: int, shift: float = 0.0) -> NDArray[np.float32]:
    """Return vectors of normal numbers, shifted in the first component."""
    rows = rng.standard_normal((count, 8)).astype(np.float32)
    rows[:, 0] += np.float32(shift)
    return rows


def sample(vectors: NDArray[np.float32], per_block: int = 1) -> Sample:
    """Return vectors of which some that follow each other are a block."""
    return Sample(vectors, np.arange(len(vectors)) // per_block)


def test_the_distance_is_that_of_scipy() -> None:
    """In one dimension: it computes that from the cumulative distributions, squared and halved."""
    rng = np.random.default_rng(1)
    x, y = (rng.standard_normal((n, 1)).astype(np.float32) for n in (30, 20))
    found = drift.compare(sample(x), sample(y + 0.5), rng)
    expected = 30 * 20 / 50 * energy_distance(x[:, 0], y[:, 0] + 0.5) ** 2
    assert found.statistic == pytest.approx(expected, rel=1e-5)


def test_equal_samples_have_no_distance() -> None:
    """And nothing is as near as they are."""
    rng = np.random.default_rng(1)
    rows = drawn(rng, 40)
    found = drift.compare(sample(rows), sample(rows), rng)
    assert (found.statistic, found.distance) == pytest.approx((0, 0), abs=1e-6)
    assert found.p > 0.9


def test_the_distance_is_one_if_nothing_overlaps() -> None:
    """Two points, each of them several times."""
    rng = np.random.default_rng(1)
    ones = np.ones((20, 3), np.float32)
    found = drift.compare(sample(ones), sample(-ones), rng)
    assert found.distance == pytest.approx(1)
    assert found.is_alarm


def test_p_is_the_share_of_all_divisions() -> None:
    """Of eight blocks there are 70 divisions, which can all be counted."""
    rng = np.random.default_rng(3)
    rows, of_now = drawn(rng, 8, 0.0), [5, 6, 7, 4]
    rows[of_now, 0] += np.float32(0.8)
    before, now = rows[:4], rows[4:]
    found = drift.compare(sample(before), sample(now), rng)
    apart = drift.distances(np.concatenate([before, now]))

    def statistic(chosen: tuple[int, ...]) -> float:
        rest = [row for row in range(8) if row not in chosen]
        between, first, second = (
            apart[np.ix_(*each)].mean() for each in ((rest, chosen), (rest, rest), (chosen, chosen))
        )
        return float(2 * (2 * between - first - second))

    reached = statistic((4, 5, 6, 7))
    share = np.mean([statistic(each) >= reached - 1e-9 for each in combinations(range(8), 4)])
    assert found.statistic == pytest.approx(reached, rel=1e-5)
    # Ten divisions give p within a third of itself; 1 in 70 is the least that can come.
    assert found.p == pytest.approx(share, rel=0.8)
    assert found.least_p == pytest.approx(1 / 70)
    assert not found.can_tell


@pytest.mark.parametrize("shift", [0.8, 2.0])
def test_a_shift_is_an_alarm(shift: float) -> None:
    """Of 100 new vectors against 200; the larger one is farther away."""
    rng = np.random.default_rng(4)
    found = drift.compare(sample(drawn(rng, 200)), sample(drawn(rng, 100, shift)), rng)
    assert found.can_tell
    assert found.is_alarm
    assert found.p == pytest.approx(ALARM)


def test_chance_gives_small_values_as_seldom_as_they_say() -> None:
    """Of 400 tests without a change a tenth has p <= 0.1, and none is an alarm."""
    rng = np.random.default_rng(5)
    small = alarms = 0
    for _ in range(400):
        found = drift.compare(sample(drawn(rng, 40)), sample(drawn(rng, 20)), rng, least=50)
        small += found.p <= 0.1
        alarms += found.is_alarm
    assert 20 <= small <= 60  # 40, and more than three standard deviations (6) to both sides
    assert not alarms


def test_frames_of_one_block_stay_together() -> None:
    """Six copies of each of 45 vectors are an alarm if they are divided, and none if they are not.

    The same difference: of 15 against 30 vectors by chance.
    """
    rng = np.random.default_rng(6)
    rows = np.repeat(drawn(rng, 45), 6, axis=0)
    together = drift.compare(sample(rows[:180], 6), sample(rows[180:], 6), rng)
    apart = drift.compare(sample(rows[:180]), sample(rows[180:]), rng)
    assert together.statistic == pytest.approx(apart.statistic)
    assert apart.is_alarm
    assert together.p > 0.01


def test_too_few_blocks_cannot_tell() -> None:
    """Three videos against two: one of ten divisions is the one that is there."""
    rng = np.random.default_rng(7)
    found = drift.compare(sample(drawn(rng, 30), 10), sample(drawn(rng, 20, 5.0), 10), rng)
    assert found.least_p == pytest.approx(0.1)
    assert not found.can_tell
    assert not found.is_alarm


def test_the_null_is_shown_whole() -> None:
    """At least a thousand divisions, however soon the test could end."""
    rng = np.random.default_rng(8)
    assert len(drift.compare(sample(drawn(rng, 20)), sample(drawn(rng, 20)), rng).null) >= 1000


def test_samples_must_fit() -> None:
    """What is wrong is named."""
    rng = np.random.default_rng(9)
    some, none = sample(drawn(rng, 3)), sample(drawn(rng, 0))
    with pytest.raises(ValueError, match="both samples need vectors, got 3 and 0"):
        drift.compare(some, none, rng)
    with pytest.raises(ValueError, match=r"vectors \(3, 8\) and \(2, 5\)"):
        drift.compare(some, sample(np.ones((2, 5), np.float32)), rng)
    with pytest.raises(ValueError, match="blocks"):
        Sample(np.ones((2, 5), np.float32), np.arange(3))
