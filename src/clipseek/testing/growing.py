"""MemoryGrowth: chunks that grow in a catalog in memory, and the recorders that may let them."""

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from clipseek.catalog.rows import now, packed, require_fingerprint, require_scoring
from clipseek.marks import Mark
from clipseek.stored import FrameRows, Growth, VideoRows
from clipseek.testing.claims import MemoryClaims
from clipseek.testing.shelf import Shelf, Stored

MarksOf = Callable[[str], Iterable[tuple[str, Mark]]]


class MemoryGrowth(MemoryClaims):
    """The part of `MemoryCatalog` that stores chunks that are being recorded. Thread-safe.

    `lent` says which recorder has which camera; "" is nobody. `marked` returns the tags on spans of
    a collection with their videos, which the fake of `Curating` stores.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lent: dict[str, str] = {}
        self._lock = threading.Lock()
        self._shelves: dict[str, Shelf] = {}
        self._aliases: dict[str, str] = {}
        self.marked: MarksOf = lambda _collection: ()
        self._ids = itertools.count(1)

    def grow(self, collection: str, growths: Sequence[Growth], *, by: str) -> frozenset[str]:
        """Store what is new of chunks; return the ids of those whose camera another one has."""
        rows = [packed(growth.put) for growth in growths]
        lost = set()
        with self._lock:
            name = self.collection(collection).name
            shelf = self._shelves[name]
            for growth, row in zip(growths, rows, strict=True):
                require_fingerprint(shelf.collection, growth.put.fingerprint)
                row.require_dim(shelf.collection.dim)
                require_scoring(collection, shelf.collection.scoring, growth.put.scoring)
                if self.lent.get(row.video.stream, "nobody has it") in (by, ""):
                    shelf = _grown(shelf, row, growth, self._ids)
                else:
                    lost.add(row.video.id)
            self._shelves[name] = shelf
        return frozenset(lost)


def _grown(shelf: Shelf, rows: VideoRows, growth: Growth, ids: Iterator[int]) -> Shelf:
    """Return the shelf one version later, with what is new of one video."""
    video = rows.video
    before = shelf.stored.get(video.id)
    fresh = tuple(itertools.islice(ids, len(rows.segments)))
    if before is None:
        after = Stored(replace(video, indexed_at=now()), rows, fresh)
    else:
        pairs = zip(before.ids, before.rows.segments, strict=True)
        kept = [(i, row) for i, row in pairs if row.span.start < growth.since]
        segments = (*(row for _, row in kept), *rows.segments)
        old = before.video
        same = {name: getattr(old, name) for name in _KEPT}
        grown = replace(video, segments=len(segments), **same)
        frames = _frames(before.rows.frames, rows.frames, growth.first_frame)
        every = replace(before.rows, video=grown, segments=segments, frames=frames)
        after = Stored(grown, every, (*(i for i, _ in kept), *fresh))
    return shelf.changed("put", video.id, shelf.stored | {video.id: after})


def _frames(before: FrameRows | None, new: FrameRows | None, first: int) -> FrameRows | None:
    if before is None or new is None:
        return before if new is None else new
    return FrameRows(
        np.concatenate([before.times[:first], new.times]),
        np.concatenate([before.vectors[:first], new.vectors]),
    )


_KEPT = ("uri", "title", "tags", "timecode", "recorded_at", "stream", "indexed_at")
"""What of a video does not change when it grows."""
