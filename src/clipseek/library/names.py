"""What answers say of videos, of a whole collection: it can be known without asking the catalog."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from clipseek.protocols import CatalogReader
from clipseek.publishing import history as past_of
from clipseek.types import Named

_BETWEEN = "\0"  # no text of the catalog holds it


@dataclass(frozen=True, slots=True)
class Names:
    """The names of all videos at one version; `follow` returns those of the next. Thread-safe.

    `history` is that of `publishing.history` at the version.

    Each is one text, which the collector of cycles passes by: 260 bytes a video with its id, for
    titles of 20 and uris of 60 characters (measured with tracemalloc over 100 000 videos).
    """

    collection: str
    version: int
    history: str
    _packed: dict[str, str] = field(repr=False)

    @classmethod
    def of(cls, catalog: CatalogReader, collection: str) -> Self:
        """Read the names of all videos; raise CollectionNotFound."""
        with catalog.consistent(collection) as now:
            version = now.collection(collection).version
            packed = _packed(now.names(collection))
            return cls(collection, version, past_of(now, collection, version), packed)

    def follow(self, catalog: CatalogReader) -> Self:
        """Return them with what changed since, or anew where they are not of the catalog's past."""
        name = self.collection
        with catalog.consistent(name) as now:
            version = now.collection(name).version
            same = version >= self.version
            if same and past_of(now, name, self.version) == self.history:
                if version == self.version:
                    return self
                changed = {change.video_id for change in now.changes(name, self.version)} - {None}
                packed = {**self._packed}
                for video_id in changed:
                    packed.pop(video_id, None)  # type: ignore[arg-type]  # None has been taken out
                packed |= _packed(now.names(name, video_ids=sorted(filter(None, changed))))
                return type(self)(name, version, past_of(now, name, version), packed)
        return self.of(catalog, name)

    def find(self, video_ids: Iterable[str]) -> dict[str, Named]:
        """Return those of the videos that exist, by id."""
        known = ((video_id, self._packed.get(video_id)) for video_id in video_ids)
        return {video_id: _unpacked(video_id, text) for video_id, text in known if text is not None}


def _packed(names: Iterable[Named]) -> dict[str, str]:
    return {
        video.id: _BETWEEN.join((repr(video.duration), video.title, video.uri)) for video in names
    }


def _unpacked(video_id: str, text: str) -> Named:
    duration, title, uri = text.split(_BETWEEN)
    return Named(video_id, title, uri, float(duration))
