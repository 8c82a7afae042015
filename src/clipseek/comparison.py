"""Whether two ways to answer differ, by the same queries: paired differences and their intervals.

The bootstrap resamples queries, each with both of its figures (Efron and Tibshirani, "An
Introduction to the Bootstrap", 1993, chapter 13; for searches Sakai, "Evaluating evaluation metrics
based on the bootstrap", SIGIR 2006). A seed makes it repeatable.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DRAWS = 10_000
LEVEL = 0.95
_CELLS = 4_000_000
"""Numbers that are drawn at a time: 32 MB."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of a figure for both, and how sure their difference is.

    one, other: The means. low, high: The interval of other - one that has 95 % of the draws.
    p: Twice the share of draws on the rarer side of no difference, at most 1. better, worse: Of how
    many queries `other` has the higher and the lower figure. queries: How many have both.
    """

    one: float
    other: float
    low: float
    high: float
    p: float
    better: int
    worse: int
    queries: int

    @property
    def is_sure(self) -> bool:
        """Whether the interval does not contain 0."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of a figure, and the interval that has 95 % of the draws."""

    value: float
    low: float
    high: float
    queries: int


def mean(values: Floats, *, seed: int, draws: int = DRAWS) -> Mean | None:
    """Return the mean of the values (Q,) that are not NaN, with its interval; None if all are."""
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    low, high = np.quantile(_resampled(known, seed=seed, draws=draws), _ends())
    return Mean(float(known.mean()), float(low), float(high), len(known))


def difference(one: Floats, other: Floats, *, seed: int, draws: int = DRAWS) -> Difference | None:
    """Compare two figures (Q,) of the same queries; None if no query has both.

    A query that has NaN in one of them is left out.
    """
    both = ~(np.isnan(one) | np.isnan(other))
    if not both.any():
        return None
    changes = other[both] - one[both]
    drawn = _resampled(changes, seed=seed, draws=draws)
    low, high = np.quantile(drawn, _ends())
    sides = float((drawn <= 0).mean()), float((drawn >= 0).mean())
    return Difference(
        one=float(one[both].mean()),
        other=float(other[both].mean()),
        low=float(low),
        high=float(high),
        p=min(1.0, 2 * min(sides)),
        better=int((changes > 0).sum()),
        worse=int((changes < 0).sum()),
        queries=len(changes),
    )


def differences(
    one: Mapping[str, Floats], other: Mapping[str, Floats], *, seed: int
) -> dict[str, Difference | None]:
    """Compare each figure of `one` with that of the same name."""
    return {name: difference(values, other[name], seed=seed) for name, values in one.items()}


def _ends() -> tuple[float, float]:
    return (1 - LEVEL) / 2, (1 + LEVEL) / 2


def _resampled(values: Floats, *, seed: int, draws: int) -> Floats:
    """Return the means (draws,) of samples of the values with replacement, as many as there are."""
    chance = np.random.default_rng(seed)
    means = np.empty(draws)
    step = max(1, _CELLS // len(values))
    for start in range(0, draws, step):
        count = min(step, draws - start)
        places = chance.integers(len(values), size=(count, len(values)))
        means[start : start + count] = values[places].mean(axis=1)
    # Equal values have equal means whatever is drawn, but sums of floats round.
    return np.round(means, 12)
