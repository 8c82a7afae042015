"""The parts of a view: segments and the index over them, of which some are dead since."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from clipseek.index import EXACT_UP_TO, ExactIndex, FaissIndex
from clipseek.nearest import contained, located
from clipseek.protocols import VectorIndex
from clipseek.table import SegmentTable
from clipseek.types import Neighbours, SegmentBlock

# Videos that the catalog is asked for by their ids, for the sake of databases that bound a query.
VIDEOS_AT_ONCE = 500
# Filters by tags that a part remembers the videos of, one byte a video.
_TAGS_REMEMBERED = 64
# Neighbours asked for beyond those wanted, at first, where some may have been replaced.
_SPARE = 32


@dataclass(frozen=True, slots=True)
class Bearing:
    """A filter: only videos that bear all of some tags.

    `find` asks the catalog for the ids of those that do, among some videos or, given None, all.
    """

    tags: tuple[str, ...]
    find: Callable[[Sequence[str] | None], Sequence[str]]


class Bearers:
    """Which videos of a part bear the tags that were asked for last. Thread-safe.

    What is remembered stays right: where the tags of a video change it is put anew, and what the
    part has of it is dead.
    """

    def __init__(self) -> None:
        self._masks: dict[tuple[str, ...], NDArray[np.bool_]] = {}

    def knows(self, tags: tuple[str, ...]) -> bool:
        """Whether the catalog need not be asked."""
        return tags in self._masks

    def mask(self, bearing: Bearing, table: SegmentTable) -> NDArray[np.bool_]:
        """Return which of the table's videos bear the tags, bool (V,)."""
        mask = self._masks.get(bearing.tags)
        if mask is None:
            few = len(table.videos) <= VIDEOS_AT_ONCE
            mask = table.mask_of(bearing.find(table.videos.tolist() if few else None))
            while len(self._masks) >= _TAGS_REMEMBERED:
                self._masks.pop(next(iter(self._masks)), None)
            self._masks[bearing.tags] = mask
        return mask


@dataclass(frozen=True, slots=True)
class Part:
    """Some segments and the index over them, in the same order.

    dead: int64 (D,), ascending: ids that have been removed or replaced since.
    """

    table: SegmentTable
    index: VectorIndex
    dead: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    bearers: Bearers = field(default_factory=Bearers, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.table) - len(self.dead)

    def without(self, videos: AbstractSet[str]) -> Self:
        """Return the part with the segments of some videos dead."""
        gone = self.table.ids_of(videos)
        return replace(self, dead=np.union1d(self.dead, gone)) if len(gone) else self

    def rescored(self, ids: NDArray[np.int64], biases: NDArray[np.float32]) -> Self:
        """Return the part with other biases of those of its segments that are among `ids`."""
        places, is_there = located(ids, self.table.ids)
        judged = self.table.biases.copy()
        judged[is_there] = biases[places[is_there]]
        return replace(self, table=replace(self.table, biases=judged))

    def search(
        self, queries: NDArray[np.float32], k: int, videos: Sequence[str] | Bearing | None
    ) -> Neighbours:
        """Find the k nearest segments that are not dead, as `protocols.VectorIndex` does."""
        allow = self._allowed(videos)
        if allow is not None:
            return self.index.search(queries, k, allow=allow)
        wanted = min(k, len(self))
        ask = max(1, wanted + min(_SPARE, len(self.dead)))
        while True:
            near = self.index.search(queries, ask)
            dead = contained(self.dead, near.ids)
            if (near.ids.shape[1] - dead.sum(axis=1) >= wanted).all():
                break
            ask = min(2 * ask, wanted + len(self.dead))
        alive_first = np.argsort(dead, axis=1, kind="stable")[:, :wanted]
        return _taken(near.ids, near.scores, alive_first)

    def _allowed(self, videos: Sequence[str] | Bearing | None) -> NDArray[np.int64] | None:
        """Return the ids, ascending, that a filter lets through, or None for all."""
        if videos is None:
            return None
        if not isinstance(videos, Bearing):
            allowed = self.table.ids_of(videos)
        else:
            mask = self.bearers.mask(videos, self.table)
            if mask.all():
                return None
            allowed = self.table.ids_where(mask)
        return allowed[~contained(self.dead, allowed)] if len(self.dead) else allowed

    def exact(self, queries: NDArray[np.float32], k: int) -> Neighbours:
        """Find the true k nearest segments that are not dead."""
        if not len(self.dead):
            return self.index.exact(queries, k)
        alive = np.setdiff1d(self.table.ids, self.dead, assume_unique=True)
        return self.index.exact(queries, k, allow=alive)


@dataclass(frozen=True, slots=True)
class Delta(Part):
    """A part that changed since the snapshot; it can be read back, to be joined with others."""

    index: ExactIndex

    def block(self) -> SegmentBlock:
        """Return the segments that are not dead."""
        alive = ~contained(self.dead, self.table.ids)
        known = self.table.rows(self.table.ids[alive])
        return SegmentBlock(
            ids=self.table.ids[alive],
            video_ids=known.video_ids,
            spans=known.spans,
            best_times=known.best_times,
            biases=known.biases,
            vectors=self.index.vectors[alive],
        )


def beside(table: SegmentTable, vectors: NDArray[np.float32]) -> Delta:
    """Make the part of what changed, which is searched beside the others."""
    return Delta(table, ExactIndex(table.ids, vectors))


def whole(table: SegmentTable, vectors: NDArray[np.float32]) -> Part:
    """Make the part of a whole catalog: exact, unless it is too large for that."""
    if len(table) > EXACT_UP_TO:
        return Part(table, FaissIndex.build(vectors, table.ids))
    return Part(table, ExactIndex(table.ids, vectors))


def joined(parts: list[Delta]) -> tuple[Delta, ...]:
    """Drop empty parts, and join the last with the one before while it is half its size or more.

    So there are few parts, and a segment is copied a logarithmic number of times: the method of
    Bentley and Saxe 1980, "Decomposable searching problems".
    """
    parts = [part for part in parts if len(part)]
    while len(parts) > 1 and 2 * len(parts[-1]) >= len(parts[-2]):
        blocks = [part.block() for part in parts[-2:]]
        table, vectors = SegmentTable.of(blocks, blocks[0].vectors.shape[1])
        parts[-2:] = [beside(table, vectors)]
    return tuple(parts)


def nearest_of(found: Sequence[Neighbours], k: int) -> Neighbours:
    """Return the k nearest of several parts."""
    ids = np.concatenate([near.ids for near in found], axis=1)
    scores = np.concatenate([near.scores for near in found], axis=1)
    return _taken(ids, scores, np.lexsort((ids, -scores), axis=1)[:, :k])


def _taken(
    ids: NDArray[np.int64], scores: NDArray[np.float32], order: NDArray[np.int64]
) -> Neighbours:
    return Neighbours(
        np.take_along_axis(ids, order, axis=1), np.take_along_axis(scores, order, axis=1)
    )
