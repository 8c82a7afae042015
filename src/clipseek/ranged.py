"""Bytes that are fetched when they are read: a socket in the place of an open file.

A process that reads a video is given a descriptor. That of a local file is the file; that of a
remote one may be a socket. The reader asks through it for a position and a count of bytes, and a
thread on the other side answers with them, and fetches no more of the video than is asked for.
The reader trusts the answers, which come from its parent; the parent trusts no question.
"""

import bisect
import errno
import io
import os
import socket
import stat
import struct
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from operator import itemgetter
from typing import IO

from clipseek.errors import UnreadableVideo

BLOCK_BYTES = 256 << 10
"""What is fetched at least: an object store takes as long for a byte as for so many."""

MOST_BYTES = 4 << 20
"""What is fetched at most at once; reading on from block to block doubles it up to that."""

KEPT_BYTES = 32 << 20
"""What is kept of one video while it is read: sound and pictures may be far from each other."""

_ASKED = struct.Struct("!QI")
_ANSWERED = struct.Struct("!iQ")
"""An error of the system or 0, and how many bytes follow: content, or the words of the error."""

_LONGEST_WORDS = 4096
Stream = Callable[[int, int], Iterator[bytes]]
"""As `Source.stream`: the bytes from a position to another one, both included."""


@contextmanager
def served(stream: Stream, size_bytes: int) -> Iterator[socket.socket]:
    """Give a socket to read a video by; it ends when all copies of it are closed."""
    ours, theirs = socket.socketpair()
    threading.Thread(
        target=_serve, args=(ours, Blocks(stream, size_bytes)), name="ranges", daemon=True
    ).start()
    with theirs:
        yield theirs


class Blocks:
    """The blocks of a video that were read last; others are fetched."""

    def __init__(self, stream: Stream, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._stream = stream
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._run = 1

    def read(self, start: int, count: int) -> bytes:
        """Return some bytes from a position on, at least one and at most `count`; none at the end.

        Raises:
            OSError: they cannot be fetched.
        """
        if count <= 0 or start >= self.size_bytes:
            return b""
        number, within = divmod(start, BLOCK_BYTES)
        if number not in self._kept:
            self._fetch(number)
        self._kept.move_to_end(number)
        return self._kept[number][within : within + count]

    def _fetch(self, number: int) -> None:
        """Fetch a block, and with it the next ones if the one before was read."""
        is_next = number - 1 in self._kept
        self._run = min(2 * self._run, MOST_BYTES // BLOCK_BYTES) if is_next else 1
        first = number * BLOCK_BYTES
        end = min(first + self._run * BLOCK_BYTES, self.size_bytes)
        content = b"".join(self._stream(first, end - 1))
        if len(content) != end - first:
            raise OSError(errno.EIO, f"{len(content)} of {end - first} bytes came")
        for at in range(0, len(content), BLOCK_BYTES):
            self._kept[number + at // BLOCK_BYTES] = content[at : at + BLOCK_BYTES]
        while len(self._kept) * BLOCK_BYTES > KEPT_BYTES:
            self._kept.popitem(last=False)


def _serve(ours: socket.socket, blocks: Blocks) -> None:
    """Answer until the reader has gone; a count of 0 asks for the size."""
    with ours, suppress(BrokenPipeError, ConnectionError, EOFError):
        while True:
            start, count = _ASKED.unpack(_exactly(ours.fileno(), _ASKED.size))
            try:
                content = blocks.read(start, count)
                told = _ANSWERED.pack(0, len(content) if count else blocks.size_bytes)
            except OSError as error:
                content = (error.strerror or "it cannot be read").encode()[:_LONGEST_WORDS]
                told = _ANSWERED.pack(error.errno or errno.EIO, len(content))
            ours.sendall(told + content)


def is_ranged(descriptor: int) -> bool:
    """Whether a descriptor is a socket of `served`."""
    return stat.S_ISSOCK(os.fstat(descriptor).st_mode)


@contextmanager
def whole(descriptor: int) -> Iterator[IO[bytes]]:
    """Give a file with all that is behind a socket; it is gone when it is closed."""
    with tempfile.TemporaryFile() as file:
        at = 0
        while content := read_at(descriptor, MOST_BYTES, at):
            file.write(content)
            at += len(content)
        file.flush()
        yield file


def size_of(descriptor: int) -> int:
    """Return how many bytes a file or a video behind a socket has."""
    status = os.fstat(descriptor)
    return _asked(descriptor, 0, 0) if stat.S_ISSOCK(status.st_mode) else status.st_size


def read_at(descriptor: int, count: int, start: int) -> bytes:
    """Return `count` bytes from a position on, or fewer at the end; see os.pread."""
    if not is_ranged(descriptor):
        return os.pread(descriptor, count, start)
    found = bytearray()
    while len(found) < count and (more := _part(descriptor, start + len(found), count)):
        found += more
    return bytes(found[:count])


class RangedFile(io.RawIOBase):
    """A video behind a socket, read as a file is. The socket stays open when it is closed.

    PyAV raises what `read` has raised from whatever is called next in the same thread, so that no
    error is taken for the end of a video.
    """

    def __init__(self, descriptor: int, path: str) -> None:
        """Take the socket, and what errors call the video."""
        self._descriptor, self._path = descriptor, path
        self._at = 0
        self._size = size_of(descriptor)
        self._left_out: list[tuple[int, int]] = []

    def leave_out(self, spans: Iterable[tuple[int, int]]) -> None:
        """Read zeros from now on in the place of spans, which are not fetched.

        Each is from a position to another one, which is not part of it; they do not overlap.
        """
        self._left_out = sorted(spans)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read from any position on."""
        return True

    def tell(self) -> int:
        """Return the position that is read next."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position; nothing is fetched."""
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, begin + offset)
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """Return some bytes from the position on; none at the end.

        Raises:
            UnreadableVideo: they cannot be fetched.
        """
        left = max(0, self._size - self._at)
        zeros, until = self._around()
        count = min(left if size < 0 else min(size, left), BLOCK_BYTES, until - self._at)
        if zeros:
            self._at += count
            return bytes(count)
        try:
            content = _part(self._descriptor, self._at, count)
        except OSError as error:
            raise UnreadableVideo(self._path, f"it cannot be fetched: {error.strerror}") from error
        self._at += len(content)
        return content

    def _around(self) -> tuple[bool, int]:
        """Return whether the position is left out, and where the next one begins that differs."""
        after = bisect.bisect(self._left_out, self._at, key=itemgetter(0))
        if after and self._at < (end := self._left_out[after - 1][1]):
            return True, end
        return False, self._left_out[after][0] if after < len(self._left_out) else self._size


def _part(descriptor: int, start: int, count: int) -> bytes:
    """Ask for some bytes; fewer may come."""
    count = min(count, BLOCK_BYTES)
    return b"" if count <= 0 else _exactly(descriptor, _asked(descriptor, start, count))


def _asked(descriptor: int, start: int, count: int) -> int:
    """Ask, and return how many bytes follow, or for a count of 0 the size of the video."""
    try:
        os.write(descriptor, _ASKED.pack(start, count))
        code, size = _ANSWERED.unpack(_exactly(descriptor, _ANSWERED.size))
        words = _exactly(descriptor, size) if code else b""
    except (BrokenPipeError, ConnectionError, EOFError) as error:
        raise OSError(errno.EIO, "the process that fetches it has ended") from error
    if code:
        raise OSError(code, words.decode("utf-8", "replace"))
    return int(size)


def _exactly(descriptor: int, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        block = os.read(descriptor, size - len(received))
        if not block:
            raise EOFError
        received += block
    return bytes(received)
