"""One film on its way into the catalog: who it is, and what has been read of it so far."""

import hashlib
import io
import os
import stat
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clipseek.files import NotARegularFile, local_stamp, mtime_ns
from clipseek.types import Video

State = Literal["indexed", "unchanged", "incomplete", "failed"]

HASH_BLOCK_BYTES = 1 << 20
SPOOL_BYTES = 4 << 20
"""A film's candidate thumbnails stay in memory up to this size, then in a temporary file."""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one file.

    `frames` counts sampled frames, `embedded` those that were new; `skipped` is the share of the
    others, which repeat the last one.
    """

    path: str
    state: State
    id: str = ""
    reason: str = ""
    duration: float = 0.0
    frames: int = 0
    embedded: int = 0
    skipped: float = 0.0
    segments: int = 0


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was when it was looked at."""

    path: Path
    size_bytes: int
    mtime_ns: int

    @classmethod
    def at(cls, path: Path) -> "File":
        """Look at the file.

        Raises:
            OSError: it is not there, or NotARegularFile.
        """
        return cls.of(path, path.stat())

    @classmethod
    def of(cls, path: Path, status: os.stat_result) -> "File":
        """Take what the system says of the file.

        Raises:
            NotARegularFile: it is a pipe, a socket, a device or a folder.
        """
        if not stat.S_ISREG(status.st_mode):
            raise NotARegularFile(path)
        return cls(path, status.st_size, mtime_ns(status))

    @property
    def stamp(self) -> str:
        """What is compared to say whether the file has changed."""
        return local_stamp(self.size_bytes, self.mtime_ns)

    def is_source_of(self, video: Video) -> bool:
        """Whether the video was indexed from this very state of this file."""
        return (str(self.path), self.stamp) == (video.uri, video.stamp)


def content_id(file: io.FileIO, *, go_on: Callable[[], bool] = lambda: True) -> str | None:
    """Return 32 hexadecimal digits of BLAKE2b (RFC 7693) over the content.

    None where `go_on`, asked between blocks, says no.
    """
    digest = hashlib.blake2b(digest_size=16)
    while block := file.read(HASH_BLOCK_BYTES):
        digest.update(block)
        if not go_on():
            return None
    return digest.hexdigest()


class Pictures:
    """Encoded pictures of one film, in memory while they are few, then in a temporary file."""

    def __init__(self) -> None:
        self._file: tempfile.SpooledTemporaryFile[bytes] | None = None
        self._starts = [0]

    def add(self, picture: bytes) -> None:
        """Keep one more picture."""
        if self._file is None:
            self._file = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115  closed by close()
        self._file.seek(self._starts[-1])
        self._file.write(picture)
        self._starts.append(self._starts[-1] + len(picture))

    def get(self, index: int) -> bytes:
        """Return the picture that was added as number `index`, from 0."""
        if self._file is None:
            raise IndexError(f"no picture {index}: none was added")
        start, end = self._starts[index], self._starts[index + 1]
        self._file.seek(start)
        return self._file.read(end - start)

    def close(self) -> None:
        """Forget the pictures."""
        if self._file is not None:
            self._file.close()


@dataclass(slots=True, eq=False)
class Film:
    """What has been read and embedded of one file. `sampled` counts repeats too.

    `claimed` is the length that the container states and `reached` the time that was read to, in
    seconds. `is_over` is set once its fate is known; whoever still reads it stops then.
    """

    file: File
    id: str
    size: tuple[int, int] = (0, 0)
    duration: float = 0.0
    damage: str = ""
    claimed: float | None = None
    reached: float = 0.0
    sampled: int = 0
    ended: bool = False
    is_over: bool = False
    times: list[float] = field(default_factory=list)
    cuts: list[bool] = field(default_factory=list)
    vectors: list[NDArray[np.float32]] = field(default_factory=list)
    pictures: Pictures = field(default_factory=Pictures)

    def take(
        self, times: Sequence[float], cuts: Sequence[bool], jpegs: Sequence[bytes], *, sampled: int
    ) -> None:
        """Note frames that were read and now wait for their vectors."""
        self.sampled += sampled
        self.times.extend(times)
        self.cuts.extend(cuts)
        for jpeg in jpegs:
            self.pictures.add(jpeg)

    def end(self, duration: float, size: tuple[int, int], damage: str) -> None:
        """Note that the file was read to its end."""
        self.duration, self.size, self.damage, self.ended = duration, size, damage, True

    @property
    def complete(self) -> bool:
        """Whether the file was read to its end and every kept frame has its vector."""
        return self.ended and len(self.vectors) == len(self.times)

    def report(self, state: State, reason: str = "", segments: int = 0) -> Report:
        """Say what became of the film."""
        return Report(
            path=str(self.file.path),
            state=state,
            id=self.id,
            reason=reason,
            duration=self.duration,
            frames=self.sampled,
            embedded=len(self.vectors),
            skipped=round(1 - len(self.vectors) / self.sampled, 3) if self.sampled else 0.0,
            segments=segments,
        )
