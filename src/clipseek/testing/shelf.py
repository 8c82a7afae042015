"""What is in a collection of a MemoryCatalog: its videos and its changes, as values."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from clipseek.catalog.rows import unpack
from clipseek.protocols import BiasOf
from clipseek.stored import VideoRows
from clipseek.types import Change, ChangeKind, Collection, Segment, Video


@dataclass(frozen=True, slots=True)
class Stored:
    """One video of a MemoryCatalog: what was put, under its segment ids."""

    video: Video
    rows: VideoRows
    ids: tuple[int, ...]

    def segments(self) -> list[Segment]:
        """Return the segments in the order of time."""
        return [
            Segment(
                id=segment_id,
                video_id=self.video.id,
                span=row.span,
                best_time=row.best_time,
                bias=row.bias,
                thumbnail=row.thumbnail,
                begins_shot=row.begins_shot,
            )
            for segment_id, row in zip(self.ids, self.rows.segments, strict=True)
        ]

    def rescored(self, bias: BiasOf) -> "Stored":
        """Return it with each segment's bias computed again from its vector."""
        rows = self.rows.segments
        biases = bias(unpack(np.stack([row.vector for row in rows]))) if rows else ()
        judged = tuple(replace(row, bias=float(b)) for row, b in zip(rows, biases, strict=True))
        return replace(self, rows=replace(self.rows, segments=judged))

    def edited(self, title: str, tags: tuple[str, ...], ids: Iterator[int]) -> "Stored":
        """Return it with a title and tags; if the tags are others, under the next ids."""
        video = replace(self.video, title=title, tags=tags)
        fresh = self.ids if tags == self.video.tags else tuple(next(ids) for _ in self.ids)
        return replace(self, video=video, ids=fresh)


@dataclass(frozen=True, slots=True)
class Shelf:
    """One collection of a MemoryCatalog; every change makes a new one."""

    collection: Collection
    stored: dict[str, Stored] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()

    def changed(
        self,
        kind: ChangeKind,
        video_id: str | None,
        stored: dict[str, Stored],
    ) -> "Shelf":
        """Return the shelf with other videos on it, one version later."""
        version = self.collection.version + 1
        change = Change(version, kind, video_id)
        return Shelf(replace(self.collection, version=version), stored, (*self.changes, change))

    def without(self, video_id: str) -> "Shelf":
        """Return the shelf one version later, with a video removed."""
        rest = {key: stored for key, stored in self.stored.items() if key != video_id}
        return self.changed("remove", video_id, rest)

    def evicted(self, uri: str, *, keep: str) -> "Shelf":
        """Return the shelf without another video from the same uri."""
        for video_id, stored in self.stored.items():
            if stored.video.uri == uri and video_id != keep:
                return self.without(video_id)
        return self
