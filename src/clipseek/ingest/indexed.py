"""The videos that are in the catalog for the sources of a run, looked up many at a time."""

import threading
from collections.abc import Sequence

from clipseek.files import as_text
from clipseek.protocols import CatalogReader
from clipseek.types import Video

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
        self._lock = threading.Lock()

    def at(self, uri: str) -> Video | None:
        """Return the video that was indexed from a source, if any."""
        start = self._positions[uri] // AT_ONCE * AT_ONCE
        with self._lock:
            if start not in self._found:
                uris = [as_text(each) for each in self._uris[start : start + AT_ONCE]]
                self._found[start] = self._catalog.videos_at(self._collection, uris)
                if len(self._found) > KEPT:
                    del self._found[next(iter(self._found))]
            return self._found[start].get(uri)


__all__ = ["Indexed"]
