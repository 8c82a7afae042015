"""The videos that are in the catalog for the sources of a run, looked up many at a time."""

import threading
from collections.abc import Sequence

from clipseek.files import as_text
from clipseek.protocols import CatalogReader
from clipseek.types import Field, Video

AT_ONCE = 500
"""Uris of one statement: ten thousand unchanged videos cost twenty, not ten thousand."""
KEPT = 4
"""Answers that are kept: several threads read, and not all of them are in the same one."""


class Indexed:
    """Looks sources up in the order in which they are read. Thread-safe.

    What it says may be a moment old. A source that another process has indexed meanwhile is then
    recognised by its content.
    """

    def __init__(self, catalog: CatalogReader, collection: str, uris: Sequence[str]) -> None:
        """Take the uris that will be asked for; nothing is looked up yet."""
        self._catalog = catalog
        self._collection = collection
        self._positions = {uri: position for position, uri in enumerate(uris)}
        self._uris = uris
        self._found: dict[int, dict[str, Video]] = {}
        self._stamps: dict[int, dict[str, dict[Field, str]]] = {}
        self._lock = threading.Lock()

    def at(self, uri: str) -> Video | None:
        """Return the video that was indexed from a source, if any."""
        start = self._positions[uri] // AT_ONCE * AT_ONCE
        with self._lock:
            return self._at(start).get(uri)

    def stamps(self, uri: str) -> dict[Field, str]:
        """Return what the texts of the video from a source were read from, by field."""
        start = self._positions[uri] // AT_ONCE * AT_ONCE
        with self._lock:
            videos = self._at(start)
            if start not in self._stamps:
                ids = [video.id for video in videos.values()]
                self._stamps[start] = self._catalog.text_stamps(self._collection, ids)
                if len(self._stamps) > KEPT:
                    del self._stamps[next(iter(self._stamps))]
            return self._stamps[start].get(videos[uri].id, {}) if uri in videos else {}

    def _at(self, start: int) -> dict[str, Video]:
        if start not in self._found:
            uris = [as_text(each) for each in self._uris[start : start + AT_ONCE]]
            self._found[start] = self._catalog.videos_at(self._collection, uris)
            if len(self._found) > KEPT:
                del self._found[next(iter(self._found))]
        return self._found[start]


class Stored:
    """Which videos were stored since a run began, by this run or by another one. Thread-safe."""

    def __init__(self, catalog: CatalogReader, collection: str) -> None:
        self._catalog = catalog
        self._collection = collection
        self._version = catalog.collection(collection).version
        self._ids: set[str] = set()
        self._lock = threading.Lock()

    def has(self, video_id: str) -> bool:
        """Whether a video was; each change is read once."""
        with self._lock:
            for change in self._catalog.changes(self._collection, self._version):
                self._version = change.version
                if change.kind == "put" and change.video_id is not None:
                    self._ids.add(change.video_id)
            return video_id in self._ids


__all__ = ["Indexed", "Stored"]
