"""Files: a descriptor that was checked is the one that is read, and what is written is whole."""

import errno
import fcntl
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Be the one process, and thread, that has a file locked; make the file if it is missing."""
    with path.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class NotARegularFile(OSError):
    """A pipe, a socket, a device or a folder where a file was expected."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(errno.EINVAL, "not a regular file", str(path))


def mtime_ns(status: os.stat_result) -> int:
    """Return a file's time of change in nanoseconds as databases keep it, in 64 bits with a sign.

    Years outside 1677 to 2262 wrap around: what is compared stays different.
    """
    return (status.st_mtime_ns + 2**63) % 2**64 - 2**63


def local_stamp(size_bytes: int, mtime_ns: int) -> str:
    """Return what is kept of a local file's state: equal stamps, unchanged bytes."""
    return f"{mtime_ns}-{size_bytes}"


def as_text(name: str | Path) -> str:
    """Return a name as text that can be stored: bytes that are not UTF-8 are written `\\xe9`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def is_text(name: str) -> bool:
    """Whether a name is Unicode text; bytes that are not UTF-8 are kept as surrogates (PEP 383)."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def open_regular(path: Path | str, *, follow_links: bool = True) -> io.FileIO:
    """Open a regular file for reading; never wait for anything else or read from it.

    A device is not even opened if that is visible before, because opening one may act on it.

    Raises:
        NotARegularFile: it is a pipe, a socket, a device or a folder, or with `follow_links=False`
            a link.
        OSError: it is missing, or this user may not read it.
    """
    _require_regular(Path(path).stat(follow_symlinks=follow_links), path)
    flags = _FLAGS if follow_links else _FLAGS | os.O_NOFOLLOW
    try:
        file = io.FileIO(path, opener=lambda name, _: os.open(name, flags))
    except OSError as error:
        # Swapped since the look: a socket (ENXIO), a folder, or a link not followed (ELOOP).
        if error.errno in (errno.ENXIO, errno.EISDIR):
            raise NotARegularFile(path) from error
        if error.errno == errno.ELOOP and not follow_links:
            raise NotARegularFile(path) from error
        raise
    try:
        _require_regular(os.fstat(file.fileno()), path)
    except NotARegularFile:
        file.close()
        raise
    return file


def replace(path: Path, content: bytes) -> None:
    """Write a file to the disk; readers see the whole of it or what was there before.

    One process at a time may write it: what it writes first is beside it, with `.tmp` at its end.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk before going on."""
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _require_regular(status: os.stat_result, path: Path | str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotARegularFile(path)


__all__ = [
    "NotARegularFile",
    "as_text",
    "is_text",
    "local_stamp",
    "mtime_ns",
    "open_regular",
    "replace",
    "sync",
]
