"""MemoryFields: what is said in videos and which objects they show, in memory."""

from collections.abc import Iterator, Sequence

from clipseek.catalog.object_rows import packed, unpacked
from clipseek.catalog.rows import check_timed
from clipseek.errors import CollectionNotFound, VideoNotFound
from clipseek.marks import Mark
from clipseek.testing.growing import MemoryGrowth
from clipseek.testing.shelf import Shelf, Stored, stamps_of, with_objects, with_text
from clipseek.timed import Field, TimedText
from clipseek.tracked import VideoObjects


class MemoryFields(MemoryGrowth):
    """The part of `MemoryCatalog` that stores texts and objects. Thread-safe."""

    def put_text(self, collection: str, video_id: str, text: TimedText) -> int:
        """Store what one field of a video says, instead of what it said; return the version."""
        check_timed([text])
        with self._lock:
            shelf = with_text(self._shelf(collection), self._stored(collection, video_id), text)
            return self._kept(shelf)

    def texts(
        self, collection: str, *, video_ids: Sequence[str] | None = None
    ) -> Iterator[tuple[str, TimedText]]:
        """Yield the id of a video and what one of its fields says, of all videos or of some."""
        shelf = self._found(collection)
        for video_id, stored in sorted(shelf.stored.items()) if shelf else ():
            if video_ids is None or video_id in video_ids:
                yield from ((video_id, text) for text in stored.rows.texts)

    def text_stamps(self, collection: str, video_ids: Sequence[str]) -> dict[str, dict[Field, str]]:
        """Return for those of the videos that have texts the stamp of each field."""
        return stamps_of(self.texts(collection, video_ids=video_ids))

    def put_objects(self, collection: str, video_id: str, objects: VideoObjects) -> int:
        """Store the objects of a video, instead of those before; return the version."""
        with self._lock:
            shelf = self._shelf(collection)
            rows = packed(objects, shelf.collection.dim)
            return self._kept(with_objects(shelf, self._stored(collection, video_id), rows))

    def objects(
        self, collection: str, *, video_ids: Sequence[str] | None = None
    ) -> Iterator[tuple[str, VideoObjects]]:
        """Yield the id of a video and its objects, of all that were looked at, or of some."""
        shelf = self._found(collection)
        for video_id, stored in sorted(shelf.stored.items()) if shelf else ():
            rows = stored.rows.objects
            if rows and (video_ids is None or video_id in video_ids):
                yield video_id, unpacked(rows)

    def object_stamps(self, collection: str, video_ids: Sequence[str]) -> dict[str, str]:
        """Return the stamps of the objects of those videos that were looked at."""
        found = self.objects(collection, video_ids=video_ids)
        return {video_id: objects.stamp for video_id, objects in found}

    def marks(
        self, collection: str, *, video_ids: Sequence[str] | None = None
    ) -> Iterator[tuple[str, Mark]]:
        """Yield the id of a video and a tag on a span of it, of all videos or of some."""
        for video_id, mark in self.marked(collection) if self._found(collection) else ():
            if video_ids is None or video_id in video_ids:
                yield video_id, mark

    def _shelf(self, collection: str) -> Shelf:
        shelf = self._found(collection)
        if shelf is None:
            raise CollectionNotFound(collection)
        return shelf

    def _kept(self, shelf: Shelf) -> int:
        self._shelves[shelf.collection.name] = shelf
        return shelf.collection.version

    def _found(self, name: str) -> Shelf | None:
        return self._shelves.get(self._aliases.get(name, name))

    def _stored(self, collection: str, video_id: str) -> Stored:
        shelf = self._found(collection)
        if shelf is None or video_id not in shelf.stored:
            raise VideoNotFound(video_id, collection)
        return shelf.stored[video_id]
