"""The verb `watch`: index what is in folders, and what changes in them, until a signal comes."""

import argparse
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from clipseek.assembly import open_places, open_writer
from clipseek.config import Settings
from clipseek.errors import CollectionNotFound, ConfigError, NothingIndexed, ServiceUnavailable
from clipseek.sources import Places
from clipseek.types import Video
from indexer import discover
from indexer.naming import resolved
from indexer.noting import INTERRUPTED, noted
from indexer.output import emit, note, say
from indexer.publishing import publish
from indexer.reports import Reports
from indexer.settling import Settling
from indexer.verbs import ingest
from indexer.videos import all_videos

SHORTEST_PAUSE_S = 0.5
BUSY = 10
"""The pause between two looks at the folders is so many times as long as a look takes."""
LONGEST_RETRY_S = 60.0
LONGEST_S = 7 * 86400
"""The longest --settle and --rescan; the system cannot wait for any number of seconds."""


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Keep folders indexed; a signal ends it with 0, after the video in hand."""
    ingest.require_tags(options)
    for name, value in (("--settle", options.settle), ("--rescan", options.rescan)):
        if not 0 < value <= LONGEST_S:
            raise ConfigError(f"{name} must be > 0 and <= {LONGEST_S} seconds, got {value:g}")
    folders = [_folder(name) for name in options.paths]
    try:
        from indexer.folder_events import FolderEvents
    except ImportError as error:
        raise ConfigError(
            f"`indexer watch` needs the package {error.name}; install clipseek[watch]"
        ) from error
    with suppress(NothingIndexed, ServiceUnavailable), open_writer(settings):
        pass  # a catalog of another release is said now, and not when the first video is ready
    stop = threading.Event()
    data = resolved(settings.data_dir)
    with FolderEvents(folders, but=data) as events, ingest.stopping_on_signal(stop, events.wake):
        watch = _Watch(settings, options, folders, stop)
        pause_s = 0.0
        while not stop.is_set():
            events.wait(pause_s)
            # A file that grows is many events, and each look costs a look at every file.
            stop.wait(max(SHORTEST_PAUSE_S, BUSY * watch.took_s))
            if not stop.is_set():
                pause_s = watch.look()
        watch.publish()
    return 0


def _folder(name: str) -> Path:
    path = resolved(name)
    if not path.is_dir():
        raise ConfigError(f"{name}: watch takes folders that exist; check the spelling")
    return path


@dataclass
class _Watch:
    """What was seen of the folders. `_done` are the stamps of files that have their fate.

    took_s: How long the last look at all files took. A snapshot is built after the first videos,
    with each rescan and at the end; until then replicas read what is new from the catalog.
    """

    settings: Settings
    options: argparse.Namespace
    folders: Sequence[Path]
    stop: threading.Event
    _done: dict[str, str] = field(default_factory=dict)
    _gone: dict[str, float] = field(default_factory=dict)
    _failures: int = 0
    _rescan_at: float = 0.0
    _is_published: bool = True
    _missing: frozenset[Path] = frozenset()
    _unreadable: frozenset[str] = frozenset()
    _has_indexed: bool = False
    took_s: float = 0.0

    def __post_init__(self) -> None:
        self._places: Places = open_places(self.settings)
        self._settling = Settling(self.options.settle)

    def look(self) -> float:
        """Look at the folders once and index what is ready; return how long to wait, in seconds."""
        began = time.monotonic()
        is_rescan = began >= self._rescan_at
        try:
            self._step(is_rescan=is_rescan)
            self._failures = 0
        except ServiceUnavailable as error:
            self._failures += 1
            note(f"indexer: {error}; trying again")
            return min(LONGEST_RETRY_S, 2.0**self._failures)
        now = time.monotonic()
        if is_rescan:
            self._rescan_at = now + self.options.rescan
        if self._settling.waiting or self._gone:
            return self._settling.settle_s
        return max(0.0, self._rescan_at - now)

    def _step(self, *, is_rescan: bool) -> None:
        began = time.monotonic()
        stamps = self._stamps()
        now = time.monotonic()
        self.took_s = now - began
        self._settling.see(
            {uri: stamp for uri, stamp in stamps.items() if self._done.get(uri) != stamp}, now
        )
        if ready := self._settling.take_ready(now):
            self._index(ready)
            self._done |= {uri: stamps[uri] for uri in ready}
            is_rescan = is_rescan or not self._has_indexed
            self._is_published, self._has_indexed = False, True
        if self.options.on_delete == "remove" and not self.stop.is_set():
            self._remove(stamps, everything=is_rescan)
        if is_rescan:
            self.publish()

    def _stamps(self) -> dict[str, str]:
        """Return the stamp of each video in the folders; what cannot be looked at has none."""
        there = [folder for folder in self.folders if folder.is_dir()]
        missing = frozenset(self.folders) - frozenset(there)
        for folder in missing - self._missing:
            note(f"indexer: {folder} is not there; its videos are kept until it is back")
        self._missing = missing
        stamps = {}
        unreadable: set[str] = set()
        for folder in there:
            try:
                found = discover.look([str(folder)], self._places, self.settings.skip)
            except ConfigError:
                continue  # a folder without a video, as yet
            for failure in found.failures:
                unreadable.add(failure.path)
                if failure.path not in self._unreadable:
                    note(f"indexer: {failure.path} cannot be read: {failure.reason}")
            for uri in found.uris:
                try:
                    stamps[uri] = self._places.look(uri).stamp
                except OSError:
                    stamps[uri] = ""  # the run that indexes it says what is wrong
        self._unreadable = frozenset(unreadable)
        return stamps

    def _index(self, uris: Sequence[str]) -> None:
        found = discover.Found(uris, [])
        reports = Reports(found, json=self.options.json, quiet=self.options.quiet)
        with noted(self.settings, self.options) as ran:
            ran.reports = reports
            ran.code = ingest.index(self.settings, self.options, reports, self._places)
        if ran.code == INTERRUPTED:
            self.stop.set()

    def _remove(self, stamps: dict[str, str], *, everything: bool) -> None:
        """Remove videos whose files are gone for as long as a file must rest to be indexed.

        Nothing is removed while a file waits: it may be the same one under another name.
        """
        now = time.monotonic()
        gone = [uri for uri in self._done if uri not in stamps and self._is_gone(uri)]
        if everything:
            gone += [video.uri for video in self._videos() if self._is_gone(video.uri)]
        known = {*gone, *self._gone}
        self._gone = {uri: self._gone.get(uri, now) for uri in known if self._is_gone(uri)}
        ripe = [uri for uri, since in self._gone.items() if now - since >= self.options.settle]
        if not ripe or self._settling.waiting:
            return
        collection = self.settings.collection
        stored = {video.uri for video in self._videos()}
        if stored and (copies := [uri for uri in stamps if uri not in stored]):
            self._index(copies)  # a copy of a video that is gone becomes the video
        if stored.intersection(ripe):
            with open_writer(self.settings) as service:
                for uri, video in service.catalog.videos_at(collection, ripe).items():
                    service.catalog.remove(collection, video.id)
                    self._is_published = False
                    if self.options.json:
                        emit({"id": video.id, "uri": uri, "state": "removed"})
                    else:
                        say(f"removed {video.id} {uri}")
        for uri in ripe:
            del self._gone[uri]
            self._done.pop(uri, None)

    def _is_gone(self, uri: str) -> bool:
        """Whether a file of a watched folder is not there, while the folder itself is."""
        folders = [folder for folder in self.folders if Path(uri).is_relative_to(folder)]
        if not folders or any(folder in self._missing for folder in folders):
            return False
        try:
            self._places.look(uri)
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False
        return False

    def _videos(self) -> Iterator[Video]:
        """Yield the videos of the collection; none before the first was indexed."""
        with suppress(NothingIndexed, CollectionNotFound), open_writer(self.settings) as service:
            yield from all_videos(service.catalog, self.settings.collection)

    def publish(self) -> None:
        """Build the snapshot if something has changed since the last one."""
        if self._is_published:
            return
        service = open_writer(self.settings)
        try:
            publish(service, quiet=self.options.quiet or self.options.json)
        finally:
            service.close()
        self._is_published = True
