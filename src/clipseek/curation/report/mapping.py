"""A map of vectors: groups of segments that look alike, their names, and where to draw them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

MOST = 3000
"""Segments that are drawn: more are one cloud, and a page of some megabytes."""

GROUPS = 12
_ROUNDS = 50


@dataclass(frozen=True, slots=True)
class Group:
    """Segments that look alike.

    name: The sentence that fits them better than it fits all others. rows: int64 (n,), those of
    the vectors, the most typical first.
    """

    name: str
    rows: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Map:
    """points: float64 (N, 2) in [0, 1]. groups: By size, and which row is in which, int64 (N,).

    explained: Which share of the variance both axes show.
    """

    points: NDArray[np.float64] = field(repr=False)
    of: NDArray[np.int64] = field(repr=False)
    groups: Sequence[Group]
    explained: float


def mapped(
    vectors: NDArray[np.float32], bank: NDArray[np.float32], sentences: Sequence[str]
) -> Map:
    """Group vectors float32 (N, dim), unit rows, and name the groups by the sentences of a bank.

    bank: float32 (B, dim), unit rows, those of the sentences. The same input gives the same map.
    """
    most = min(GROUPS, len(sentences))  # each group has a name of its own
    of = _clustered(vectors, max(1, min(most, len(vectors) // 4)))
    middle = vectors.mean(axis=0)
    groups, taken = [], set[int]()
    order = sorted(np.unique(of), key=lambda group: (-(of == group).sum(), group))
    for group in order:
        rows = np.flatnonzero(of == group)
        centre = vectors[rows].mean(axis=0)
        fits = bank @ (centre - middle) if len(order) > 1 else bank @ centre
        best = next(
            int(each) for each in np.argsort(-fits, kind="stable") if int(each) not in taken
        )
        taken.add(best)
        typical = rows[np.argsort(-(vectors[rows] @ centre), kind="stable")]
        groups.append(Group(sentences[best], typical))
    number = {group: i for i, group in enumerate(order)}
    points, explained = _plane(vectors)
    return Map(points, np.array([number[group] for group in of], np.int64), groups, explained)


def _clustered(vectors: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Return the group of each row by spherical k-means (Dhillon and Modha, 2001).

    It begins with the row that is nearest to the mean, and then those farthest from all before.
    """
    centres = [vectors[int(np.argmax(vectors @ vectors.mean(axis=0)))]]
    while len(centres) < count:
        near = (vectors @ np.array(centres).T).max(axis=1)
        centres.append(vectors[int(np.argmin(near))])
    middles = np.array(centres)
    of = np.full(len(vectors), -1)
    for _ in range(_ROUNDS):
        nearest = (vectors @ middles.T).argmax(axis=1)
        if (nearest == of).all():
            break
        of = nearest
        for group in np.unique(of):
            mean = vectors[of == group].mean(axis=0)
            middles[group] = mean / max(float(np.linalg.norm(mean)), 1e-9)
    return of.astype(np.int64)


def _plane(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float64], float]:
    """Return the first two principal components, each scaled to [0, 1], and their share."""
    centred = (vectors - vectors.mean(axis=0)).astype(np.float64)
    values, axes = np.linalg.eigh(centred.T @ centred)
    plane = centred @ axes[:, [-1, -2]]
    low, high = plane.min(axis=0), plane.max(axis=0)
    share = float(values[-2:].sum() / max(values.sum(), 1e-12))
    return (plane - low) / np.maximum(high - low, 1e-9), share
