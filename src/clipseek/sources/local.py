"""Files of this machine."""

import errno
import hashlib
import io
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from clipseek.files import NotARegularFile, local_stamp, mtime_ns, open_regular

BLOCK_BYTES = 1 << 20

RESERVE_BYTES = 64 << 20
"""What stays free on the disk that other sources are fetched to."""


class Changed(OSError):
    """The bytes are not those that were looked at."""

    def __init__(self, uri: str) -> None:
        super().__init__(errno.ESTALE, "it changed while it was read; run again", uri)


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A Source on a disk of this machine.

    `identity` is the device and the inode: another file with the same name, size and time of change
    is not the same source.
    """

    uri: str
    size_bytes: int
    stamp: str
    identity: tuple[int, int]

    @classmethod
    def of(cls, uri: str, status: os.stat_result) -> "LocalFile":
        """Take what the system says of a file.

        Raises:
            NotARegularFile: it is a pipe, a socket, a device or a folder.
        """
        if not stat.S_ISREG(status.st_mode):
            raise NotARegularFile(uri)
        size = status.st_size
        stamp = local_stamp(size, mtime_ns(status))
        return cls(uri, size, stamp, (status.st_dev, status.st_ino))

    def open(self) -> io.FileIO:
        """Open the file; raise Changed if another one is there now."""
        file = open_regular(self.uri)
        try:
            if LocalFile.of(self.uri, os.fstat(file.fileno())) != self:
                raise Changed(self.uri)
        except BaseException:
            file.close()
            raise
        return file

    def parts(self) -> io.FileIO:
        """Open the file."""
        return self.open()

    def stream(self, first: int, last: int) -> Iterator[bytes]:
        """Yield a range of the file."""
        with self.open() as file:
            file.seek(first)
            left = last + 1 - first
            while left > 0 and (block := file.read(min(BLOCK_BYTES, left))):
                left -= len(block)
                yield block


class LocalDisk:
    """The Place of files of this machine; their uris are absolute paths."""

    def look(self, uri: str) -> LocalFile:
        """Return the file at a path; links are followed."""
        return LocalFile.of(uri, os.stat(uri))  # noqa: PTH116  names of any bytes, as they are

    def list(self, uri: str) -> Iterator[LocalFile]:
        """Yield the file, or all files of a folder and those below it; links are not followed."""
        path = Path(uri)
        if not path.is_dir():
            yield self.look(uri)
            return
        for folder, folders, names in os.walk(path, onerror=_fail):
            folders.sort()
            for name in sorted(names):
                file = Path(folder, name)
                if stat.S_ISREG(file.lstat().st_mode):
                    yield self.look(str(file))


def content_id(file: io.FileIO, *, go_on: Callable[[], bool] = lambda: True) -> str | None:
    """Return 32 hexadecimal digits of BLAKE2b (RFC 7693) over the content, which names a video.

    None if `go_on`, asked between blocks, says no.
    """
    digest = hashlib.blake2b(digest_size=16)
    while block := file.read(BLOCK_BYTES):
        digest.update(block)
        if not go_on():
            return None
    return digest.hexdigest()


def require_space(size_bytes: int, uri: str) -> None:
    """Raise OSError unless a source fits on the disk of temporary files, beside the reserve."""
    folder = tempfile.gettempdir()
    if shutil.disk_usage(folder).free < size_bytes + RESERVE_BYTES:
        reason = (
            f"it has {size_bytes} bytes, which do not fit on the disk of {folder}; free some "
            "space, or set TMPDIR to a folder of a larger disk"
        )
        raise OSError(errno.ENOSPC, reason, uri)


def _fail(error: OSError) -> None:
    raise error
