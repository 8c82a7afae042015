"""Videos as the bytes of endless streams: MPEG transport streams and JPEG pictures."""

import io
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path

import av
from PIL import Image

from tests.cameras.clock import burn_now
from tests.cameras.films import pictures

CLOCK = 90_000
"""Ticks a second of the timestamps of a transport stream."""
WRAPS_AT = 2**33


class Sink(io.RawIOBase):
    """What a muxer has written since the last look."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True

    def write(self, data: object) -> int:
        """Keep some bytes."""
        self._written += bytes(data)  # type: ignore[call-overload]  # any buffer
        return len(bytes(data))  # type: ignore[call-overload]

    def taken(self) -> bytes:
        """Return what is new."""
        taken, self._written = bytes(self._written), bytearray()
        return taken


@dataclass(frozen=True)
class Timing:
    """Which timestamps a transport stream has.

    first: Of the first packet, in ticks; one just below WRAPS_AT wraps soon.
    jump: Seconds that timestamps leap after each showing of the videos; it may be negative.
    """

    first: int = 1000 * CLOCK
    jump: float = 0.0


def transport(films: Sequence[Path], timing: Timing) -> Iterator[tuple[float, bytes]]:
    """Yield bytes of a transport stream and the second, from the start, at which they are due.

    Videos follow each other for ever. Codec and size may change with each.
    """
    due = 0.0
    shift = timing.first
    for _ in count():
        for film in films:
            duration = yield from _remuxed(film, due, shift)
            due += duration
            shift += round(duration * CLOCK)
        shift = (shift + round(timing.jump * CLOCK)) % WRAPS_AT


def _remuxed(film: Path, due: float, shift: int) -> Generator[tuple[float, bytes], None, float]:
    sink = Sink()
    options = {"mpegts_copyts": "1", "flush_packets": "1"}
    with av.open(str(film)) as source, av.open(sink, "w", format="mpegts", options=options) as out:
        stream = source.streams.video[0]
        target = out.add_stream_from_template(stream)
        rate = stream.average_rate or Fraction(25)
        seconds = 0.0
        for packet in source.demux(stream):
            if packet.dts is None or packet.pts is None or stream.time_base is None:
                continue
            seconds = float(packet.dts * stream.time_base)
            packet.dts = round(packet.dts * stream.time_base * CLOCK) + shift
            packet.pts = round(packet.pts * stream.time_base * CLOCK) + shift
            packet.time_base, packet.stream = Fraction(1, CLOCK), target
            out.mux(packet)
            yield due + seconds, sink.taken()
    return seconds + float(1 / rate)


def stills(fps: float, width: int, height: int, seed: int = 1) -> Iterator[tuple[float, bytes]]:
    """Yield JPEG pictures with the wall clock burned in, made when they are asked for, and when.

    They are the stream of a camera that is live: the clock is the time at which its light came.
    """
    held = max(1, round(fps / 12))
    shown = (each for each in pictures(width, height, seed) for _ in range(held))
    for number, pixels in enumerate(shown):
        yield number / fps, b""  # it is due, and drawn after the wait
        written = io.BytesIO()
        Image.fromarray(burn_now(pixels)).save(written, "JPEG", quality=85)
        yield number / fps, written.getvalue()


def segment(video: Path, number: int, seconds: float) -> bytes:
    """Return the transport stream of one part of a video in a loop; parts are whole seconds long.

    Args:
        video: Has a keyframe at the beginning of each part.
        number: Which part, counted from the first showing.
        seconds: The length of a part.
    """
    sink = Sink()
    with av.open(str(video)) as source, av.open(sink, "w", format="mpegts") as out:
        stream = source.streams.video[0]
        assert stream.time_base is not None
        target = out.add_stream_from_template(stream)
        parts = round(float((stream.duration or 0) * stream.time_base) / seconds)
        first = number % parts * seconds
        shift = round((number // parts * parts * seconds + 10) * CLOCK)
        for packet in source.demux(stream):
            if packet.dts is None or packet.pts is None:
                continue
            when = float(packet.pts * stream.time_base)
            if first <= when + 1e-6 < first + seconds:
                packet.dts = round(packet.dts * stream.time_base * CLOCK) + shift
                packet.pts = round(packet.pts * stream.time_base * CLOCK) + shift
                packet.time_base, packet.stream = Fraction(1, CLOCK), target
                out.mux(packet)
    return sink.taken()
