"""Samples: which moments to label, in which order, and how well they stand for a library.

Each kind of sample is an order of rows, the row to label first at its beginning; `chosen` takes
rows from it until a budget is reached and leaves near-duplicates out. Rows are segments: each
stands for one frame, that of its `best_time`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from clipseek.nearest import nearest
from clipseek.ranking import ALIKE

Kind = Literal["random", "stratified", "hard", "diverse", "rare"]
KINDS: tuple[Kind, ...] = get_args(Kind)

Rows = NDArray[np.int64]
Vectors = NDArray[np.float32]

_WIDTH = 0.5
"""The kernel of `diverse` is exp(-(1 - cosine) / _WIDTH). Of 0.25 to 4, this covers the kinds of
scene of the demo world with the fewest frames, over two seeds (`python -m benchmarks.samples`)."""
_MOST_CELLS = 64_000_000
"""Float32 cells that `diverse` keeps at most, 256 MB: candidates times the budget."""
MOST_DIVERSE = 4000
"""The largest budget of a diverse sample: of twice as many rows, the square is `_MOST_CELLS`."""
_NEIGHBOURS = 5
"""How many neighbours say how rare a row is; more than the frames of a moment that repeats."""
_REFERENCES = 20_000
"""Rows that others are compared with to say how rare they are: of more, a random part."""
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Chosen:
    """A sample.

    rows: int64 (n,), in the order of labelling. repeats: How many rows were left out because one
    that was chosen before is near-identical.
    """

    rows: Rows
    repeats: int


@dataclass(frozen=True, slots=True)
class Covered:
    """How well a sample stands for all rows.

    mean_distance, largest_distance: 1 - cosine of each row and the sampled one that is nearest.
    strata: By kind, how many values the sample has of those that there are.
    """

    mean_distance: float
    largest_distance: float
    strata: Mapping[str, tuple[int, int]]


def shuffled(count: int, *, seed: int) -> Rows:
    """Return all rows in random order."""
    return np.random.default_rng(seed).permutation(count).astype(np.int64)


def stratified(strata: Sequence[str], *, seed: int) -> Rows:
    """Return rows so that each stratum comes as often as the others, until it has no more.

    Args:
        strata: What stratum each row is in. Inside a stratum, rows come in random order.
        seed: Chooses that order.
    """
    order = shuffled(len(strata), seed=seed)
    turns = np.empty(len(order), np.int64)
    seen: dict[str, int] = {}
    for row in order.tolist():
        turns[row] = seen[strata[row]] = seen.get(strata[row], -1) + 1
    return np.asarray(order[np.argsort(turns[order], kind="stable")], np.int64)


def hard(margins: NDArray[np.float64]) -> tuple[Rows, Rows]:
    """Return rows that are hard to judge first, and which question each is hard for.

    The questions take turns, each with the row that it is least sure of, so that one whose
    threshold is badly chosen does not take the whole budget.

    Args:
        margins: float64 (Q, S), how far each row is from the border of each question; NaN if the
            question is not asked of it.
    """
    count = margins.shape[1]
    ranks = np.argsort(np.argsort(margins, axis=1, kind="stable"), axis=1, kind="stable")
    ranks[np.isnan(margins)] = count
    first = ranks.min(axis=0, initial=count)
    question = np.argmin(ranks, axis=0) if len(margins) else np.zeros(count, np.int64)
    asked = np.flatnonzero(first < count)
    order = asked[np.lexsort((asked, question[asked], first[asked]))]
    return order.astype(np.int64), question[order].astype(np.int64)


def margins(relevance: NDArray[np.float64], thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far relevance (Q, S) is from the threshold (Q,) of its question, in log odds.

    In log odds, because relevance of 0.999 is much farther from 0.99 than 0.51 is from 0.5.
    """
    return np.abs(_odds(relevance) - _odds(thresholds)[:, np.newaxis])


def disagreement(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a margin (Q, S) that is small if two models or rules judge a row differently.

    Minus the difference of their relevance (Q, S): the row on which they differ most is first.
    """
    return -np.abs(one - other)


def rare(vectors: Vectors, *, seed: int) -> tuple[Rows, NDArray[np.float64]]:
    """Return rows that are like no other first, and the score of each row, not in that order.

    The score is the mean distance, 1 - cosine, to the nearest other rows (Angiulli and Pizzuti,
    "Fast outlier detection in high dimensional spaces", PKDD 2002). Of more than 20 000 rows, a
    random part stands for all.
    """
    count = len(vectors)
    others = shuffled(count, seed=seed)[:_REFERENCES]
    k = min(_NEIGHBOURS + 1, len(others))
    scores = np.empty(count)
    references = vectors[np.sort(others)]
    for start in range(0, count, _BLOCK):
        part = slice(start, start + _BLOCK)
        _, cosines = nearest(references, vectors[part], k)
        scores[part] = _distances(cosines, np.isin(np.arange(count)[part], others))
    order = np.lexsort((np.arange(count), -scores))
    return order.astype(np.int64), scores


def _distances(cosines: NDArray[np.float32], is_itself: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the mean distance to others: a row that is compared with itself leaves that out."""
    found = 1.0 - cosines.astype(np.float64)
    if found.shape[1] == 1:
        return np.asarray(np.where(is_itself, 0.0, found[:, 0]))
    means = np.where(is_itself, found[:, 1:].mean(axis=1), found[:, :-1].mean(axis=1))
    return np.asarray(means, np.float64)


def diverse(vectors: Vectors, budget: int, *, seed: int) -> Rows:
    """Return up to `budget` rows that differ as much as possible, each from all before it.

    The greedy maximum of a determinantal point process (Chen, Zhang and Zhou, "Fast greedy MAP
    inference for determinantal point process", NeurIPS 2018) with the kernel `_WIDTH`: the next row
    is the one that the rows before it say least of. Ends when they say all of each.
    """
    rows = shuffled(len(vectors), seed=seed)
    rows = np.sort(rows[: max(_MOST_CELLS // max(budget, 1), budget)])
    some = vectors[rows]
    explained = np.zeros((min(budget, len(rows)), len(rows)), np.float32)
    left = np.ones(len(rows))
    order: list[int] = []
    for step in range(len(explained)):
        row = int(left.argmax())
        if left[row] <= 1e-6:
            break
        order.append(row)
        likeness = np.exp((some @ some[row] - 1.0) / _WIDTH)
        explained[step] = (likeness - explained[:step].T @ explained[:step, row]) / left[row] ** 0.5
        left -= explained[step].astype(np.float64) ** 2
        left[row] = -np.inf
    return np.asarray(rows[order], np.int64)


def chosen(order: Rows, vectors: Vectors, budget: int, *, alike: float = ALIKE) -> Chosen:
    """Take rows from an order until the budget is reached; leave near-duplicates out.

    Args:
        order: int64 (n,), rows of `vectors`.
        vectors: float32 (S, dim), unit rows.
        budget: How many rows to take at most.
        alike: The cosine from which two rows are near-duplicates; above 1 none are.
    """
    taken: list[int] = []
    repeats = 0
    for start in range(0, len(order), _BLOCK):
        part = order[start : start + _BLOCK]
        is_new = ~_near(vectors[part], vectors[taken], alike)
        near = vectors[part] @ vectors[part].T >= alike
        for place, row in enumerate(part.tolist()):
            if len(taken) == budget:
                return Chosen(np.array(taken, np.int64), repeats)
            if not is_new[place]:
                repeats += 1
                continue
            taken.append(row)
            is_new[place + 1 :] &= ~near[place, place + 1 :]
    return Chosen(np.array(taken, np.int64), repeats)


def _near(some: Vectors, taken: Vectors, alike: float) -> NDArray[np.bool_]:
    if not len(taken):
        return np.zeros(len(some), np.bool_)
    return np.asarray((some @ taken.T).max(axis=1) >= alike, np.bool_)


def covered(vectors: Vectors, rows: Rows, strata: Mapping[str, Sequence[str]]) -> Covered:
    """Say how well some rows stand for all.

    Args:
        vectors: float32 (S, dim), unit rows.
        rows: The sample, at least one row.
        strata: By kind, the value of each row.
    """
    distances = np.concatenate(list(_to_nearest(vectors, vectors[rows])))
    counts = {
        kind: (len({values[row] for row in rows.tolist()}), len(set(values)))
        for kind, values in strata.items()
    }
    return Covered(float(distances.mean()), float(distances.max()), counts)


def _to_nearest(vectors: Vectors, sampled: Vectors) -> Iterator[NDArray[np.float64]]:
    for start in range(0, len(vectors), _BLOCK):
        best = (vectors[start : start + _BLOCK] @ sampled.T).max(axis=1)
        yield np.clip(1.0 - best.astype(np.float64), 0.0, None)


def _odds(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log(p / (1 - p)), finite for 0 and 1."""
    inside = np.clip(shares, 1e-12, 1 - 1e-12)
    odds: NDArray[np.float64] = np.log(inside) - np.log1p(-inside)
    return odds
