"""What changes in folders, as the system reports it (watchdog), and at the latest at a rescan."""

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from watchdog.events import (
    EVENT_TYPE_CLOSED_NO_WRITE,
    EVENT_TYPE_OPENED,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

from indexer.output import note

_READING = frozenset({EVENT_TYPE_OPENED, EVENT_TYPE_CLOSED_NO_WRITE})
"""Events of somebody who reads: the indexer causes them itself."""


class FolderEvents(FileSystemEventHandler):
    """Waits until something changes in some folders. A context manager.

    Systems limit how many folders can be watched, and network shares report nothing. Then changes
    are found by rescans alone, and the user is told so.
    """

    def __init__(self, folders: Sequence[Path], *, but: Path) -> None:
        """Watch the folders; what changes in `but`, such as the data folder, is ignored."""
        self._folders = folders
        self._but = but
        self._any = threading.Event()
        self._observer = Observer()

    def __enter__(self) -> Self:
        try:
            for folder in self._folders:
                self._observer.schedule(self, str(folder), recursive=True)
            self._observer.start()
        except OSError as error:
            note(
                f"indexer: changes are found by rescans alone, because the system does not report "
                f"them: {error.strerror or error}"
            )
        return self

    def __exit__(self, *exc: object) -> None:
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join()

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Note one event; this runs in a thread of watchdog."""
        if event.event_type in _READING:
            return
        paths = [Path(os.fsdecode(path)) for path in (event.src_path, event.dest_path) if path]
        if not all(path.is_relative_to(self._but) for path in paths):
            self._any.set()

    def wake(self) -> None:
        """End a `wait`, from a signal handler too."""
        self._any.set()

    def wait(self, timeout_s: float) -> None:
        """Wait until something has changed, or for so many seconds."""
        self._any.wait(timeout_s)
        self._any.clear()
