"""MemoryCatalog: a catalog in memory, under the contract of the real one."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import PurePath
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from clipseek.catalog.codes import unpack
from clipseek.catalog.rows import (
    now,
    packed,
    require_alias,
    require_fingerprint,
    require_finite,
    require_model,
    require_scoring,
    storable,
    tag_form,
)
from clipseek.errors import CollectionNotFound, SegmentNotFound
from clipseek.protocols import BiasOf
from clipseek.stored import FrameBlocks, SegmentBlock, Some, VideoRows
from clipseek.testing.field_rows import MemoryFields
from clipseek.testing.shelf import Shelf, Stored, block_of
from clipseek.testing.sizes import bytes_of
from clipseek.types import (
    Change,
    ChangeKind,
    Collection,
    Named,
    Put,
    Relevance,
    Scoring,
    Segment,
    Video,
)


class MemoryCatalog(MemoryFields):
    """A `CatalogWriter` in dictionaries, under the same contract as `SqlCatalog`. Thread-safe."""

    def __init__(self) -> None:
        super().__init__()
        self._removed = 0

    def identity(self) -> str:
        """Return an id of this catalog alone."""
        return f"memory-{id(self)}"

    def ensure_collection(
        self,
        name: str,
        model: str,
        dim: int,
        fingerprint: str,
        scoring: Scoring | None = None,
    ) -> Collection:
        """Return the collection, made if it is missing; raise ModelMismatch."""
        storable(name=name, model=model, fingerprint=fingerprint)
        epoch = f"after {self._removed} removals"
        made = Collection(name, model, dim, fingerprint, version=0, scoring=scoring, epoch=epoch)
        with self._lock:
            found = self._shelves.setdefault(self._aliases.get(name, name), Shelf(made))
        require_model(found.collection, model, dim=dim, fingerprint=fingerprint)
        return found.collection

    def collection(self, name: str) -> Collection:
        """Return the collection; raise CollectionNotFound."""
        return self._shelf(name).collection

    def collections(self) -> list[Collection]:
        """Return all collections by name."""
        return [shelf.collection for _, shelf in sorted(self._shelves.items())]

    def aliases(self, names: Sequence[str] | None = None) -> dict[str, str]:
        """Return the name of the collection behind each alias, of all or of some names."""
        found = sorted(self._aliases.items())
        return {alias: name for alias, name in found if names is None or alias in names}

    def remove_collection(self, name: str) -> None:
        """Remove a collection, given by its own name; raise CollectionNotFound."""
        with self._lock:
            if name not in self._shelves:
                raise CollectionNotFound(name)
            rest = {key: shelf for key, shelf in self._shelves.items() if key != name}
            kept = {alias: other for alias, other in self._aliases.items() if other != name}
            self._shelves, self._aliases = rest, kept
            self._removed += 1
            self._forget_claims(name)

    def set_alias(self, name: str, collection: str) -> None:
        """Let a name stand for a collection from now on."""
        storable(name=name)
        with self._lock:
            if collection not in self._shelves:
                raise CollectionNotFound(collection)
            require_alias(name, is_collection=name in self._shelves)
            self._aliases[name] = collection

    def set_relevance(self, collection: str, relevance: Relevance) -> int:
        """Store the constants; return the new version."""
        require_finite(relevance)
        with self._lock:
            shelf = self._shelf(collection)
            shelf = shelf.changed("calibrate", None, shelf.stored)
            fitted = replace(shelf.collection, relevance=relevance)
            self._shelves[fitted.name] = replace(shelf, collection=fitted)
        return fitted.version

    def rescore(self, collection: str, scoring: Scoring, bias: BiasOf) -> int:
        """Compute every bias again; return the new version."""
        with self._lock:
            shelf = self._shelf(collection).rescored(scoring, bias)
            return self._kept(shelf)

    def biases(self, collection: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return all segment ids, ascending, int64 (S,), and their biases float32 (S,)."""
        found = self._segments(collection)
        ids = np.array([segment.id for segment in found], np.int64)
        return ids, np.array([segment.bias for segment in found], np.float32)

    def put(self, collection: str, put: Put, *, by: str = "") -> int:
        """Store one video and replace what it was before; return the new version."""
        rows, video = packed(put), put.video
        with self._lock:
            shelf = self._shelf(collection)
            require_fingerprint(shelf.collection, put.fingerprint)
            rows.require_dim(shelf.collection.dim)
            require_scoring(collection, shelf.collection.scoring, put.scoring)
            if by:
                self._require_claim(collection, video, by)
            shelf = shelf.evicted(video.uri, keep=video.id)
            ids = tuple(itertools.islice(self._ids, len(rows.segments)))
            stored = Stored(replace(rows.video, indexed_at=now()), rows, ids)
            shelf = shelf.changed("put", video.id, shelf.stored | {video.id: stored})
            return self._kept(shelf)

    def stored(
        self, collection: str, *, after: str = "", limit: int = 100, video_ids: Some = None
    ) -> list[VideoRows]:
        """Return videos past `after`, by id, with all that is stored of them, unchanged."""
        shelf = self._shelves.get(self._aliases.get(collection, collection))
        found = sorted(shelf.stored.items()) if shelf else []
        some = found if video_ids is None else [one for one in found if one[0] in video_ids]
        rows = [replace(one.rows, video=one.video) for key, one in some if key > after]
        return rows[:limit]

    def restore(self, collection: str, rows: Sequence[VideoRows]) -> int:
        """Store videos as they were stored elsewhere, each as a change; return the last version."""
        with self._lock:
            shelf = self._shelf(collection)
            for each in rows:
                each.require_dim(shelf.collection.dim)
                shelf = shelf.evicted(each.video.uri, keep=each.video.id)
                ids = tuple(itertools.islice(self._ids, len(each.segments)))
                stored = shelf.stored | {each.video.id: Stored(each.video, each, ids)}
                shelf = shelf.changed("put", each.video.id, stored)
            return self._kept(shelf)

    def relocate(
        self, collection: str, video_id: str, uri: str, size_bytes: int, stamp: str
    ) -> int:
        """Note that the same content is now at another uri; return the new version."""
        storable(uri=uri, stamp=stamp)
        with self._lock:
            shelf = self._shelf(collection)
            stored = self._stored(collection, video_id)
            shelf = shelf.evicted(uri, keep=video_id)
            video = replace(
                stored.video,
                uri=uri,
                title=PurePath(uri).stem,
                size_bytes=int(size_bytes),
                stamp=stamp,
            )
            moved = shelf.stored | {video_id: replace(stored, video=video)}
            shelf = shelf.changed("relocate", video_id, moved)
            return self._kept(shelf)

    def edit(
        self,
        collection: str,
        video_id: str,
        *,
        title: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> int:
        """Give a video another title, other tags or both, as one change."""
        for text in (title or "", *(tags or ())):
            storable(text=text)
        with self._lock:
            shelf = self._shelf(collection)
            before = self._stored(collection, video_id)
            video = before.video
            new_title = video.title if title is None else title
            new_tags = video.tags if tags is None else tuple({tag_form(each): 0 for each in tags})
            if (new_title, new_tags) != (video.title, video.tags):
                after = before.edited(new_title, new_tags, self._ids)
                kind: ChangeKind = "put" if new_tags != video.tags else "relocate"
                shelf = shelf.changed(kind, video_id, shelf.stored | {video_id: after})
            return self._kept(shelf)

    def remove(self, collection: str, video_id: str) -> int:
        """Remove a video and return the new version; raise VideoNotFound."""
        self._stored(collection, video_id)
        with self._lock:
            return self._kept(self._shelf(collection).without(video_id))

    def prune(self, collection: str, version: int) -> None:
        """Delete the changes up to a version, except the last one."""
        with self._lock:
            self._kept(self._shelf(collection).pruned(version))

    def video(self, collection: str, video_id: str) -> Video:
        """Return one video; raise VideoNotFound."""
        return self._stored(collection, video_id).video

    def video_at(self, collection: str, uri: str) -> Video | None:
        """Return the video that was indexed from this uri, if any."""
        return next((video for video in self._videos(collection) if video.uri == uri), None)

    def newest(self, collection: str, stream: str) -> Video | None:
        """Return the chunk of a camera that begins last, if any."""
        its = [video for video in self._videos(collection) if video.stream == stream]
        return max(its, key=lambda video: video.recorded_at, default=None)

    def videos_at(self, collection: str, uris: Sequence[str]) -> dict[str, Video]:
        """Return the videos that were indexed from some of these uris, by uri."""
        return {video.uri: video for video in self._videos(collection) if video.uri in uris}

    def videos_by_id(self, collection: str, video_ids: Sequence[str]) -> dict[str, Video]:
        """Return those of the videos that exist, by id."""
        return {video.id: video for video in self._videos(collection) if video.id in video_ids}

    def names(self, collection: str, *, video_ids: Sequence[str] | None = None) -> Iterator[Named]:
        """Yield what answers say of all videos, or of some."""
        for video in self._videos(collection):
            if video_ids is None or video.id in video_ids:
                yield Named(*(getattr(video, name) for name in Named._fields))

    def videos(
        self, collection: str, *, after: str = "", limit: int = 100, tags: Sequence[str] = ()
    ) -> list[Video]:
        """Return videos in the order of their ids, past `after`, that bear all `tags`."""
        wanted = {normalize("NFC", tag) for tag in tags}
        past = [video for video in self._videos(collection) if video.id > after]
        return [video for video in past if wanted <= set(video.tags)][:limit]

    def tagged(
        self, collection: str, *, video_ids: Sequence[str] | None = None
    ) -> Iterator[tuple[str, Sequence[str]]]:
        """Yield each tag with each video that has it."""
        for video in self._videos(collection):
            if video_ids is None or video.id in video_ids:
                yield from ((tag, [video.id]) for tag in dict.fromkeys(video.tags))

    def tags(self, collection: str) -> list[str]:
        """Return every tag that some video bears, by code points."""
        return sorted({tag for video in self._videos(collection) for tag in video.tags})

    def segments(self, collection: str, video_id: str) -> list[Segment]:
        """Return a video's segments in the order of time; raise VideoNotFound."""
        return self._stored(collection, video_id).segments()

    def shots(self, collection: str, video_id: str) -> list[float]:
        """Return where the shots of a video begin, seconds, ascending; none if it is not there."""
        found = (row for row in self._segments(collection) if row.video_id == video_id)
        return sorted(row.span.start for row in found if row.begins_shot)

    def segment(
        self, segment_id: int, *, within: Sequence[str] | None = None
    ) -> tuple[str, Segment]:
        """Return the collection's name and the segment; raise SegmentNotFound."""
        for name in list(self._shelves):
            if within is not None and name.partition(".")[0] not in within:
                continue
            for segment in self._segments(name):
                if segment.id == segment_id:
                    return name, segment
        raise SegmentNotFound(segment_id)

    def changes(self, collection: str, after_version: int) -> list[Change]:
        """Return the changes past a version, ascending."""
        shelf = self._found(collection)
        found = shelf.changes if shelf else ()
        return [change for change in found if change.version > after_version]

    def blocks(
        self, collection: str, *, video_ids: Sequence[str] | None = None, block: int = 4096
    ) -> Iterator[SegmentBlock]:
        """Yield all segments, or those of some videos, by ascending id."""
        shelf = self._found(collection)
        wanted = [
            (segment, stored.rows.segments[i].vector)
            for video_id, stored in (shelf.stored if shelf else {}).items()
            if video_ids is None or video_id in video_ids
            for i, segment in enumerate(stored.segments())
        ]
        wanted.sort(key=lambda row: row[0].id)
        for start in range(0, len(wanted), block):
            yield block_of(wanted[start : start + block])

    @contextmanager
    def consistent(self, collection: str) -> Iterator["MemoryCatalog"]:
        """Open a read-only view of one moment; raise CollectionNotFound."""
        self._shelf(collection)
        view = MemoryCatalog()
        view._shelves, view._aliases = dict(self._shelves), dict(self._aliases)
        view.marked = self.marked
        yield view

    def frame_vectors(
        self, collection: str, video_id: str
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Return times float64 (N,) and vectors float32 (N, dim); raise VideoNotFound."""
        frames = self._stored(collection, video_id).rows.frames
        if frames is None:
            return np.empty(0), np.empty((0, self._shelf(collection).collection.dim), np.float32)
        return frames.times.astype(np.float64), unpack(frames.vectors)

    def frame_blocks(self, collection: str, video_id: str) -> FrameBlocks:
        """Return times float64 (N,) and one block (N, dim) of vectors; raise VideoNotFound."""
        times, vectors = self.frame_vectors(collection, video_id)
        return times, iter([vectors])

    def thumbnails(self, collection: str) -> Iterator[str]:
        """Yield the thumbnail path of every segment of the collection."""
        yield from (segment.thumbnail for segment in self._segments(collection))

    def counts(self, collection: str) -> tuple[int, int, float]:
        """Return videos, segments and seconds indexed."""
        found = self._videos(collection)
        seconds = sum(video.duration for video in found)
        return len(found), sum(video.segments for video in found), seconds

    def part_bytes(self, collection: str) -> dict[str, int]:
        """Return the bytes of what is stored of videos, by part."""
        shelf = self._found(collection)
        return bytes_of(shelf.collection.key, shelf.stored.values()) if shelf else bytes_of("", ())

    def check(self) -> None:
        """Do nothing: memory can be read."""

    def close(self) -> None:
        """Do nothing: there are no connections."""

    def _videos(self, collection: str) -> list[Video]:
        shelf = self._found(collection)
        return [stored.video for _, stored in sorted(shelf.stored.items())] if shelf else []

    def _segments(self, collection: str) -> list[Segment]:
        shelf = self._found(collection)
        found = [stored.segments() for stored in shelf.stored.values()] if shelf else []
        return sorted(itertools.chain(*found), key=lambda segment: segment.id)
