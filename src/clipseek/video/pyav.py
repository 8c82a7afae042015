"""PyAVFrames: the default reader, over libav, which reads whatever ffmpeg reads."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from clipseek.errors import UnreadableVideo
from clipseek.protocols import CutDetector
from clipseek.types import FrameBatch
from clipseek.video.container import open_film
from clipseek.video.conversion import Converter
from clipseek.video.decoding import Decoder
from clipseek.video.picture import Turn
from clipseek.video.selection import batches, shown


class PyAVFrames:
    """A FrameSource that decodes from the start to the end, whatever times are asked for."""

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        """Open the file and decode its first frame; decoding uses `threads` threads.

        Raises:
            UnreadableVideo: the file is no video, or no frame of it can be decoded.
        """
        self._path = path
        self._opened = open_film(path, threads=threads)
        self._decoder = Decoder(self._opened)
        self._is_taken = self._is_exhausted = False
        try:
            self._frames = self._frames_from_the_first()
        except UnreadableVideo:
            self.close()
            raise

    def _frames_from_the_first(self) -> Iterator[tuple[Fraction, VideoFrame]]:
        frames = self._decoder.frames()
        first = next(frames, None)
        if first is None:
            raise UnreadableVideo(str(self._path), "no frame could be decoded")
        self.first_time, frame = first
        self._converter = Converter(frame, self._opened.stream.sample_aspect_ratio)
        return chain([first], frames)

    @property
    def container_format(self) -> str:
        """The names that libav has for the container's format, separated by commas."""
        return self._opened.container.format.name

    @property
    def claimed_end(self) -> Fraction | None:
        """Where the picture ends by what its container says, in seconds; while it is open."""
        if self._opened.stream_claim is not None:
            return self.first_time + self._opened.stream_claim
        if self._opened.claim is None or len(self._opened.container.streams) > 1:
            return None
        # Matroska and FLV state the last timestamp, which counts from before the start.
        return self._opened.claim - (self._opened.start or 0)

    @property
    def duration(self) -> float | None:
        """Seconds: what the container claims; once all was read, the end of the last frame."""
        if self._is_exhausted:
            return float(self._decoder.end)
        return None if self._opened.claim is None else float(self._opened.claim)

    @property
    def frame_rate(self) -> Fraction:
        """Frames per second on average, exact; 25 where the file does not say."""
        return self._opened.frame_rate

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, upright and in square pixels."""
        return self._converter.size

    @property
    def turn(self) -> Turn:
        """How the stored pictures become upright."""
        return self._converter.turn

    @property
    def damage(self) -> str:
        """Once all was read: what could not be, or the empty string."""
        return self._decoder.describe_damage() if self._is_exhausted else ""

    def read(
        self,
        times: Iterable[float | Fraction],
        *,
        short_side: int | None = None,
        cuts: CutDetector | None = None,
    ) -> Iterator[FrameBatch]:
        """Yield the frames shown at the times, and with `cuts` those that begin a shot.

        The whole film is decoded even where the times end early: its length and its damage are
        known only then. To stop earlier, stop asking for batches.
        """
        frames = shown(
            self._taken_frames(),
            times,
            end=lambda: self._decoder.end,
            is_cut=None if cuts is None else lambda frame: cuts.is_cut(self._converter.luma(frame)),
        )
        yield from batches(
            (time, self._picture(frame, short_side), is_cut) for time, frame, is_cut in frames
        )
        self._is_exhausted = True

    def _taken_frames(self) -> Iterator[tuple[Fraction, VideoFrame]]:
        if self._is_taken:
            raise RuntimeError(f"{self._path} was read already; open it again")
        self._is_taken = True
        return self._frames

    def _picture(self, frame: VideoFrame, short_side: int | None) -> NDArray[np.uint8]:
        try:
            return self._converter.picture(frame, short_side)
        except av.error.FFmpegError as error:
            reason = f"pixel format {frame.format.name} cannot be converted"
            raise UnreadableVideo(str(self._path), reason) from error

    def close(self) -> None:
        """Close the file."""
        self._opened.container.close()

    def __enter__(self) -> "PyAVFrames":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
