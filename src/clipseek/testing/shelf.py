"""What is in a collection of a MemoryCatalog: its videos and its changes, as values."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from clipseek.catalog.codes import unpack
from clipseek.catalog.object_rows import rescored
from clipseek.protocols import BiasOf
from clipseek.stored import ObjectRows, SegmentBlock, VideoRows
from clipseek.timed import TimedText
from clipseek.types import Change, ChangeKind, Collection, Field, Scoring, Segment, Video


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
        shown = self.rows.objects
        objects = None if shown is None else rescored(shown, bias)
        return replace(self, rows=replace(self.rows, segments=judged, objects=objects))

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

    def rescored(self, scoring: Scoring, bias: BiasOf) -> "Shelf":
        """Return the shelf one version later, with every bias computed again."""
        judged = {video_id: one.rescored(bias) for video_id, one in self.stored.items()}
        shelf = self.changed("calibrate", None, judged)
        keeps = scoring.same_evidence(self.collection.scoring)
        scored = replace(
            shelf.collection,
            scoring=scoring,
            scored_at=shelf.collection.version,
            relevance=self.collection.relevance if keeps else None,
        )
        return replace(shelf, collection=scored)

    def pruned(self, version: int) -> "Shelf":
        """Return the shelf without the changes up to a version, except the last one."""
        older, last = self.changes[:-1], self.changes[-1:]
        kept = tuple(change for change in older if change.version > version)
        return replace(self, changes=kept + last)

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


def stamps_of(texts: Iterable[tuple[str, TimedText]]) -> dict[str, dict[Field, str]]:
    """Return the stamps of texts by video and field."""
    found: dict[str, dict[Field, str]] = {}
    for video_id, text in texts:
        found.setdefault(video_id, {})[text.field] = text.stamp
    return found


def with_text(shelf: Shelf, stored: Stored, text: TimedText) -> Shelf:
    """Return the shelf with what one field of a video says; one version later if that is new."""
    before = {each.field: each for each in stored.rows.texts}
    after = tuple(each for _, each in sorted((before | {text.field: text}).items()))
    video_id = stored.video.id
    changed = shelf.stored | {video_id: replace(stored, rows=replace(stored.rows, texts=after))}
    known = before.get(text.field, TimedText(text.field, ""))
    if (known.cues, _model_of(known)) == (text.cues, _model_of(text)):
        return replace(shelf, stored=changed)
    return shelf.changed("text", video_id, changed)


def with_objects(shelf: Shelf, stored: Stored, objects: ObjectRows) -> Shelf:
    """Return the shelf with the objects of a video; one version later if there are, or were."""
    video_id, before = stored.video.id, stored.rows.objects
    rows = replace(stored.rows, objects=objects)
    changed = shelf.stored | {video_id: replace(stored, rows=rows)}
    if not objects.tracks and not (before and before.tracks):
        return replace(shelf, stored=changed)
    return shelf.changed("object", video_id, changed)


def _model_of(text: TimedText) -> str | None:
    return None if text.meaning is None else text.meaning.model


def block_of(rows: Sequence[tuple[Segment, NDArray[np.int8]]]) -> SegmentBlock:
    """Return segments and their vectors as a block."""
    found = [segment for segment, _ in rows]
    return SegmentBlock(
        ids=np.array([segment.id for segment in found], np.int64),
        video_ids=np.array([segment.video_id for segment in found], np.str_),
        spans=np.array([(segment.span.start, segment.span.end) for segment in found], np.float64),
        best_times=np.array([segment.best_time for segment in found], np.float64),
        biases=np.array([segment.bias for segment in found], np.float32),
        vectors=unpack(np.stack([vector for _, vector in rows])),
    )
