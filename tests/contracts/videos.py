"""Small videos with known answers, written by the tests with PyAV."""

import io
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

Colour = tuple[int, int, int]

RED: Colour = (255, 0, 0)
GREEN: Colour = (0, 128, 0)
BLUE: Colour = (0, 0, 255)
WHITE: Colour = (255, 255, 255)
# Fast to write; a group of pictures every 12 frames, and B-frames, so that the order of decoding
# is not that of presentation.
X264 = {"preset": "ultrafast", "g": "12", "bf": "2", "crf": "18"}
SOUND_RATE = 8000
MILLISECOND = Fraction(1, 1000)


@dataclass(frozen=True)
class Plan:
    """A video to be written: plain shots, each a number of seconds and a colour.

    `stamps` are the times of the frames in seconds, for a variable rate; else they follow `rate`.
    """

    shots: tuple[tuple[float | Fraction, Colour], ...] = ((2, RED), (3, BLUE))
    rate: Fraction = Fraction(25)
    size: tuple[int, int] = (64, 36)
    stamps: tuple[Fraction, ...] = ()

    @property
    def times(self) -> list[Fraction]:
        """Return the time of each frame."""
        if self.stamps:
            return list(self.stamps)
        length = sum(Fraction(seconds) for seconds, _ in self.shots)
        return [i / self.rate for i in range(math.ceil(length * self.rate))]

    @property
    def end(self) -> Fraction:
        """Return when the last frame ends."""
        return self.times[-1] + 1 / self.rate

    def colour(self, time: float | Fraction) -> Colour:
        """Return the colour of the shot at a time."""
        ends = accumulate(Fraction(seconds) for seconds, _ in self.shots)
        return next(c for (_, c), end in zip(self.shots, ends, strict=True) if time < end)

    def frame(self, time: Fraction) -> VideoFrame:
        """Return the plain picture at a time."""
        width, height = self.size
        return rgb_frame(np.tile(np.array(self.colour(time), np.uint8), (height, width, 1)))


RED_THEN_BLUE = Plan()


def shown(plan: Plan, times: Iterable[float]) -> list[float]:
    """Return the times of the frames that are shown at the times, each once."""
    begins, end = [float(time) for time in plan.times], float(plan.end)
    frames = [max(b for b in begins if b <= max(time, begins[0])) for time in times if time < end]
    return list(dict.fromkeys(frames))


def rgb_frame(pixels: NDArray[np.uint8]) -> VideoFrame:
    """Return a frame of uint8 (H, W, 3) RGB."""
    return VideoFrame.from_ndarray(pixels, format="rgb24")


def write(
    target: Path | io.RawIOBase,
    plan: Plan = RED_THEN_BLUE,
    *,
    frame: Callable[[Fraction], VideoFrame] | None = None,
    start: Fraction = Fraction(0),
    sound_s: float = 0,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    container: str | None = None,
    prepare: Callable[[VideoStream], object] = lambda _: None,
) -> None:
    """Write a video whose first frame has the timestamp `start`, with sound from zero on."""
    with av.open(_named(target), "w", format=container) as output:
        stream = _video_stream(output, plan, codec)
        stream.pix_fmt = pixel_format
        prepare(stream)
        sound = output.add_stream("aac", rate=SOUND_RATE) if sound_s else None
        output.start_encoding()
        if sound is not None:
            mux_silence(output, sound, sound_s)
        for time in plan.times:
            made = (frame or plan.frame)(time)
            tick = 1 / plan.rate if not plan.stamps else MILLISECOND
            made.time_base, made.pts = tick, int((time + start) / tick)
            output.mux(stream.encode(made))
        output.mux(stream.encode(None))


def write_sound(path: Path, seconds: float = 2) -> None:
    """Write a file of nothing but silence."""
    with av.open(str(path), "w") as output:
        mux_silence(output, output.add_stream("aac", rate=SOUND_RATE), seconds)


def _named(target: Path | io.RawIOBase) -> str | io.RawIOBase:
    return str(target) if isinstance(target, Path) else target


def _video_stream(output: OutputContainer, plan: Plan, codec: str) -> VideoStream:
    stream = output.add_stream(codec, rate=plan.rate, options=X264 if codec == "libx264" else {})
    assert isinstance(stream, VideoStream)
    stream.width, stream.height = plan.size
    stream.codec_context.time_base = MILLISECOND if plan.stamps else 1 / plan.rate
    return stream


def mux_silence(output: OutputContainer, stream: AudioStream, seconds: float) -> None:
    """Write so much silence to a stream."""
    for i in range(math.ceil(seconds * SOUND_RATE / 1024)):
        frame = AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate, frame.time_base = SOUND_RATE, Fraction(1, SOUND_RATE)
        frame.pts = i * 1024
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))
