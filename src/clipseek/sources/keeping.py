"""Fetched videos that are kept in a folder, so that another look at one fetches nothing."""

import errno
import io
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from clipseek.files import locked, open_regular
from clipseek.sources.local import BLOCK_BYTES, RESERVE_BYTES, Changed
from clipseek.sources.source import Source

log = logging.getLogger(__name__)

_LOCK, _PART = ".lock", ".part"


class Entry(NamedTuple):
    """A file that is kept, and when it was used last."""

    used_ns: int
    name: str
    size_bytes: int


def evicted(entries: Iterable[Entry], more_bytes: int, limit_bytes: int) -> list[str]:
    """Return which files make way for so many bytes more: those that were not used for longest."""
    there = sorted(entries)
    over = sum(each.size_bytes for each in there) + more_bytes - limit_bytes
    names = []
    for each in there:
        if over <= 0:
            break
        names.append(each.name)
        over -= each.size_bytes
    return names


@dataclass(frozen=True, slots=True)
class Keeping:
    """A folder of fetched videos, which have at most `limit_bytes` together; 0 keeps none.

    Thread-safe; processes may share the folder. A file is named by the uri and the stamp of what it
    is a copy of. It may be deleted at any time: who has opened it reads on by the descriptor.
    """

    folder: Path
    limit_bytes: int

    @contextmanager
    def opened(
        self,
        source: Source,
        look: Callable[[str], Source],
        fetch: Callable[[], AbstractContextManager[io.FileIO]],
    ) -> Iterator[io.FileIO]:
        """Open the copy of a source; without one, fetch the source and keep a copy if it can be.

        Raises:
            OSError: the source is gone or has changed, which `look` is asked; as `fetch` raises.
        """
        if source.size_bytes > self.limit_bytes or not self.limit_bytes:
            with fetch() as file:
                yield file
            return
        found = self._found(source)
        if found is None:
            with fetch() as file:
                self._keep(source, file)
                yield file
            return
        with found:
            if look(source.uri) != source:
                raise Changed(source.uri)
            yield found

    def copy(self, source: Source) -> io.FileIO | None:
        """Return the copy of a source that was looked at just now, open, or None."""
        return self._found(source) if self.limit_bytes else None

    def _path(self, source: Source) -> Path:
        name = f"{source.uri}\0{source.stamp}".encode("utf-8", "surrogateescape")
        return self.folder / sha256(name).hexdigest()

    def _found(self, source: Source) -> io.FileIO | None:
        """Return the copy of a source, open, and note that it was used."""
        path = self._path(source)
        try:
            file = open_regular(path, follow_links=False)
        except OSError:
            return None
        if os.fstat(file.fileno()).st_size != source.size_bytes:
            file.close()
            return None
        with suppress(OSError):
            os.utime(path, ns=(now := time.time_ns(), now))
        return file

    def _keep(self, source: Source, file: io.FileIO) -> None:
        """Copy a fetched file into the folder; if that fails, only the copy is missing."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(self.folder / _LOCK):
                path, part = self._path(source), self.folder / f"copy{_PART}"
                path.unlink(missing_ok=True)  # of another one that fetched it at the same time
                self._make_room(source.size_bytes)
                try:
                    _copy(file, part)
                    part.replace(path)
                finally:
                    part.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s is not kept in %s: %s", source.uri, self.folder, error.strerror)

    def _make_room(self, size_bytes: int) -> None:
        """Delete what was not used for longest; raise OSError if the disk has no room even then."""
        entries = []
        for path in self.folder.iterdir():
            if path.suffix == _PART:
                path.unlink()  # of a process that was killed, because this one has the lock
            elif path.name != _LOCK:
                status = path.lstat()
                entries.append(Entry(status.st_mtime_ns, path.name, status.st_size))
        for name in evicted(entries, size_bytes, self.limit_bytes):
            (self.folder / name).unlink(missing_ok=True)
        if shutil.disk_usage(self.folder).free < size_bytes + RESERVE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder))


OFF = Keeping(Path(), 0)
"""Keeps nothing."""


def _copy(file: io.FileIO, path: Path) -> None:
    """Write a file as it is on the disk; the position of the other one stays."""
    with path.open("wb") as copy:
        at = 0
        while block := os.pread(file.fileno(), BLOCK_BYTES, at):
            copy.write(block)
            at += len(block)
        copy.flush()
        os.fsync(copy.fileno())
