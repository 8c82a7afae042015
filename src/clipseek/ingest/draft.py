"""One video on its way into the catalog: what was read and embedded of it so far."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import overload

import numpy as np
from numpy.typing import NDArray

from clipseek.ingest.fates import Report
from clipseek.ingest.steps import Embedded, Ended, Frames, Identified
from clipseek.sources import Source
from clipseek.types import Video

SPOOL_BYTES = 4 << 20
"""A video's candidate thumbnails stay in memory up to this size, then in a temporary file."""


class Pictures(Sequence[bytes]):
    """Encoded pictures of one video, in memory while they are few, then in a temporary file."""

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

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, index: int) -> bytes: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...

    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        """Return the picture that was added as number `index`, from 0, or those of a slice."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if self._file is None or not 0 <= index < len(self):
            raise IndexError(f"no picture {index} among {len(self)}")
        start, end = self._starts[index], self._starts[index + 1]
        self._file.seek(start)
        return self._file.read(end - start)

    def close(self) -> None:
        """Forget the pictures."""
        if self._file is not None:
            self._file.close()


@dataclass(slots=True, eq=False)
class Draft:
    """What was read and embedded of one video. `sampled` counts frames that repeat, too.

    `claimed` is the length that the container states and `reached` the time that was read to, in
    seconds. `ended` is None until the video was read to its end. `is_over` is set once the fate of
    the video is known; its reader stops then.
    """

    video: Identified
    claimed: float | None = None
    reached: float = 0.0
    sampled: int = 0
    ended: Ended | None = None
    is_over: bool = False
    times: list[float] = field(default_factory=list)
    cuts: list[bool] = field(default_factory=list)
    vectors: list[NDArray[np.float32]] = field(default_factory=list)
    pictures: Pictures = field(default_factory=Pictures)

    @property
    def source(self) -> Source:
        """Where the video is read from."""
        return self.video.source

    def take(self, frames: Frames) -> None:
        """Note frames that were read and now wait for their vectors."""
        self.sampled += frames.sampled
        self.reached = frames.reached
        self.times.extend(frames.times)
        self.cuts.extend(frames.cuts)
        for jpeg in frames.jpegs:
            self.pictures.add(jpeg)

    @property
    def is_complete(self) -> bool:
        """Whether the video was read to its end and every kept frame has its vector."""
        return self.ended is not None and len(self.vectors) == len(self.times)

    def embedded(self) -> Embedded:
        """Return all of a complete video."""
        assert self.ended is not None
        return Embedded(
            self.video,
            self.ended,
            np.array(self.times, np.float64),
            np.array(self.cuts, np.bool_),
            np.array(self.vectors, np.float32),
            self.pictures,
        )

    def report(self, video: Video) -> Report:
        """Say what became of the video, which is committed."""
        problem = self.ended.problem if self.ended else ""
        return Report(
            path=video.uri,
            state=video.state,
            id=video.id,
            reason="; ".join(filter(None, [video.reason, problem])),
            duration=video.duration,
            frames=self.sampled,
            embedded=len(self.vectors),
            skipped=round(1 - len(self.vectors) / self.sampled, 3) if self.sampled else 0.0,
            segments=video.segments,
        )
