"""What decodes a video, and what finds its cuts."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from clipseek.frames import FrameBatch
from clipseek.timed import Cue


class CutDetector(Protocol):
    """Decides, frame after frame, where a new shot begins."""

    def is_cut(self, luma: NDArray[np.uint8], time: float | None = None) -> bool:
        """Say whether this frame begins a new shot; `luma` is a small uint8 (h, w) picture.

        `time`, in seconds from anywhere, is given for all frames of a video or for none. If it is
        given, frames may have been left out between two; if not, each frame follows the last.
        """
        ...


class FrameSource(Protocol):
    """One opened video. A context manager; read it once, from its start to its end.

    Times are seconds from the start of the file (the container's start time is zero).
    """

    @property
    def duration(self) -> float | None:
        """Seconds: what the container claims; after `read` is exhausted, the end of the last frame.

        None if the container does not say and nothing was read yet.
        """
        ...

    @property
    def frame_rate(self) -> Fraction:
        """Frames per second on average, exact."""
        ...

    @property
    def coding(self) -> str:
        """Container, video codec, pixel format and sound codec as libav names them, in this order.

        They are separated by spaces: "mov h264 yuv420p aac". "-" stands for what is not there.
        """
        ...

    @property
    def timecode(self) -> str:
        """The timecode of the first frame as the file states it, such as "01:00:00:00", or "".

        A semicolon before the frames says that numbers are dropped (SMPTE 12M).
        """
        ...

    @property
    def recorded_at(self) -> str:
        """When it was recorded, as the file says it (`recorded.recorded_at`), or ""."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, upright."""
        ...

    @property
    def damage(self) -> str:
        """After `read` is exhausted: why the video is incomplete, or the empty string."""
        ...

    @property
    def has_subtitles(self) -> bool:
        """Whether the file contains streams of subtitles that are text."""
        ...

    def cues(self) -> Iterator[list[Cue]]:
        """Go through the file and yield its subtitles, some at a time, as the file has them.

        Lists may be empty. Afterwards `read` cannot be called, nor the other way round.

        Raises:
            UnreadableVideo: the file cannot be read.
        """
        ...

    def sound(self, *, longest_s: float) -> Iterator[NDArray[np.float32]]:
        """Go through the file and yield its sound: float32 (n,) blocks, mono at 16 kHz, in [-1, 1].

        The first sample is at the start of the file; silence fills gaps. Without sound, nothing is
        yielded; after `longest_s` seconds, reading ends. As `cues`, this cannot be combined with
        `read` or `cues`.

        Raises:
            UnreadableVideo: the file cannot be read.
        """
        ...

    def read(
        self,
        times: Iterable[float | Fraction],
        *,
        short_side: int | None = None,
        cuts: CutDetector | None = None,
    ) -> Iterator[FrameBatch]:
        """Yield, for each time, the frame being shown at it, by presentation timestamp.

        `times` is ascending and may be endless; reading ends with the video. A frame shown at
        several of the times comes once; before the first frame, the first frame counts as shown.
        With `cuts`, the first frame of every shot comes too, marked. With `short_side`, pictures
        are scaled down (never up) so that their shorter side has that many pixels.

        Raises:
            UnreadableVideo: nothing at all could be decoded.
        """
        ...

    def __enter__(self) -> "FrameSource": ...

    def __exit__(self, *exc: object) -> None: ...


class FrameSourceOpener(Protocol):
    """Opens a local file as a FrameSource; raises UnreadableVideo."""

    def __call__(self, path: str, /, *, descriptor: int | None = None) -> FrameSource:
        """Open the file at a path, or the one that is open as `descriptor`.

        A descriptor stays the caller's; `path` is then only what errors call the video.
        """
        ...
