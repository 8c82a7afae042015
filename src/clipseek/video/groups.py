"""The groups of pictures of a video: its packets from one keyframe to the next, with their times.

Stamps are presentation times in the ticks of the video's stream.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream

# What is held of a video before it is decoded: two such pieces at most. x264 and x265 place
# keyframes at most 250 frames apart.
_MAX_PACKETS = 300
MAX_BYTES = 16 << 20
"""More bytes than this are not held in one group."""


class FallBack(Exception):
    """From here on every frame must be decoded.

    The video is damaged, or its packets do not say what they contain.
    """


@dataclass(slots=True)
class Group:
    """Packets from a keyframe up to the next, or a part of them, in the order of decoding.

    A frame builds only on frames before it in that order, so decoding may stop after any packet.
    """

    is_key: bool
    stamps: list[int] = field(default_factory=list)
    sizes_bytes: list[int] = field(default_factory=list)
    packets: "list[Packet[Stream]]" = field(default_factory=list)
    held_bytes: int = 0

    def add(self, packet: "Packet[Stream]", stamp: int) -> None:
        """Add the next packet."""
        self.packets.append(packet)
        self.stamps.append(stamp)
        self.sizes_bytes.append(packet.size)
        self.held_bytes += packet.size

    @property
    def is_full(self) -> bool:
        """Whether more packets would take too much memory."""
        return len(self.packets) >= _MAX_PACKETS or self.held_bytes >= MAX_BYTES

    @property
    def first(self) -> int:
        """The stamp of the frame that is shown first."""
        return min(self.stamps)

    @property
    def clean_key(self) -> int | None:
        """The stamp of the keyframe, if nothing in the group needs the group before."""
        return self.stamps[0] if self.is_key and self.first == self.stamps[0] else None


class Groups:
    """Iterates once over the groups of a video, and knows how far its packets reach."""

    def __init__(self, packets: "Iterable[Packet[Stream]]", *, leap: int, step: int) -> None:
        """Take the packets of one stream.

        A step of the stamps of more than `leap` ticks is a leap of the clock. A packet that does
        not state its duration lasts `step` ticks.
        """
        self._packets = packets
        self._leap = leap
        self._step = step
        self._highest: int | None = None
        self.last: tuple[int, int] | None = None
        """The stamp and the duration of the frame that is shown last, of the packets so far."""
        self.count = 0
        """How many packets had a frame so far."""

    def __iter__(self) -> Iterator[Group]:
        """Yield the groups in the order of decoding.

        Raises:
            FallBack: the stamps are missing, or they are not those of ascending frames.
        """
        group: Group | None = None
        for packet in self._packets:
            stamp = packet.pts
            if stamp is None:
                if packet.size:
                    raise FallBack("packets without timestamps")
                continue
            self._note(stamp, packet.duration)
            if not packet.size:
                continue  # shows the last frame again
            self.count += 1
            if group is not None and (packet.is_keyframe or group.is_full):
                yield self._checked(group)
                group = None
            group = group or Group(packet.is_keyframe)
            group.add(packet, stamp)
        if group is not None:
            yield self._checked(group)

    def _note(self, stamp: int, duration: int | None) -> None:
        if self.last is not None and stamp - self.last[0] > self._leap:
            raise FallBack("the clock leaps")
        if self.last is None or stamp > self.last[0]:
            self.last = stamp, duration or self._step

    def _checked(self, group: Group) -> Group:
        """Return the group if its stamps are those of ascending frames."""
        is_twice = len(set(group.stamps)) < len(group.stamps)
        is_back = group.is_key and self._highest is not None and group.first <= self._highest
        if is_twice or is_back:
            raise FallBack("timestamps go back")
        if self._highest is None and not group.is_key:
            raise FallBack("no keyframe at the start")
        self._highest = max(group.stamps)
        return group
