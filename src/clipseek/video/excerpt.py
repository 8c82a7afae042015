"""Excerpt: writes a span of a video as an MP4 of its own; it runs in a child process.

Packets are copied if players of browsers can read their codecs and a keyframe is near the start of
the span. Otherwise the span is decoded and encoded.
"""

import json
import os
import resource
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.format import Flags as FormatFlags
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from clipseek.errors import UnreadableVideo
from clipseek.video.child import status_bytes
from clipseek.video.container import Opened, open_video
from clipseek.video.conversion import matrix_of, tone_of, turn_of
from clipseek.video.counting import Counting
from clipseek.video.ending import end_with_parent
from clipseek.video.picture import Turn, display_size

EARLY_S = 0.5
"""A copy begins at a keyframe, which may be so many seconds before the span."""
SOUND_RATE = 48_000
_SOUND_FRAME = 1024  # samples of a frame of AAC (ISO/IEC 14496-3, 4.5.2.1.1)
_TICK = Fraction(1, 90_000)
_FASTEST_FPS = 30
# Demuxers of transport and program streams may land after the time that they seek to.
_BEFORE_S = 2
# Packets of both streams are stored this near to each other, or a reader would have to wait.
_APART_S = 1


@dataclass(frozen=True, slots=True)
class Order:
    """What to write: the span [start, end) in seconds, of a video that is open as a descriptor.

    height: The picture is made at most so high. copy: Whether packets may be copied. growing:
    Whether the file can be played while it is written (fragmented MP4). The process may take
    `memory_bytes`, and a frame may have `frame_pixels`.
    """

    name: str
    start: float
    end: float
    height: int
    copy: bool
    growing: bool
    memory_bytes: int
    frame_pixels: int


def main() -> None:
    """Write what the arguments say: the order, the descriptor of the video, and the target."""
    order = Order(**json.loads(sys.argv[-3]))
    end_with_parent()
    _confine(order)
    try:
        write(order, int(sys.argv[-2]), sys.argv[-1])
    except UnreadableVideo as error:
        _fail(error.reason)
    except MemoryError:
        _fail("it needs more memory than CLIPSEEK_MAX_DECODE_BYTES allows")
    except (av.error.FFmpegError, ValueError) as error:
        _fail(f"{type(error).__name__}: {error}")
    except Exception:  # noqa: BLE001  the parent alone can say what happened here
        _fail(f"unexpected {traceback.format_exc()}")


def _fail(reason: str) -> None:
    sys.stdout.write(reason)
    sys.stdout.flush()
    raise SystemExit(1)


def _confine(order: Order) -> None:
    """Leave the processor to others, and bound the memory (on Linux alone)."""
    os.nice(10)
    if sys.platform == "linux":
        limit = status_bytes("VmData") + order.memory_bytes
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def write(order: Order, descriptor: int, target: str) -> None:
    """Write the span.

    Raises:
        UnreadableVideo: it cannot be opened, or shows nothing in the span.
        FFmpegError: it cannot be decoded or written.
    """
    opened = open_video(order.name, threads=2, descriptor=descriptor, max_pixels=order.frame_pixels)
    sound = opened.container.streams.best("audio")
    source = _Source(opened, sound if isinstance(sound, AudioStream) else None)
    flags = "frag_keyframe+empty_moov+default_base_moof" if order.growing else "faststart"
    with (
        opened.container,
        av.open(
            target,
            "w",
            format="mp4",
            options={"movflags": flags, "flush_packets": "1" if order.growing else "0"},
        ) as output,
    ):
        if order.copy and source.is_readable_by_browsers:
            first = source.keyframe(order.start)
            is_near = first is not None and order.start - first <= EARLY_S
            if first is not None and is_near and source.is_upright(first):
                _copy(source, output, first, order.end)
                return
        _encode(source, output, order)


class _Source:
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


def _copy(source: _Source, output: OutputContainer, first: float, end: float) -> None:
    """Copy the packets from the keyframe at `first` to the end of the span."""
    targets = {each.index: output.add_stream_from_template(each) for each in source.streams}
    shifts = {
        each.index: round((first + source.start) / float(each.time_base or 1))
        for each in source.streams
    }
    open_streams = set(targets)
    begun = False
    for packet in source.packets(first):
        index, at = packet.stream.index, source.time(packet)
        if at is None or packet.dts is None or index not in open_streams:
            continue
        decoded_at = float(packet.dts * packet.time_base) - source.start
        if decoded_at >= end:
            open_streams.discard(index)
            if not open_streams:
                break
            continue
        if at < first - 1e-3 or at >= end:
            continue
        begun = begun or index == source.video.index
        packet.pts -= shifts[index]
        packet.dts -= shifts[index]
        packet.stream = targets[index]
        output.mux(packet)
    if not begun:
        raise UnreadableVideo(str(source.opened.path), "it shows nothing in this span")


def _encode(source: _Source, output: OutputContainer, order: Order) -> None:
    """Decode the span and encode it with H.264 and AAC."""
    picture = _Picture(source, output, order)
    sound = None if source.sound is None else _Sound(source, output, order)
    waiting: list[Any] = []  # sound, until the picture has a size: then the file can begin
    for packet in source.packets(order.start - _BEFORE_S):
        is_video = packet.stream is source.video
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            continue  # damage of one packet, as players go on after it
        for frame in frames:
            if is_video:
                picture.add(cast("VideoFrame", frame))
            else:
                waiting.append(frame)
        if sound is not None and picture.is_begun:
            for frame in waiting:
                sound.add(frame)
            waiting.clear()
        if picture.is_done and (sound is None or sound.is_done or picture.is_late):
            break
    else:
        for frame in source.video.codec_context.decode(None):
            frame.time_base = source.opened.time_base
            picture.add(frame)
    picture.end()
    if sound is not None:
        sound.end()


class _Picture:
    """Encodes the frames of the span."""

    def __init__(self, source: _Source, output: OutputContainer, order: Order) -> None:
        self.is_done = self.is_late = False
        self._source, self._output, self._order = source, output, order
        rate = source.opened.frame_rate
        self._rate: Fraction = min(rate, Fraction(_FASTEST_FPS if order.growing else 120))
        self._stream = output.add_stream("libx264", rate=self._rate)
        self._stream.options = {
            "preset": "ultrafast" if order.growing else "veryfast",
            "crf": "28" if order.growing else "20",
            "g": str(max(1, round(self._rate))),  # a fragment begins at each keyframe
            "threads": "2",
        }
        if order.growing:
            self._stream.options = {**self._stream.options, "tune": "zerolatency"}
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = _TICK
        self._size: tuple[int, int] | None = None
        self._next = 0.0
        self._scaler = VideoReformatter()
        self._last = -1

    @property
    def is_begun(self) -> bool:
        """Whether a frame was encoded."""
        return self._size is not None

    def add(self, frame: VideoFrame) -> None:
        """Encode a frame if it is in the span; frames between those that are shown are left out."""
        at = self._source.frame_time(frame)
        if at is None:  # a container has times, but not for each frame
            at = self._next
        self._next = at + float(1 / self._source.opened.frame_rate)
        if at >= self._order.end:
            self.is_done = True
            self.is_late = at >= self._order.end + _APART_S
            return
        tick = round((at - self._order.start) / float(_TICK))
        soonest = self._last + (0.9 / float(self._rate * _TICK) if self._last >= 0 else 1)
        if at < self._order.start - 1e-3 or tick < soonest:
            return
        made = self._fitted(frame)
        made.pts, made.time_base = max(0, tick), _TICK
        self._last = made.pts
        self._output.mux(self._stream.encode(made))

    def _fitted(self, frame: VideoFrame) -> VideoFrame:
        """Return a frame upright, in square pixels, and at most as high as was ordered."""
        turn = turn_of(frame)
        aspect = frame.sample_aspect_ratio if hasattr(frame, "sample_aspect_ratio") else None
        shape = self._source.video.sample_aspect_ratio or aspect
        width, height = display_size((frame.width, frame.height), shape)
        if turn.transposed:
            width, height = height, width
        if self._size is None:
            scale = min(1.0, self._order.height / height)
            self._size = _even(width * scale), _even(height * scale)
            self._stream.width, self._stream.height = self._size
        wide, high = self._size
        if turn.transposed:
            wide, high = high, wide
        tone = tone_of(frame)
        # A whole span in full height would take several times as long as it may.
        is_toned = self._order.growing and tone.is_needed
        if turn == Turn() and not is_toned:
            return self._scaled(frame, wide, high, "yuv420p")
        if is_toned:
            codes = self._scaler.reformat(
                frame, wide, high, "rgb48le", src_colorspace=matrix_of(frame), threads=1
            )
            stored = tone.apply(cast("NDArray[np.uint16]", codes.to_ndarray()))
        else:
            scaled = self._scaled(frame, wide, high, "rgb24")
            stored = cast("NDArray[np.uint8]", scaled.to_ndarray())
        upright = np.ascontiguousarray(turn.apply(stored))
        return self._scaled(VideoFrame.from_ndarray(upright, "rgb24"), *self._size, "yuv420p")

    def _scaled(self, frame: VideoFrame, width: int, height: int, pixel_format: str) -> VideoFrame:
        """Scale a frame; with one thread, because each frame would keep the stacks of several."""
        return self._scaler.reformat(frame, width, height, pixel_format, threads=1)

    def end(self) -> None:
        """Write what the encoder still has."""
        if self._size is None:
            raise UnreadableVideo(str(self._source.opened.path), "it shows nothing in this span")
        self._output.mux(self._stream.encode(None))


class _Sound:
    """Encodes the sound of the span, in stereo."""

    def __init__(self, source: _Source, output: OutputContainer, order: Order) -> None:
        self.is_done = False
        self._source, self._output, self._order = source, output, order
        self._stream = output.add_stream("aac", rate=SOUND_RATE, layout="stereo")
        self._resampler = AudioResampler("fltp", "stereo", SOUND_RATE, _SOUND_FRAME)
        self._samples: int | None = None

    def add(self, frame: Any) -> None:
        """Encode a frame if it is in the span."""
        at = self._source.time(frame)
        if at is None or at < self._order.start:
            return
        if at >= self._order.end:
            self.is_done = True
            return
        if self._samples is None:
            self._samples = round((at - self._order.start) * SOUND_RATE)
        frame.pts = None  # the resampler would fill gaps, and refuse times that go back
        self._mux(self._resampler.resample(frame))

    def _mux(self, frames: list[Any]) -> None:
        for made in frames:
            made.pts, made.time_base = self._samples, Fraction(1, SOUND_RATE)
            self._samples = (self._samples or 0) + made.samples
            self._output.mux(self._stream.encode(made))

    def end(self) -> None:
        """Write what the resampler and the encoder still have."""
        if self._samples is not None:
            self._mux(self._resampler.resample(None))
        self._output.mux(self._stream.encode(None))


def _even(length: float) -> int:
    """Return the nearest even length: pictures with halved colours need one."""
    return max(2, 2 * round(length / 2))
