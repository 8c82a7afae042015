"""Encoding: the pictures and the sound of a span, as H.264 and AAC."""

from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np
from av.audio.resampler import AudioResampler
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    VideoReformatter,
)
from numpy.typing import NDArray

from clipseek.errors import UnreadableVideo
from clipseek.video.conversion import matrix_of, tone_of, turn_of
from clipseek.video.picture import Turn, display_size
from clipseek.video.redacting import Redacting
from clipseek.video.spans import Order, Source
from clipseek.video.tone import Tone
from clipseek.video.toning import LAYOUT, Toning

SOUND_RATE = 48_000
_SOUND_FRAME = 1024  # samples of a frame of AAC (ISO/IEC 14496-3, 4.5.2.1.1)
_TICK = Fraction(1, 90_000)
_FASTEST_FPS = 30
# Packets of both streams are stored this near to each other, or a reader would have to wait.
_APART_S = 1


class Picture:
    """Encodes the frames of the span, which are blurred before if there is something that does."""

    def __init__(
        self,
        source: Source,
        output: OutputContainer,
        order: Order,
        redacting: Redacting | None = None,
    ) -> None:
        self.is_done = self.is_late = False
        self._redacting = redacting
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
        self._toned: tuple[tuple[Tone, int, int], Toning] | None = None
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
        for ready in [made] if self._redacting is None else self._redacting.add(made):
            self._output.mux(self._stream.encode(ready))

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
            self._size = even(width * scale), even(height * scale)
            self._stream.width, self._stream.height = self._size
            name_colours(self._stream.codec_context)
        wide, high = self._size
        if turn.transposed:
            wide, high = high, wide
        tone = tone_of(frame)
        if tone.is_needed:
            codes = self._scaled(frame, wide, high, LAYOUT)
            frame = self._toning(tone, wide, high).apply(codes)
        if turn != Turn():
            stored = self._scaled(frame, wide, high, "rgb24").to_ndarray()
            upright = np.ascontiguousarray(turn.apply(cast("NDArray[np.uint8]", stored)))
            frame = VideoFrame.from_ndarray(upright, "rgb24")
        return self._scaled(frame, *self._size, "yuv420p")

    def _toning(self, tone: Tone, width: int, height: int) -> Toning:
        """Return what converts frames of a kind and a size."""
        asked = (tone, width, height)
        if self._toned is None or self._toned[0] != asked:
            self._toned = asked, Toning(*asked, Path(f"{self._output.name}.cube"))
        return self._toned[1]

    def _scaled(self, frame: VideoFrame, width: int, height: int, pixel_format: str) -> VideoFrame:
        """Scale a frame, which then has the matrix of BT.709.

        With one thread, because each frame would keep the stacks of several.
        """
        return self._scaler.reformat(
            frame,
            width,
            height,
            pixel_format,
            src_colorspace=matrix_of(frame),
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG if pixel_format == "yuv420p" else ColorRange.JPEG,
            threads=1,
        )

    def end(self) -> None:
        """Write what the encoder still has."""
        if self._size is None:
            raise UnreadableVideo(str(self._source.opened.path), "it shows nothing in this span")
        for ready in () if self._redacting is None else self._redacting.end():
            self._output.mux(self._stream.encode(ready))
        self._output.mux(self._stream.encode(None))


class Sound:
    """Encodes the sound of the span, in stereo."""

    def __init__(self, source: Source, output: OutputContainer, order: Order) -> None:
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


def name_colours(context: VideoCodecContext) -> None:
    """Say that pictures are SDR of BT.709: players guess it by the height, or not at all."""
    context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
    context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709


def even(length: float) -> int:
    """Return the nearest even length: pictures with halved colours need one."""
    return max(2, 2 * round(length / 2))
