"""Spans: what is written of a video, and the opened video that it is read from."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import av
from av.audio.stream import AudioStream
from av.format import Flags as FormatFlags
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from clipseek.video.container import Opened
from clipseek.video.conversion import turn_of
from clipseek.video.counting import Counting
from clipseek.video.picture import Turn

# Times of packets in AVI may be those of decoding, which are some frames earlier.
_SPARE_S = 0.5


@dataclass(frozen=True, slots=True)
class Order:
    """What to write: the span [start, end) in seconds, of a video that is open as a descriptor.

    height: The picture is made at most so high. copy: Whether packets may be copied. growing:
    Whether the file can be played while it is written (fragmented MP4). redact: The kinds of
    regions that are blurred. chosen: The detector of one of them, the values of a `Chosen`. The
    process may take `memory_bytes`, and a frame may have `frame_pixels`.
    """

    name: str
    start: float
    end: float
    height: int
    copy: bool
    growing: bool
    memory_bytes: int
    frame_pixels: int
    redact: Sequence[str] = ()
    chosen: tuple[str, Sequence[str]] | None = None


class Source:
    """The opened video with its sound, read from a time on."""

    def __init__(self, opened: Opened, sound: AudioStream | None) -> None:
        self.opened = opened
        self.video: VideoStream = opened.stream
        is_decodable = sound is not None and sound.codec_context is not None
        self.sound = sound if is_decodable else None
        self.start = float(opened.start or 0)
        flags = FormatFlags(opened.container.format.flags)
        self._has_times = FormatFlags.no_timestamps not in flags
        self._counting = None if self._has_times else Counting(opened.frame_rate)

    @property
    def streams(self) -> list[VideoStream | AudioStream]:
        """The streams that are read."""
        return [self.video] if self.sound is None else [self.video, self.sound]

    @property
    def is_readable_by_browsers(self) -> bool:
        """Whether packets can go into an MP4 as they are, and browsers decode what is in them."""
        context, sound = self.video.codec_context, self.sound
        return (
            self._has_times
            and context.name == "h264"
            and context.pix_fmt in ("yuv420p", "yuvj420p")
            and (sound is None or sound.codec_context.name in ("aac", "mp3"))
        )

    def frame_time(self, frame: VideoFrame) -> float | None:
        """Return when a frame of the picture is shown; call it once, in the order of the frames."""
        if self._counting is not None and self._counting.is_needed:
            return self._counting.time(frame)
        return self.time(frame)

    def time(self, item: Any) -> float | None:
        """Return the seconds from the start of the file at which a packet or a frame is shown."""
        if item.pts is None or item.time_base is None:
            return None
        return float(item.pts * item.time_base) - self.start

    def is_before(self, packet: Any, time: float) -> bool:
        """Whether a packet of the picture shows nothing from a time on, if its times are right."""
        at = self.time(packet) if self._has_times else None
        return at is not None and at < time - _SPARE_S

    def seek(self, time: float) -> None:
        """Go to the last keyframe before a time, if the container can."""
        if not self._has_times:
            return
        with suppress(av.error.FFmpegError):
            at = max(0.0, time) + self.start
            self.opened.container.seek(
                int(at / float(self.opened.time_base)), stream=self.video, backward=True
            )

    def packets(self, time: float) -> Iterator[Any]:
        """Yield the packets of both streams from a keyframe before a time on."""
        self.seek(time)
        found = (each for each in self.opened.container.demux(*self.streams) if each.size)
        yield from found if self._counting is None else self._counting.packets(found, time)

    def keyframe(self, time: float) -> float | None:
        """Return the time of the last keyframe that is not after a time, to the millisecond."""
        last = None
        for packet in self.packets(time):
            if packet.stream is not self.video or not packet.is_keyframe:
                continue
            at = self.time(packet)
            if at is None or packet.dts is None or at > time + 1e-3:
                break
            last = at
        return last

    def is_upright(self, keyframe: float) -> bool:
        """Whether pictures are shown as they are stored: a copy would lose their rotation."""
        for packet in self.packets(keyframe):
            if packet.stream is self.video:
                context = self.video.codec_context
                frames = [*packet.decode(), *context.decode(None)]
                return all(turn_of(cast("VideoFrame", frame)) == Turn() for frame in frames)
        return False
