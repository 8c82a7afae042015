"""The parts of a view: segments and the index over them, of which some are dead since."""

import logging
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from clipseek.filters import Filters
from clipseek.index import EXACT_UP_TO, ExactIndex, FaissIndex, ShardedIndex
from clipseek.library.facts import Facts
from clipseek.library.passing import ALL, Passing
from clipseek.library.tags import Tags
from clipseek.nearest import contained, located
from clipseek.protocols import VectorIndex
from clipseek.recent import Recent
from clipseek.stored import SegmentBlock
from clipseek.table import SegmentTable
from clipseek.types import Named, Neighbours

# Videos that the catalog is asked for by their ids at once, because databases limit a query.
VIDEOS_AT_ONCE = 500
# Additional neighbours that are requested at first, because some may have been replaced.
_SPARE = 32
# Above so many segments the log says that reading them from the catalog takes long: 500 000 took
# 69 s on two cores, and 2.7 s from a snapshot.
_MANY = 50_000
# Filters whose segments are kept, 8 bytes each.
_FILTERS = 4

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """Some segments and the index over them, in the same order.

    tags: Those of the table's videos. They stay correct, because a video whose tags change is put
    again, and is then dead here. facts: What else filters ask of these videos; see `moved`. dead:
    int64 (D,), ascending: ids that have been removed or replaced since. gone: bool (V,), the videos
    whose segments are dead, or None if there are none. filtered: What the last filters let through.
    """

    table: SegmentTable
    index: VectorIndex
    tags: Tags = field(repr=False)
    facts: Facts = field(repr=False)
    dead: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    gone: NDArray[np.bool_] | None = field(default=None, repr=False)
    filtered: Recent[NDArray[np.int64] | None] = field(
        default_factory=lambda: Recent(_FILTERS), init=False, repr=False, compare=False
    )

    def __len__(self) -> int:
        return len(self.table) - len(self.dead)

    def without(self, videos: AbstractSet[str]) -> Self:
        """Return the part with the segments of some videos dead."""
        gone = self.table.mask_of(videos)
        if not gone.any():
            return self
        gone = gone if self.gone is None else self.gone | gone
        return replace(self, gone=gone, dead=self.table.ids_where(gone))

    def lacking(self, shards: AbstractSet[int]) -> Self:
        """Return the part without some shards of its index: what is in them counts as dead."""
        index = self.index
        if not isinstance(index, ShardedIndex):
            return self
        gone = np.zeros(len(self.table.videos), np.bool_)
        for number in shards & index.shards.keys():
            _, are_there = located(index.shards[number].ids, self.table.ids)
            gone[self.table.owners[are_there]] = True
        gone = gone if self.gone is None else self.gone | gone
        rest = index.without(shards)
        return replace(self, index=rest, gone=gone, dead=self.table.ids_where(gone))

    def moved(self, named: Sequence[Named]) -> Self:
        """Return the part with other folders of those of its videos that are named."""
        return replace(self, facts=self.facts.moved(named, self.table.videos))

    def rescored(self, ids: NDArray[np.int64], biases: NDArray[np.float32]) -> Self:
        """Return the part with other biases of those of its segments that are among `ids`."""
        places, is_there = located(ids, self.table.ids)
        judged = self.table.biases.copy()
        judged[is_there] = biases[places[is_there]]
        return replace(self, table=replace(self.table, biases=judged))

    def search(
        self,
        queries: NDArray[np.float32],
        k: int,
        only: Filters | None,
        passing: Passing = ALL,
    ) -> Neighbours:
        """Find the k nearest segments that are not dead, as `protocols.VectorIndex` does.

        passing: What of it passes what a filter asks of other fields, which a part does not know.
        """
        allow = None if only is None else self.allowed(only, passing)
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

    def allowed(self, only: Filters, passing: Passing = ALL) -> NDArray[np.int64] | None:
        """Return the ids, ascending, that a filter lets through, or None for all.

        Those that come again cannot be written, so that an index may know them.
        """
        if passing.videos is not None or passing.segments is not None:
            return self._allowed(only, passing)
        return self.filtered.get(only, lambda: _fixed(self._allowed(only, ALL)), operator.eq)

    def _allowed(self, only: Filters, passing: Passing) -> NDArray[np.int64] | None:
        mask = self._mask(only, passing.videos)
        alive = mask if self.gone is None else mask & ~self.gone
        if only.cuts_videos:
            table = self.table
            fits = alive[table.owners]
            if only.cuts_chunks:
                fits &= self.facts.moments(only, table.owners, table.spans)
            if passing.segments is not None:
                fits &= passing.segments
            return table.ids[fits]
        if mask.all():
            return None
        return self.table.ids_where(alive)

    def videos(self, only: Filters, passing: Passing = ALL) -> set[str]:
        """Return the videos that a filter lets through."""
        mask = self._mask(only, passing.videos)
        found: list[str] = self.table.videos[
            mask if self.gone is None else mask & ~self.gone
        ].tolist()
        return set(found)

    def among(self, videos: AbstractSet[str]) -> NDArray[np.bool_]:
        """Return which videos of the table are among some and are not gone, bool (V,)."""
        mask = self.table.mask_of(videos)
        return mask if self.gone is None else mask & ~self.gone

    def _mask(self, only: Filters, passing: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
        mask = self.tags.mask(only.tags or ()) & self.facts.mask(only)
        if passing is not None:
            mask &= passing
        if only.video_ids is not None:
            mask &= self.table.mask_of(only.video_ids)
        return mask

    def segments_in(self, stretches: Sequence[tuple[str, float, float]]) -> list[NDArray[np.int64]]:
        """Return the ids of the segments in each stretch, in order of time; none if not here.

        A stretch is a video, and seconds from and to.
        """
        found = [np.empty(0, np.int64)] * len(stretches)
        mask = self.table.mask_of({video_id for video_id, _, _ in stretches})
        if self.gone is not None:
            mask &= ~self.gone
        rows = np.flatnonzero(mask[self.table.owners])
        if not len(rows):
            return found
        owners, starts = self.table.owners[rows], self.table.spans[rows, 0]
        order = np.lexsort((starts, owners))
        rows, owners, starts = rows[order], owners[order], starts[order]
        names = np.array([video_id for video_id, _, _ in stretches])
        mine = np.searchsorted(self.table.videos, names).clip(max=len(mask) - 1)
        is_here = mask[mine] & (self.table.videos[mine] == names)
        for i in np.flatnonzero(is_here).tolist():
            first, end = np.searchsorted(owners, [mine[i], mine[i] + 1])
            _, begins, ends = stretches[i]
            at = first + max(0, np.searchsorted(starts[first:end], begins, side="right") - 1)
            last = first + np.searchsorted(starts[first:end], ends, side="left")
            found[i] = self.table.ids[rows[at : max(at + 1, last)]]
        return found

    def truth(self, queries: NDArray[np.float32], k: int) -> Neighbours:
        """Find the k nearest segments that are not dead, see `protocols.VectorIndex.truth`."""
        if not len(self.dead):
            return self.index.truth(queries, k)
        alive = np.setdiff1d(self.table.ids, self.dead, assume_unique=True)
        return self.index.truth(queries, k, allow=alive)


def _fixed(ids: NDArray[np.int64] | None) -> NDArray[np.int64] | None:
    if ids is not None:
        ids.flags.writeable = False
    return ids


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


def beside(table: SegmentTable, vectors: NDArray[np.float32], tags: Tags, facts: Facts) -> Delta:
    """Make the part of what changed, which is searched beside the others."""
    return Delta(table, ExactIndex(table.ids, vectors), tags, facts)


def whole(table: SegmentTable, vectors: NDArray[np.float32], tags: Tags, facts: Facts) -> Part:
    """Make the part of a whole catalog: exact, unless it is too large for that."""
    if len(table) > EXACT_UP_TO:
        return Part(table, FaissIndex.build(vectors, table.ids), tags, facts)
    return Part(table, ExactIndex(table.ids, vectors), tags, facts)


def joined(parts: list[Delta]) -> tuple[Delta, ...]:
    """Drop empty parts, and join the last with the one before while it is half its size or more.

    So there are few parts, and a segment is copied a logarithmic number of times: the method of
    Bentley and Saxe 1980, "Decomposable searching problems".
    """
    parts = [part for part in parts if len(part)]
    while len(parts) > 1 and 2 * len(parts[-1]) >= len(parts[-2]):
        blocks = [part.block() for part in parts[-2:]]
        table, vectors = SegmentTable.of(blocks, blocks[0].vectors.shape[1])
        parts[-2:] = [beside(table, vectors, *_known_of(parts[-2:], table))]
    return tuple(parts)


def _known_of(parts: Sequence[Part], table: SegmentTable) -> tuple[Tags, Facts]:
    """Return the tags and facts of those videos of some parts that are not gone."""
    tags, facts = [], []
    for part in parts:
        rows = np.searchsorted(table.videos, part.table.videos)
        alive = np.ones(len(rows), np.bool_) if part.gone is None else ~part.gone
        tags.append((part.tags, rows, alive))
        facts.append((part.facts, rows, alive))
    count = len(table.videos)
    return Tags.joined(tags, count), Facts.joined(facts, count)


def segments_in(
    parts: Sequence[Part], stretches: Sequence[tuple[str, float, float]]
) -> list[NDArray[np.int64]]:
    """Return the ids of the segments that are shown in each stretch, in order of time.

    A stretch is a video, and seconds from and to. What is past the last segment is in that.
    """
    found = [part.segments_in(stretches) for part in parts]
    return [np.concatenate(ids) for ids in zip(*found, strict=True)]


def segments_between(
    parts: Sequence[Part],
    owners: NDArray[np.int64],
    begins: NDArray[np.float64],
    ends: NDArray[np.float64],
    most: int,
) -> NDArray[np.int64]:
    """Return the ids of the segments that are shown in some stretches; see `SegmentTable.between`.

    owners: int64 (S,), as `View.rows` returns them. At most `most` segments of each part.
    """
    found, before = [], 0
    for part in parts:
        count = len(part.table.videos)
        mine = (owners >= before) & (owners < before + count)
        found.append(part.table.between(owners[mine] - before, begins[mine], ends[mine], most))
        before += count
    return np.concatenate(found)


def vectors_of(parts: Sequence[Part], ids: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the vectors of int64 (K,) segments of several parts, float32 (K, dim)."""
    vectors = np.empty((len(ids), parts[0].index.dim), np.float32)
    for part in parts:
        mine = contained(part.table.ids, ids)
        if mine.any():
            vectors[mine] = part.index.vectors_of(ids[mine])
    return vectors


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


def counted(
    blocks: Iterable[SegmentBlock], total: int, progress: Callable[[int, int], None]
) -> Iterator[SegmentBlock]:
    """Hand blocks on, and tell of each how many segments were read by then."""
    done = 0
    progress(done, total)
    for block in blocks:
        yield block
        done += len(block.ids)
        progress(done, total)


def warn_of_many(name: str, segments: int) -> None:
    """Say why opening takes long, before it does."""
    if segments > _MANY:
        log.warning(
            "collection %s has no snapshot that can be used, so its %d segments are read from the "
            "catalog, which takes long; `indexer build --collection %s` makes a snapshot",
            name,
            segments,
            name,
        )
