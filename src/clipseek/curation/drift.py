"""Whether pictures have changed: the energy distance of two samples, with its null distribution.

With d the Euclidean distance of two vectors, n vectors x of before and m vectors y of now:

    E = 2 mean d(x, y) - mean d(x, x') - mean d(y, y')      at least 0; 0 if both are alike
    statistic = n m / (n + m) * E
    distance = E / (2 mean d(x, y))                         in [0, 1], whatever n and m are

(Szekely and Rizzo, Testing for Equal Distributions in High Dimension, InterStat 2004.) What the
statistic would be if nothing had changed is not assumed but counted: the same vectors are divided
at random into before and now, again and again. Pictures that were taken together are alike, so they
stay together: a *block*, such as a video or an hour of a camera, is divided as a whole. If blocks
can be exchanged, a p-value of a or less comes with a probability of at most a, in samples of any
size.

Most tests find nothing and need few divisions: they end at the tenth division that is as far apart
(Besag and Clifford, Sequential Monte Carlo p-values, Biometrika 1991). That is as exact.
"""

from dataclasses import dataclass, field, replace
from math import comb
from typing import Self

import numpy as np
from numpy.typing import NDArray

ALARM = 1 / 30_000
"""A p-value of this or less is an alarm. Three things are tested of each camera and week, so that
at most one in 10 000 weeks without a change gives one."""

NULL = 1000
"""Divisions that are made at least, so that their distribution can be shown."""

_MOST = 29_999
"""The most divisions: the least p-value is `ALARM`, if no division is as far apart."""

_ENOUGH = 10
"""A test ends at the tenth division that is as far apart as the samples are."""

_AT_ONCE = 1000
"""Divisions of one matrix product: 1000 by 600 blocks are 5 MB."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Vectors of one period. vectors: float32 (N, dim). blocks: int64 (N,), any numbers."""

    vectors: NDArray[np.float32] = field(repr=False)
    blocks: NDArray[np.int64] = field(repr=False)

    def __post_init__(self) -> None:
        count = len(self.blocks)
        if self.vectors.ndim != 2 or len(self.vectors) != count or self.blocks.ndim != 1:
            raise ValueError(f"vectors {self.vectors.shape} and blocks {self.blocks.shape}")

    def __len__(self) -> int:
        return len(self.blocks)


@dataclass(frozen=True, slots=True)
class Blocks:
    """How far the blocks of some vectors are apart.

    sums: float64 (B, B), of the distances of all vectors of two blocks. sizes: float64 (B,).
    """

    sums: NDArray[np.float64] = field(repr=False)
    sizes: NDArray[np.float64]

    @classmethod
    def of(cls, *samples: Sample) -> Self:
        """Return the blocks of each sample in the order of their numbers, one after the other."""
        orders = [np.argsort(each.blocks, kind="stable") for each in samples]
        vectors = [each.vectors[order] for each, order in zip(samples, orders, strict=True)]
        counts = [np.unique(each.blocks, return_counts=True)[1] for each in samples]
        sizes = np.concatenate(counts)
        starts, apart = np.cumsum(sizes) - sizes, distances(np.concatenate(vectors))
        sums = np.add.reduceat(np.add.reduceat(apart, starts, axis=0), starts, axis=1)
        return cls(sums, sizes.astype(np.float64))

    def some(self, rows: NDArray[np.int64]) -> Self:
        """Return some of the blocks."""
        return replace(self, sums=self.sums[np.ix_(rows, rows)], sizes=self.sizes[rows])


@dataclass(frozen=True, slots=True)
class Difference:
    """How far two samples are apart.

    statistic, distance: See above. p: The share of divisions that are as far apart or farther.
    null: float64 (D,), the statistics of `NULL` divisions or more, in the order they were made.
    least_p: The least p that so few blocks can give. If it is above `ALARM` nothing can be said.
    """

    statistic: float
    distance: float
    p: float
    least_p: float
    null: NDArray[np.float64] = field(repr=False)

    @property
    def can_tell(self) -> bool:
        """Whether there are enough blocks for an alarm."""
        return self.least_p <= ALARM

    @property
    def is_alarm(self) -> bool:
        """Whether the samples differ by more than chance explains."""
        return self.p <= ALARM


def compare(
    before: Sample, now: Sample, rng: np.random.Generator, *, least: int = NULL
) -> Difference:
    """Compare two samples; `least` divisions are made in any case.

    Raises:
        ValueError: a sample is empty, or vectors have different lengths.
    """
    if not len(before) or not len(now):
        raise ValueError(f"both samples need vectors, got {len(before)} and {len(now)}")
    if before.vectors.shape[1] != now.vectors.shape[1]:
        raise ValueError(f"vectors {before.vectors.shape} and {now.vectors.shape}")
    # A block of both periods, such as a video over midnight, is one of each.
    blocks = Blocks.of(before, now)
    return divide(blocks, len(np.unique(before.blocks)), rng, least=least)


def divide(
    blocks: Blocks, first: int, rng: np.random.Generator, *, least: int = NULL
) -> Difference:
    """Compare the first blocks with the others, as `compare` does."""
    chosen = len(blocks.sizes) - first
    is_now = (np.arange(len(blocks.sizes)) >= first)[None].astype(np.float64)
    (statistic,), (distance,) = _apart(is_now, blocks)
    p, null = _p(float(statistic), blocks, chosen, rng, least)
    least_p = max(1 / comb(len(blocks.sizes), chosen), 1 / (_MOST + 1))
    return Difference(float(statistic), float(distance), max(p, least_p), least_p, null)


def distances(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the Euclidean distance of each two vectors, float64 (N, N)."""
    rows = vectors.astype(np.float64)
    lengths = (rows**2).sum(axis=1)
    squares = lengths[:, None] + lengths - 2 * (rows @ rows.T)
    np.fill_diagonal(squares, 0)
    found: NDArray[np.float64] = np.sqrt(np.maximum(squares, 0))
    return found


def _apart(
    is_now: NDArray[np.float64], blocks: Blocks
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return statistic and distance of each division float64 (D, B): 1 for now, 0 for before."""
    sums, sizes = blocks.sums, blocks.sizes
    within = is_now @ sums
    both, rows = sums.sum(), sums.sum(axis=0)
    new_new = (within * is_now).sum(axis=1)
    new_all = is_now @ rows
    new_old = new_all - new_new
    old_old = both - new_all - new_old
    m = is_now @ sizes
    n = sizes.sum() - m
    between = 2 * new_old / (n * m)
    apart = np.maximum(between - old_old / n**2 - new_new / m**2, 0)
    return n * m / (n + m) * apart, apart / np.maximum(between, 1e-12)


def _p(
    statistic: float,
    blocks: Blocks,
    chosen: int,
    rng: np.random.Generator,
    least: int,
) -> tuple[float, NDArray[np.float64]]:
    """Return the p-value and the statistics of the divisions."""
    # Equal divisions are summed in another order: what differs by rounding alone counts as equal.
    reached = statistic - 1e-9 * max(1.0, statistic)
    null = np.zeros(0)
    while len(null) < _MOST:
        count = min(least if not len(null) else len(null), _AT_ONCE, _MOST - len(null))
        numbers = rng.random((count, len(blocks.sizes)))
        drawn = numbers <= np.partition(numbers, chosen - 1, axis=1)[:, chosen - 1 : chosen]
        more, _ = _apart(drawn.astype(np.float64), blocks)
        null = np.concatenate([null, more])
        far = np.flatnonzero(null >= reached)
        if len(far) >= _ENOUGH:
            return _ENOUGH / float(far[_ENOUGH - 1] + 1), null
    return (int((null >= reached).sum()) + 1) / (len(null) + 1), null
