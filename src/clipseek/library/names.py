"""What answers say of videos, of a whole collection: it can be known without asking the catalog."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from clipseek.layers import Layers
from clipseek.protocols import CatalogReader
from clipseek.publishing import history as past_of
from clipseek.types import Change, Collection, Named

_BETWEEN = "\0"  # no text of the catalog holds it


@dataclass(frozen=True, slots=True)
class Names:
    """The names of all videos at one version; `follow` returns those of the next. Thread-safe.

    `asked` is what the collection was asked for by, and `history` that of `publishing.history`.

    Each is one text, which the collector of cycles passes by: 280 bytes a video with its id, for
    titles of 20 and uris of 60 characters (measured with tracemalloc over 100 000 videos).
    """

    asked: str
    collection: str
    version: int
    history: str
    _packed: Layers[str, str] = field(repr=False)

    @classmethod
    def of(cls, catalog: CatalogReader, asked: str) -> Self:
        """Read the names of all videos; raise CollectionNotFound."""
        with catalog.consistent(asked) as now:
            found = now.collection(asked)
            past = past_of(now, asked, found.version)
            return cls(asked, found.key, found.version, past, Layers(_packed(now.names(asked))))

    def is_of(self, collection: Collection, history: str) -> bool:
        """Whether they are those of a collection with this history."""
        return (self.collection, self.version, self.history) == (
            collection.key,
            collection.version,
            history,
        )

    def follow(self, catalog: CatalogReader) -> Self:
        """Return them with what changed since, or read again if the past differs."""
        name = self.asked
        with catalog.consistent(name) as now:
            found = now.collection(name)
            same = found.key == self.collection and found.version >= self.version
            if same and past_of(now, name, self.version) == self.history:
                past = past_of(now, name, found.version)
                return self.changed(now, found.version, past, now.changes(name, self.version))
        return self.of(catalog, name)

    def changed(
        self,
        catalog: CatalogReader,
        version: int,
        history: str,
        changes: Iterable[Change],
    ) -> Self:
        """Return them with some changes made, as the catalog says at a version."""
        videos = {change.video_id for change in changes if change.video_id is not None}
        packed = self._packed
        if videos:
            named = _packed(catalog.names(self.asked, video_ids=sorted(videos)))
            packed = packed.changed(videos, named)
        return type(self)(self.asked, self.collection, version, history, packed)

    def find(self, video_ids: Iterable[str]) -> dict[str, Named]:
        """Return those of the videos that exist, by id."""
        known = ((video_id, self._packed.get(video_id)) for video_id in video_ids)
        return {video_id: _unpacked(video_id, text) for video_id, text in known if text is not None}


def _packed(names: Iterable[Named]) -> dict[str, str]:
    return {
        video.id: _BETWEEN.join(
            (
                repr(video.duration),
                str(video.height),
                video.title,
                video.uri,
                video.indexed_at,
                video.recorded_at,
                video.stream,
            )
        )
        for video in names
    }


def _unpacked(video_id: str, text: str) -> Named:
    duration, height, title, uri, indexed_at, recorded_at, stream = text.split(_BETWEEN)
    facts = indexed_at, recorded_at, int(height), stream
    return Named(video_id, title, uri, float(duration), *facts)
