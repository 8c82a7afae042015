"""Raw streams: which packets lead to a time, and which frame of the stream each one is.

Nothing says where a time is in a file of H.264 or HEVC without a container, and its packets have no
times. So it is read from its start, but decoded from the last keyframe on.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import floor
from typing import Any

RUN_UP = 32
"""So many frames before the time are decoded, in which it is found out which ones are missing."""
# Frames are shown at most so many packets later than they are decoded: `max_dec_frame_buffering`
# of H.264 and `sps_max_num_reorder_pics` of HEVC (ITU-T H.264, annex A.3.1, and H.265, A.4.2).
_REORDERED = 16
MAX_BYTES = 64 << 20
"""If there are more bytes since the last keyframe, they are decoded instead of held."""


class Counting:
    """Leads to a time of a raw stream of `rate` frames per second, and numbers its frames.

    Packets without times are tagged with their number in the order of decoding, because a decoder
    gives a frame the tag of its packet.
    """

    def __init__(self, rate: Fraction, *, most_bytes: int = MAX_BYTES) -> None:
        self._rate, self._most_bytes = rate, most_bytes
        self.is_needed = True
        """Whether frames must be numbered: demuxers of MPEG-2 and Motion JPEG make up times."""
        self._key = 0
        self._before = Fraction(0)
        self._has_fields = False
        self._tags: list[int] = []
        self._count = 0
        self._missing = 0

    def packets(self, packets: Iterable[Any], time: float) -> Iterator[Any]:
        """Yield the packets from the last keyframe on that is far enough before a time.

        Those before are left out, unless the packets since a keyframe are too large to be held.
        """
        goal = floor(time * self._rate) - RUN_UP
        held: list[Any] = []
        held_bytes, is_held = 0, goal > 0
        for packet, number, position in self._placed(packets):
            if is_held and packet.is_keyframe and position <= goal:
                held.clear()
                held_bytes, self._key, self._before = 0, number, position
            held.append(packet)
            held_bytes += packet.size
            if not is_held or position >= goal or held_bytes > self._most_bytes:
                is_held = False
                yield from held
                held.clear()
        yield from held

    def time(self, frame: Any) -> float:
        """Return when the next frame that the decoder gave is shown, in seconds; call it once.

        A decoder that begins at a keyframe leaves out frames that are shown before it and build on
        earlier ones.
        """
        if self._count < RUN_UP:
            self._tags.append(frame.pts)
        elif self._count == RUN_UP and self._key and not self._has_fields:
            first = range(self._key, self._key + _REORDERED)
            self._missing = len(set(first) - set(self._tags))
        number = self._before + self._count + self._missing
        self._count += 1
        return float(number / self._rate)

    def _placed(self, packets: Iterable[Any]) -> Iterator[tuple[Any, int, Fraction]]:
        """Yield each packet with its number, and how many frames come before it."""
        position, start = Fraction(0), None
        for number, packet in enumerate(packets):
            if number == 0:
                start, self.is_needed = packet.pts, packet.pts is None
            if self.is_needed:
                packet.pts = number
                yield packet, number, position
                position += self._frames_of(packet)
            else:
                if packet.pts is not None:
                    position = (packet.pts - start) * packet.time_base * self._rate
                yield packet, number, position

    def _frames_of(self, packet: Any) -> Fraction:
        """Return 1, or 1/2 for a field: each field of interlaced H.264 is a packet of its own."""
        length = Fraction(packet.duration or 0) * (packet.time_base or 0) * self._rate
        if not 0 < length < Fraction(3, 4):
            return Fraction(1)
        self._has_fields = True
        return Fraction(1, 2)
