"""Brought: spans of videos that other machines have sent, kept while there is room.

`ROOT/HASH/HASH/ID.mp4`: the folders are hashes of the collection and of the video, so that all
spans of one can be deleted with it; nothing that another machine has sent is part of a path.
"""

import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from clipseek.errors import ServiceUnavailable

FOLDER = ".brought"
"""Beside the uploads, which replicas share; no collection can have this name."""
MOST_BYTES = 1 << 30
"""A span may have so many bytes: three minutes of 40 Mbit/s."""

_ID = re.compile(r"[0-9a-f]{32}")
_BLOCK_BYTES = 1 << 20


class Brought:
    """The folder of these files; processes may share it. It is made with the first file."""

    def __init__(self, uploads: Path, most_bytes: int) -> None:
        """Take the folder of the uploads, and how many bytes are kept."""
        self._root, self._most_bytes = uploads / FOLDER, most_bytes

    def find(self, collection: str, video: str, span: str) -> Path | None:
        """Return the file of a span if it is there, and note that it was used."""
        path = self._path(collection, video, span)
        with suppress(OSError):
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
            return path
        return None

    def keep(self, collection: str, video: str, span: str, file: Path) -> None:
        """Move a file to its place, and delete the least recently used ones that do not fit.

        Raises:
            ServiceUnavailable: the folder cannot be written.
        """
        path = self._path(collection, video, span)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            size = file.stat().st_size
            file.replace(path)
            self._sweep(path, self._most_bytes - size)
        except OSError as error:
            raise ServiceUnavailable(
                f"what other machines send cannot be kept in {self._root}: {error.strerror}; make "
                "the folder writable, or free some space"
            ) from error

    def forget(self, collection: str, video: str) -> None:
        """Delete all spans of a video."""
        with suppress(OSError):
            shutil.rmtree(self._folder(collection, video))

    def forget_all(self, collection: str) -> None:
        """Delete all spans of a collection.

        Raises:
            ServiceUnavailable: they cannot be deleted.
        """
        folder = self._root / _hashed(collection)
        try:
            with suppress(FileNotFoundError):
                shutil.rmtree(folder)
        except OSError as error:
            raise ServiceUnavailable(
                f"what other machines have sent cannot be deleted in {folder}: {error.strerror}; "
                "make the folder writable, then repeat the command"
            ) from error

    def _folder(self, collection: str, video: str) -> Path:
        return self._root / _hashed(collection) / _hashed(video)

    def _path(self, collection: str, video: str, span: str) -> Path:
        if not _ID.fullmatch(span):
            raise ValueError(f"the id of a span must be 32 hexadecimal digits, got {span!r}")
        return self._folder(collection, video) / f"{span}.mp4"

    def _sweep(self, newest: Path, room: int) -> None:
        found = []
        for path in self._root.glob("*/*/*.mp4"):
            with suppress(OSError):
                status = path.stat()
                if path != newest:
                    found.append((status.st_atime_ns, status.st_size, path))
        for _, size, path in sorted(found, reverse=True):
            room -= size
            if room < 0:
                with suppress(OSError):
                    path.unlink()
                    path.parent.rmdir()


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def digest_of(file: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    for block in blocks_of(file):
        digest.update(block)
    return digest.hexdigest()


def blocks_of(file: Path, start: int = 0) -> Iterator[bytes]:
    """Yield the bytes of a file from a place on, a mebibyte at a time."""
    with file.open("rb") as opened:
        opened.seek(start)
        while block := opened.read(_BLOCK_BYTES):
            yield block
