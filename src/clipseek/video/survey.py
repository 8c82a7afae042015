"""A first pass over a video without decoding it all: its times, its end, its shapes, its damage."""

from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream
from numpy.typing import NDArray

from clipseek.video.container import Opened
from clipseek.video.damage import Damage


@dataclass(frozen=True, slots=True)
class Survey:
    """What a first pass finds.

    `times` are the presentation times of the packets, float64 (N,), in seconds, in the order of
    decoding, without packets that an edit list leaves out; empty if a packet has no timestamp.
    `reached` is where the last packet ends, of sound too, in seconds as the timestamps count.
    `changes_shape` says whether keyframes differ in size or in the aspect of their pixels.
    `damage` is that of the container and of keyframes.
    """

    times: NDArray[np.float64]
    reached: Fraction
    changes_shape: bool
    damage: Damage


def survey(opened: Opened) -> Survey:
    """Read an opened video to its end, and close it.

    Keyframes are decoded, because only they can change the size. Reading ends at the first packet
    that the container cannot give.
    """
    stamps: list[int | None] = []
    reached = Fraction(0)
    keys = _Keyframes(opened)
    with opened.container as container:
        try:
            for packet in container.demux():
                if packet.pts is not None:
                    end = (packet.pts + (packet.duration or 0)) * packet.time_base
                    reached = max(reached, end)
                is_video = packet.stream_index == opened.stream.index
                if is_video and packet.size and not packet.is_discard:
                    stamps.append(packet.pts)
                    if packet.is_keyframe:
                        keys.decode(packet)
        except av.error.FFmpegError:
            keys.damage.stopped = f"unreadable from {float(reached):.1f} s on"
    known = [stamp for stamp in stamps if stamp is not None]
    times = np.array(known if len(known) == len(stamps) else [], np.float64)
    return Survey(times * float(opened.time_base), reached, len(keys.shapes) > 1, keys.damage)


class _Keyframes:
    """Decodes keyframes for their shapes, and counts those that are damaged."""

    def __init__(self, opened: Opened) -> None:
        self._context = opened.stream.codec_context
        self.shapes: set[object] = set()
        self.damage = Damage()

    def decode(self, packet: "Packet[Stream]") -> None:
        """Decode a keyframe alone: what came before it cannot spoil it."""
        try:
            for part in (cast("Packet[VideoStream]", packet), None):
                for frame in self._context.decode(part):
                    self.shapes.add((frame.width, frame.height, self._context.sample_aspect_ratio))
                    self.damage.frames += frame.is_corrupt
        except av.error.FFmpegError:
            self.damage.packets += 1
        self._context.flush_buffers()
