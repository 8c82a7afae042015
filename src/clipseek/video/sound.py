"""The sound of a video as one line of samples, which begins where the video begins."""

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Discard
from numpy.typing import NDArray

RATE = 16_000
"""Samples a second: what recognisers of speech are trained with."""
_BLOCK = RATE
_SHIFT_S = 0.1
"""A step of the timestamps that is larger is a gap or an overlap, not the jitter of a container."""

Samples = NDArray[np.float32]


def sound_of(container: InputContainer, start: Fraction, *, longest_s: float) -> Iterator[Samples]:
    """Go through an opened file from its start; yield its first sound in blocks of about a second.

    Sample k of all blocks together is k / RATE seconds after `start`, which is the start of the
    file. What a gap of the timestamps or a damaged packet leaves out is silence. Nothing is yielded
    if there is no sound. Reading ends at `longest_s` seconds, because a broken timestamp may claim
    years of silence.
    """
    stream = container.streams.best("audio")
    if not isinstance(stream, AudioStream) or stream.codec_context is None:
        return
    for other in container.streams:
        if other != stream:
            other.discard = Discard.all
    line = _Line(round(longest_s * RATE))
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue
        for frame in frames:
            yield from line.added(frame, _start(frame, start))
            if line.is_full:
                return
    yield from line.ended()


def _start(frame: AudioFrame, start: Fraction) -> float | None:
    if frame.pts is None or frame.time_base is None:
        return None
    return float(frame.pts * frame.time_base - start)


class _Line:
    """Collects samples into blocks, and counts where on the line the next one is."""

    def __init__(self, longest: int) -> None:
        self._left = longest
        self._at = 0
        self._skip = 0
        self._waiting: list[Samples] = []
        self._form: tuple[str, str, int] | None = None
        self._resampler = _resampler()

    @property
    def is_full(self) -> bool:
        """Whether no more samples are taken."""
        return self._left == 0

    def added(self, frame: AudioFrame, start: float | None) -> Iterator[Samples]:
        """Put decoded samples where they begin, in seconds; None if that is not known.

        What comes between is silence, and what is there already is left out.
        """
        form = frame.format.name, frame.layout.name, frame.sample_rate
        if self._form not in (None, form) or self._is_elsewhere(start):
            yield from self._flushed()
        self._form = form
        if start is not None and self._is_elsewhere(start):
            ahead = round(start * RATE) - self._at
            self._skip = max(0, -ahead)
            for first in range(0, min(ahead, self._left), _BLOCK):
                yield from self._put(np.zeros(min(_BLOCK, ahead - first), dtype=np.float32))
        yield from self._resampled(frame)

    def ended(self) -> Iterator[Samples]:
        """Yield what was not yielded yet."""
        yield from self._flushed()
        if self._waiting:
            yield np.concatenate(self._waiting)

    def _is_elsewhere(self, start: float | None) -> bool:
        return start is not None and abs(round(start * RATE) - self._at) > _SHIFT_S * RATE

    def _flushed(self) -> Iterator[Samples]:
        """Put what the resampler has kept, and take a new one."""
        if self._form is not None:
            yield from self._resampled(None)
            self._resampler = _resampler()

    def _resampled(self, frame: AudioFrame | None) -> Iterator[Samples]:
        for part in self._resampler.resample(frame):
            samples = part.to_ndarray()[0].astype(np.float32, copy=False)
            left_out = min(self._skip, len(samples))
            self._skip -= left_out
            yield from self._put(np.clip(np.nan_to_num(samples[left_out:]), -1.0, 1.0))

    def _put(self, samples: Samples) -> Iterator[Samples]:
        samples = samples[: self._left]
        self._left -= len(samples)
        self._at += len(samples)
        self._waiting.append(samples)
        if self.is_full or sum(map(len, self._waiting)) >= _BLOCK:
            yield np.concatenate(self._waiting)
            self._waiting = []


def _resampler() -> AudioResampler:
    return AudioResampler(format="flt", layout="mono", rate=RATE)
