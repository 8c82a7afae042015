"""The videos that are in the catalog for the files of a run, looked up many at a time."""

import threading
from collections.abc import Sequence
from pathlib import Path

from clipseek.protocols import CatalogReader
from clipseek.types import Video
from indexer.naming import text

AT_ONCE = 500
"""Paths of one statement: ten thousand unchanged files cost twenty, not ten thousand."""
KEPT = 4
"""Answers that are kept: several threads read, and not all of them are in the same one."""


class Indexed:
    """Looks files up in the order in which they are read. Thread-safe.

    What it says may be a moment old. A file that another process has indexed meanwhile is then
    recognised by its content.
    """

    def __init__(self, catalog: CatalogReader, collection: str, paths: Sequence[Path]) -> None:
        """Take the paths that will be asked for; nothing is looked up yet."""
        self._catalog = catalog
        self._collection = collection
        self._places = {path: place for place, path in enumerate(paths)}
        self._paths = paths
        self._found: dict[int, dict[str, Video]] = {}
        self._lock = threading.Lock()

    def at(self, path: Path) -> Video | None:
        """Return the video that was indexed from a file, if any."""
        start = self._places[path] // AT_ONCE * AT_ONCE
        with self._lock:
            if start not in self._found:
                uris = [text(each) for each in self._paths[start : start + AT_ONCE]]
                self._found[start] = self._catalog.videos_at(self._collection, uris)
                if len(self._found) > KEPT:
                    del self._found[next(iter(self._found))]
            return self._found[start].get(str(path))


__all__ = ["Indexed"]
