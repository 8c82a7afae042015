"""Excerpts: spans of videos as files of their own, made on demand and kept while there is room."""

import os
import secrets
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass, field
from hashlib import sha256
from pathlib import Path

from clipseek.errors import ServiceUnavailable
from clipseek.video.excerpting import Excerpting, Recipe

_VERSION = 2
"""Changes with what a recipe means, so that older files are made again."""
_PART = ".part"
_ABANDONED_S = 3600.0
_BLOCK_BYTES = 1 << 18
_STEP_S = 0.05

Start = Callable[[Recipe, Path], Excerpting]
"""Starts the process that writes a video by a recipe into a file."""


class Busy(Exception):
    """Another excerpt is being made, and the wait was too long."""


@dataclass(eq=False)
class _Making:
    """An excerpt that is being written, and for how many it is."""

    excerpting: Excerpting
    readers: int = 0
    is_over: bool = False
    ended: threading.Event = field(default_factory=threading.Event)


class Growing:
    """The blocks of an excerpt that is being written; close it."""

    def __init__(self, first: bytes, blocks: Generator[bytes, None, None]) -> None:
        self._first: bytes | None = first
        self._blocks = blocks

    def __iter__(self) -> "Growing":
        return self

    def __next__(self) -> bytes:
        first, self._first = self._first, None
        return next(self._blocks) if first is None else first

    def close(self) -> None:
        """Read no more of it."""
        self._blocks.close()


class Excerpts:
    """A folder of excerpts, named by what they show. Thread-safe; processes may share the folder.

    One excerpt is made at a time. When the files take more than `most_bytes`, the least recently
    used ones are deleted. The folder is made with the first excerpt.
    """

    def __init__(self, root: Path, most_bytes: int, *, patience_s: float = 10.0) -> None:
        self._root, self._most_bytes, self._patience_s = root, most_bytes, patience_s
        self._turn = threading.Semaphore(1)
        self._lock = threading.Lock()
        self._making: dict[str, _Making] = {}

    def find(self, key: str) -> Path | None:
        """Return the file of an excerpt if it is complete, and note that it was used.

        That is noted as the time of access: the time of change tells clients one file from another.
        """
        path = self._root / key
        with suppress(OSError):
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
            return path
        return None

    def made(self, key: str, recipe: Recipe, start: Start) -> Path:
        """Return the complete file of an excerpt, made if it is missing.

        Raises:
            Busy: another one is being made.
            UnreadableVideo: it cannot be made.
            ServiceUnavailable: the folder cannot be written.
        """
        found = self.find(key)
        if found is not None:
            return found
        with self._my_turn():
            found = self.find(key)
            if found is not None:
                return found
            excerpting = self._started(recipe, start)
            try:
                excerpting.wait()
                return self._kept(key, excerpting)
            finally:
                _deleted(excerpting.target)

    def growing(self, key: str, recipe: Recipe, start: Start) -> "Growing":
        """Return the bytes of an excerpt while it is written; begin to write it unless it is.

        The first block is waited for. What nobody reads any more is not written to its end.

        Raises:
            Busy, UnreadableVideo, ServiceUnavailable: as `made`.
        """
        making = self._joined(key, recipe, start)
        blocks = self._blocks(key, making)
        try:
            first = next(blocks, b"")
        except BaseException:
            blocks.close()
            raise
        return Growing(first, blocks)

    def _joined(self, key: str, recipe: Recipe, start: Start) -> _Making:
        """Return the excerpt that is being written, begun now or before."""
        until = time.monotonic() + self._patience_s
        while True:
            with self._lock:
                making = self._making.get(key)
                if making is not None and not making.is_over:
                    making.readers += 1
                    return making
                if self._turn.acquire(blocking=False):
                    try:
                        making = _Making(self._started(recipe, start), readers=1)
                    except BaseException:
                        self._turn.release()
                        raise
                    self._making[key] = making
                    return making
            if time.monotonic() > until:
                raise Busy
            time.sleep(_STEP_S)

    def _blocks(self, key: str, making: _Making) -> Generator[bytes, None, None]:
        try:
            with making.excerpting.target.open("rb") as file:
                while True:
                    is_done = making.excerpting.is_done
                    making.excerpting.check()
                    if block := file.read(_BLOCK_BYTES):
                        yield block
                    elif is_done:
                        break
                    else:
                        time.sleep(_STEP_S)
            self._finish(key, making)
        finally:
            self._leave(key, making)

    def _finish(self, key: str, making: _Making) -> None:
        """Keep a complete excerpt, once."""
        with self._lock:
            if not making.is_over:
                making.is_over = True
                self._kept(key, making.excerpting)

    def _leave(self, key: str, making: _Making) -> None:
        """End what nobody reads any more, and let the next one have its turn."""
        with self._lock:
            making.readers -= 1
            if making.readers or making.ended.is_set():
                return
            making.is_over = True
            making.ended.set()
            if self._making.get(key) is making:
                del self._making[key]
        making.excerpting.end()
        _deleted(making.excerpting.target)
        self._turn.release()

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=self._patience_s):
            raise Busy
        try:
            yield
        finally:
            self._turn.release()

    def _started(self, recipe: Recipe, start: Start) -> Excerpting:
        part = self._root / f"{secrets.token_hex(8)}{_PART}"
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            part.touch(exist_ok=False)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            return start(recipe, part)
        except BaseException:
            _deleted(part)
            raise

    def _kept(self, key: str, excerpting: Excerpting) -> Path:
        """Give a complete file its name, and delete what is too much."""
        path = self._root / key
        try:
            size = excerpting.target.stat().st_size
            excerpting.target.replace(path)
            self._sweep(path, self._most_bytes - size)
        except OSError as error:
            raise self._unwritable(error) from error
        return path

    def _unwritable(self, error: OSError) -> ServiceUnavailable:
        return ServiceUnavailable(
            f"excerpts cannot be written to {self._root}: {error.strerror}; make the folder "
            "writable, free some space, or set CLIPSEEK_EXCERPT_DIR to another folder"
        )

    def _sweep(self, newest: Path, room: int) -> None:
        """Delete the least recently used files until the others fit, and abandoned parts."""
        found = []
        for path in self._root.iterdir():
            with suppress(OSError):
                status = path.stat()
                if path.name.endswith(_PART):
                    if time.time() - status.st_mtime > _ABANDONED_S:
                        _deleted(path)
                elif path != newest:
                    found.append((status.st_atime_ns, status.st_size, path))
        for _, size, path in sorted(found, reverse=True):
            room -= size
            if room < 0:
                _deleted(path)


def key_of(content: str, recipe: Recipe) -> str:
    """Return the name of the file of an excerpt: a hash of what it shows, and how."""
    said = repr((_VERSION, content, *astuple(recipe)))
    return f"{sha256(said.encode()).hexdigest()[:32]}.mp4"


def _deleted(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
