"""Thresholds of rules from what people have decided, with intervals for precision and recall. Pure.

Precision is the share of right tags among those that a threshold gives, recall the share of what
is right that gets its tag. Both are about the samples that were decided on: if these were drawn
from proposals alone, recall says nothing of what no rule has proposed.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import InvalidQuery

MIN_SIDE = 8
"""With fewer right or wrong samples the border between both cannot be measured."""
_Z = 1.959963984540054
"""The quantile of the normal distribution for 95 % on two sides."""
PRECISE = 0.05
"""Half the width of an interval from which on a share counts as known: 5 points either way."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of so many, with its interval of 95 % by Wilson (1927); NaN of none."""

    hits: int
    count: int

    @property
    def share(self) -> float:
        """The share itself."""
        return self.hits / self.count if self.count else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's score interval, in [0, 1]; all of it if nothing was counted."""
        return _wilson(self.share, self.count) if self.count else (0.0, 1.0)

    @property
    def missing(self) -> int:
        """How many more samples make the interval at most 2 x `PRECISE` wide, if the share stays.

        Of no samples, the share is taken for 0.5, which needs the most.
        """
        share, count = (self.share, self.count) if self.count else (0.5, 1)
        while (reach := _wilson(share, count))[1] - reach[0] > 2 * PRECISE:
            count += 1
        return count - self.count


def _wilson(share: float, n: int) -> tuple[float, float]:
    """Return the interval of 95 % of a share of `n` samples, one or more."""
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    spread = share * (1 - share) / n + _Z**2 / (4 * n * n)
    half = _Z * math.sqrt(spread) / (1 + _Z**2 / n)
    low = 0.0 if share == 0 else max(0.0, middle - half)
    return low, 1.0 if share == 1 else min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a threshold is on samples that were decided on."""

    threshold: float
    precision: Rate
    recall: Rate

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall; 0 if nothing right was found."""
        found, missed = self.precision.hits, self.recall.count - self.recall.hits
        wrong = self.precision.count - found
        return 2 * found / (2 * found + wrong + missed) if found else 0.0


def quality(relevances: NDArray[np.float64], right: NDArray[np.bool_], threshold: float) -> Quality:
    """Judge a threshold by samples with some relevance (N,), of which some are right (N,)."""
    given = relevances >= threshold
    hits = int((given & right).sum())
    return Quality(threshold, Rate(hits, int(given.sum())), Rate(hits, int(right.sum())))


def fitted(relevances: NDArray[np.float64], right: NDArray[np.bool_]) -> Quality:
    """Return the threshold with the highest F1; of several, the middle of the widest gap.

    Raises:
        InvalidQuery: there are fewer than `MIN_SIDE` right samples or wrong ones.
    """
    sides = int(right.sum()), int((~right).sum())
    if min(sides) < MIN_SIDE:
        raise InvalidQuery(
            f"fitting needs at least {MIN_SIDE} accepted and {MIN_SIDE} rejected samples, got "
            f"{sides[0]} and {sides[1]}; review more"
        )
    values = np.unique(relevances)
    edges = np.concatenate([[0.0], values])
    judged = [
        (quality(relevances, right, _between(low, high)), high - low)
        for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    ]
    return max(judged, key=lambda each: (each[0].f1, each[1]))[0]


def _between(low: float, high: float) -> float:
    """Return a threshold that gives what has `high`, and not what has `low`."""
    middle = round((low + high) / 2, 4)
    return middle if low < middle <= high else high
