"""PyAVFrames: the default reader, over libav; it reads whatever ffmpeg reads."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain, dropwhile
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from clipseek import sampling
from clipseek.errors import UnreadableVideo
from clipseek.frames import FrameBatch
from clipseek.protocols import CutDetector
from clipseek.timed import Cue
from clipseek.video import captions
from clipseek.video.container import coding_of, open_video, recorded_at_of, timecode_of
from clipseek.video.conversion import (
    DOLBY,
    Converter,
    has_matrix_of_hd,
    is_only_dolby,
    tone_of,
    unread_transfer,
)
from clipseek.video.decoding import OPTIONS, Frames
from clipseek.video.exact import ExactDecoder
from clipseek.video.groups import FallBack
from clipseek.video.picture import Turn
from clipseek.video.selection import Decoded, Requests, Shown, Time, batches, shown
from clipseek.video.sound import sound_of
from clipseek.video.sparse import SparseDecoder
from clipseek.video.survey import Survey, survey
from clipseek.video.timestamps import Ticks

Decode = Literal["exact", "fast", "keyframes"]

# Formats of pictures that may move; a file with a single frame does not.
_ANIMATIONS = frozenset({"gif", "apng"})


class PyAVFrames:
    """A FrameSource that goes through a file once, from the start to the end."""

    def __init__(
        self,
        path: str | Path,
        *,
        threads: int = 1,
        decode: Decode = "exact",
        descriptor: int | None = None,
        max_pixels: int | None = None,
    ) -> None:
        """Open the file and decode its first frame; decoding uses `threads` threads.

        If an open `descriptor` of the file is given, it is read, because `path` may name another
        file by now. Frames of more than `max_pixels` are not decoded.

        With `decode` "fast", frames can be up to 0.2 s from those asked for; they come with their
        own times. With "keyframes", the nearest keyframes come. A video is read exactly in any case
        if it is damaged, or if its packets do not state enough.

        Raises:
            UnreadableVideo: the file is not a video, or no frame of it can be decoded.
        """
        self._path = path
        self._descriptor = descriptor
        self._max_pixels = max_pixels
        self._threads = threads
        self._decode: Decode = decode
        self._decoder: ExactDecoder | SparseDecoder
        self._open({} if decode == "exact" else OPTIONS)
        self._is_taken = self._is_exhausted = False
        try:
            self._frames = self._frames_from_the_first()
        except UnreadableVideo:
            self.close()
            raise

    def _open(self, options: dict[str, str]) -> None:
        self._opened = open_video(
            self._path,
            threads=self._threads,
            options=options,
            descriptor=self._descriptor,
            max_pixels=self._max_pixels,
        )
        self._decoder = self._exact = ExactDecoder(self._opened)

    def _frames_from_the_first(self) -> Frames:
        frames = self._exact.frames()
        first = next(frames, None)
        if first is None:
            raise UnreadableVideo(str(self._path), "no frame could be decoded")
        self.first_time, frame, _ = first
        following = next(frames, None) if self.container_format in _ANIMATIONS else first
        if following is None:
            raise UnreadableVideo(str(self._path), "a picture, not a video")
        self._first_stamp = frame.pts
        context = self._opened.stream.codec_context
        if is_only_dolby(frame, context.codec_tag):
            raise UnreadableVideo(str(self._path), DOLBY)
        if transfer := unread_transfer(frame):
            reason = f"its colours are coded by a {transfer} transfer; export it as SDR, PQ or HLG"
            raise UnreadableVideo(str(self._path), reason)
        self._stated_aspect = context.sample_aspect_ratio
        self._converter = Converter(frame, self._pixel_aspect, crop=self._opened.crop)
        self.tone = tone_of(frame)
        self.has_matrix_of_hd = has_matrix_of_hd(frame)
        return chain([first] if following is first else [first, following], frames)

    def _pixel_aspect(self) -> Fraction | None:
        """Return the current aspect of pixels: the container's, until the stream states another."""
        stated = self._opened.stream.codec_context.sample_aspect_ratio
        if stated != self._stated_aspect:
            return stated
        return self._opened.stream.sample_aspect_ratio

    @property
    def container_format(self) -> str:
        """The names of the container's format in libav, separated by commas."""
        return self._opened.container.format.name

    @property
    def coding(self) -> str:
        """Container, video codec, pixel format and sound codec; only while the file is open."""
        return coding_of(self._opened)

    @property
    def claimed_end(self) -> Fraction | None:
        """When the picture ends by its container, in seconds; only while the file is open."""
        if self._opened.stream_end is not None:
            return self._opened.stream_end
        if self._opened.claim is None or len(self._opened.container.streams) > 1:
            return None
        # Matroska and FLV state the last timestamp, and timestamps can begin above zero.
        return self._opened.claim - (self._opened.start or 0)

    def survey(self) -> Survey:
        """Go through the file once more, and decode nothing but keyframes.

        Afterwards `read` cannot be called, because both share the position in the file.
        """
        self._is_taken = True
        return survey(
            open_video(
                self._path,
                threads=1,
                descriptor=self._descriptor,
                max_pixels=self._max_pixels,
            )
        )

    @property
    def has_subtitles(self) -> bool:
        """Whether the file contains streams of subtitles that are text; only while it is open."""
        return bool(captions.streams_of(self._opened.container))

    def cues(self) -> Iterator[list[Cue]]:
        """Open the file once more, because frames were read of it, and yield its subtitles."""
        self._take()
        self.close()
        self._open({})
        try:
            yield from captions.cues_of(self._opened.container, self._opened.start or Fraction(0))
        except av.error.FFmpegError as error:
            raise UnreadableVideo(str(self._path), f"its subtitles are damaged: {error}") from error

    def sound(self, *, longest_s: float) -> Iterator[NDArray[np.float32]]:
        """Open the file once more, as `cues` does, and yield its sound."""
        self._take()
        self.close()
        self._open({})
        start = self._opened.start or Fraction(0)
        try:
            yield from sound_of(self._opened.container, start, longest_s=longest_s)
        except av.error.FFmpegError as error:
            raise UnreadableVideo(str(self._path), f"its sound is damaged: {error}") from error

    @property
    def duration(self) -> float | None:
        """Seconds, as the container claims; after reading, the end of the last frame."""
        if self._is_exhausted:
            return float(self._decoder.end)
        return None if self._opened.claim is None else float(self._opened.claim)

    @property
    def frame_rate(self) -> Fraction:
        """Frames per second on average, exact; 25 if the file does not state it."""
        return self._opened.frame_rate

    @property
    def timecode(self) -> str:
        """The timecode of the first frame; see `FrameSource`."""
        return timecode_of(self._opened)

    @property
    def recorded_at(self) -> str:
        """When it was recorded; see `FrameSource`."""
        return recorded_at_of(self._opened)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, upright and in square pixels."""
        return self._converter.size

    @property
    def is_cropped(self) -> bool:
        """Whether the container leaves out edges of the pictures."""
        return not self._opened.crop.is_nothing

    @property
    def turn(self) -> Turn:
        """How the stored pictures become upright."""
        return self._converter.turn

    @property
    def damage(self) -> str:
        """After everything was read: what could not be read, or the empty string."""
        return self._decoder.describe_damage() if self._is_exhausted else ""

    def read(
        self,
        times: Iterable[Time],
        *,
        short_side: int | None = None,
        cuts: CutDetector | None = None,
    ) -> Iterator[FrameBatch]:
        """Yield the frames shown at the times, and with `cuts` those that begin a shot.

        The video is read to its end even if the times end early, because its length and its damage
        are known only then. To stop earlier, stop asking for batches.
        """
        frames = self._taken_frames()
        requests = Requests(times)
        is_sparse = self._decode != "exact" and self._first_stamp is not None
        if is_sparse:
            frames = self._sparse_frames(requests, finds_cuts=cuts is not None)

        def is_cut(decoded: Decoded[VideoFrame]) -> bool:
            assert cuts is not None
            luma = self._converter.luma(decoded.frame)
            return cuts.is_cut(luma, float(decoded.time) if is_sparse else None)

        chosen = shown(
            frames,
            requests,
            end=lambda: self._decoder.end,
            is_cut=None if cuts is None else is_cut,
        )
        yield from batches(
            Shown(time, self._picture(frame, short_side), begins_shot)
            for time, frame, begins_shot in chosen
        )
        self._is_exhausted = True

    def _sparse_frames(self, requests: Requests, *, finds_cuts: bool) -> Frames:
        """Decode no more than is needed, as long as the video allows it, and the rest exactly."""
        assert self._decode != "exact"
        assert self._first_stamp is not None
        base = self._opened.time_base
        decoder = SparseDecoder(
            self._opened,
            self._exact,
            requests,
            Ticks(origin=self._first_stamp - self.first_time / base, base=base),
            sparse=self._decode,
            differ=self._differ if finds_cuts else None,
        )
        self._decoder = decoder
        last: Fraction | None = None
        try:
            for each in decoder.frames():
                last = each.time
                yield each
        except FallBack:
            # What was decoded is not repeated: a detector of cuts sees each frame once.
            requests.drop_plans()
            self.close()
            self._open({})
            yield from dropwhile(
                lambda each: last is not None and each.time <= last, self._exact.frames()
            )

    def _differ(self, one: VideoFrame, other: VideoFrame) -> bool:
        """Say whether there may be a cut between two frames."""
        return sampling.may_part(self._converter.luma(one), self._converter.luma(other))

    def _taken_frames(self) -> Frames:
        self._take()
        return self._frames

    def _take(self) -> None:
        if self._is_taken:
            raise RuntimeError(f"{self._path} was read already; open it again")
        self._is_taken = True

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
