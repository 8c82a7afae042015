"""The decoding child: a process that opens and reads one video after another for its parent.

A decoder cannot be interrupted and may crash, so it works here, where it can be killed.
"""

import json
import os
import resource
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import UnreadableVideo
from clipseek.protocols import CutDetector, FrameSource, FrameSourceOpener
from clipseek.video.channel import BrokenChannel, Channel
from clipseek.video.ending import end_with_parent
from clipseek.video.limits import exceeds

SIGN_OF_LIFE_S = 0.5
"""How often a child reports that it still decodes."""
SPARE_S = 2.0
"""A video may have the frames of so many seconds more than its length, because rates vary."""


@dataclass(frozen=True, slots=True)
class Open:
    """Order: open the file whose descriptor comes with this order.

    Decoding may take `memory_bytes`; a single frame takes at most `frame_bytes` of them.
    """

    path: str
    frame_rate: float
    memory_bytes: int
    frame_bytes: int


@dataclass(frozen=True, slots=True)
class Read:
    """Order: read the opened video; the child asks for the times."""

    short_side: int | None
    cuts: CutDetector | None


@dataclass(frozen=True, slots=True)
class Times:
    """Order: the next times; an empty one means that none are left."""

    times: tuple[float | Fraction, ...]


class Cues:
    """Order: read the subtitles of the opened video."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Order: read the sound of the opened video, up to so many seconds."""

    longest_s: float


class Close:
    """Order: close the video."""


class TooManyFrames(Exception):
    """A video has more frames per second than the limit allows."""


def main() -> None:
    """Serve the parent over the socket whose descriptor is the last argument."""
    end_with_parent()
    channel = Channel(socket.socket(fileno=int(sys.argv[-1])))
    try:
        opener = cast("FrameSourceOpener", channel.order()[0])
        memory = _Memory()
        channel.answer({"kind": "ready"})
        while True:
            order, descriptor = channel.order()
            assert isinstance(order, Open)
            assert descriptor is not None
            try:
                _serve(channel, order, partial(opener, order.path, descriptor=descriptor), memory)
            finally:
                os.close(descriptor)
    except (BrokenChannel, BrokenPipeError, ConnectionError):
        return


def _serve(
    channel: Channel, order: Open, opened: Callable[[], FrameSource], memory: "_Memory"
) -> None:
    """Open one video, and read it when ordered to; if that fails, answer why."""
    try:
        memory.limit(order.memory_bytes)
        try:
            _open_and_read(channel, order, opened, memory)
        finally:
            memory.unlimit()
    except UnreadableVideo as error:
        if memory.was_short(order.frame_bytes):
            channel.answer({"kind": "memory"})
        else:
            channel.answer({"kind": "unreadable", "reason": error.reason, "worn": memory.is_worn})
    except MemoryError:
        channel.answer({"kind": "memory"})
    except TooManyFrames:
        what = f"{order.frame_rate:g} frames per second of video"
        channel.answer({"kind": "unreadable", "reason": exceeds(what, "max_frame_rate")})
    except (BrokenChannel, ConnectionError):
        raise
    except Exception as error:  # noqa: BLE001  an error of a decoder concerns this video alone
        reason = f"unexpected {type(error).__name__}: {error}; --verbose prints the traceback"
        channel.answer({"kind": "failed", "reason": reason, "trace": traceback.format_exc()})


def _open_and_read(
    channel: Channel, order: Open, opened: Callable[[], FrameSource], memory: "_Memory"
) -> None:
    with opened() as source:
        channel.answer(
            {
                "kind": "opened",
                "duration": source.duration,
                "frame_rate": [source.frame_rate.numerator, source.frame_rate.denominator],
                "size": list(source.size),
                "coding": source.coding,
                "timecode": source.timecode,
                "recorded_at": source.recorded_at,
                "has_subtitles": source.has_subtitles,
            }
        )
        told, _ = channel.order()
        if isinstance(told, Cues):
            for cues in source.cues():
                body = memoryview(json.dumps(cues).encode())
                channel.answer({"kind": "cues"}, body)
            channel.answer({"kind": "end", "worn": memory.is_worn})
        if isinstance(told, Sound):
            for samples in source.sound(longest_s=told.longest_s):
                body = memoryview(samples.astype("<f4").tobytes())
                channel.answer({"kind": "sound"}, body)
            channel.answer({"kind": "end", "worn": memory.is_worn})
        if isinstance(told, Read):
            _read(channel, source, told, order.frame_rate)
            if source.damage and memory.was_short(order.frame_bytes):
                raise MemoryError
            channel.answer(
                {
                    "kind": "end",
                    "duration": source.duration,
                    "size": list(source.size),
                    "damage": source.damage,
                    "worn": memory.is_worn,
                }
            )


def _read(channel: Channel, source: FrameSource, order: Read, frame_rate: float) -> None:
    watch = _Watch(channel, frame_rate)
    cuts = None if order.cuts is None else _WatchedCuts(order.cuts, watch)
    for batch in source.read(watch.times(), short_side=order.short_side, cuts=cuts):
        pixels = np.ascontiguousarray(batch.pixels)
        channel.answer(
            {
                "kind": "batch",
                "shape": list(pixels.shape),
                "times": batch.times.tolist(),
                "cuts": batch.cuts.tolist(),
            },
            pixels.data.cast("B"),
        )


class _Watch:
    """Counts decoded frames, and reports now and then that decoding goes on."""

    def __init__(self, channel: Channel, frame_rate: float) -> None:
        self._channel = channel
        self._frame_rate = frame_rate
        self._reached = 0.0
        self._frames = 0
        self._told = time.monotonic()

    def times(self) -> Iterator[float | Fraction]:
        """Yield the times that the parent sends, and note how far the video was read."""
        while True:
            self._channel.answer({"kind": "times"})
            order, _ = self._channel.order()
            assert isinstance(order, Times)
            if not order.times:
                return
            for each in order.times:
                self._reached = float(each)
                self.sign_of_life()
                yield each

    def count(self) -> None:
        """Count a decoded frame.

        Raises:
            TooManyFrames: there are more of them than the time read so far allows.
        """
        self._frames += 1
        if self._frames > self._frame_rate * (self._reached + SPARE_S):
            raise TooManyFrames
        self.sign_of_life()

    def sign_of_life(self) -> None:
        """Report to the parent that decoding goes on, at most twice a second."""
        now = time.monotonic()
        if now - self._told >= SIGN_OF_LIFE_S:
            self._told = now
            self._channel.answer({"kind": "alive"})


@dataclass(frozen=True, slots=True)
class _WatchedCuts:
    """A CutDetector that counts what it sees: every decoded frame."""

    cuts: CutDetector
    watch: _Watch

    def is_cut(self, luma: NDArray[np.uint8], time: float | None = None) -> bool:
        """Ask the detector."""
        self.watch.count()
        return self.cuts.is_cut(luma, time)


class _Memory:
    """The memory of this process: its limit, and the most that it took. Linux only."""

    def __init__(self) -> None:
        self._data = status_bytes("VmData")
        self._size = status_bytes("VmSize")
        self._limit = 0

    def limit(self, size: int) -> None:
        """Let allocations fail at `size` bytes more than at the start."""
        self._limit = size
        # Since Linux 4.7 all private data counts, whether on the heap or mapped.
        _limit_data(self._data + size)

    def unlimit(self) -> None:
        """Let allocations succeed, so that a failure can be reported."""
        _limit_data(resource.RLIM_INFINITY)

    def was_short(self, frame_bytes: int) -> bool:
        """Say whether an allocation of a frame may have failed.

        Many decoders report that as damage (HEVC), or give no frame.
        """
        return self._most > max(self._limit - frame_bytes, self._limit // 4)

    @property
    def is_worn(self) -> bool:
        """Whether so much was taken that `was_short` would be wrong about the next video."""
        return self._most > self._limit // 4

    @property
    def _most(self) -> int:
        return status_bytes("VmPeak") - self._size


def status_bytes(name: str) -> int:
    """Return a figure of this process in bytes, as Linux names it; 0 elsewhere."""
    if sys.platform != "linux":
        return 0
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    line = next(line for line in status.splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def _limit_data(size: int) -> None:
    if sys.platform == "linux":
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        soft = size if hard == resource.RLIM_INFINITY else min(size, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
