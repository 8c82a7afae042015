"""ExactDecoder: decodes every frame of a video, counts damage, and goes on behind it."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain

import av
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame

from clipseek.errors import UnreadableVideo
from clipseek.video.container import ENCRYPTED, Opened
from clipseek.video.damage import Damage
from clipseek.video.selection import Decoded
from clipseek.video.timestamps import PresentationTimes, stated_end

# After so many errors in a row, without a packet between them, a demuxer has no packets left.
_MAX_DEMUX_ERRORS = 100
# A decoder takes a few packets before its first frame, or dozens with threads, but not so many.
_MOST_BEGUN = 100


class ExactDecoder:
    """Decodes an opened video once, from its start."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._times = PresentationTimes(opened.start, opened.frame_rate, leap_s=opened.leap_s)
        self._damage = Damage()
        self._first: Fraction | None = None
        self._last = Fraction(0)
        self._longest = Fraction(0)
        self._count = 0
        self._ends: dict[int, tuple[int, Fraction]] = {}
        self._coming = self._packets()
        self._begun: list[Packet[Stream]] = []

    @property
    def end(self) -> Fraction:
        """The time until which the last frame decoded so far is shown, in seconds.

        A single picture is shown until the end of the file, its sound included.
        """
        own, claim = self._times.end, self._opened.claim
        if self._count == 1 and claim is not None:
            return max(own, claim)
        if not self._opened.states_end or self._times.has_leapt:
            return own
        return stated_end(self._last, own, self._opened.stream_end, self._longest)

    @property
    def has_leapt(self) -> bool:
        """Whether timestamps were reset; then the length that the container claims is wrong."""
        return self._times.has_leapt

    def frames(self) -> Iterator[Decoded[VideoFrame]]:
        """Yield every frame that can be decoded, ascending."""
        for packet in self._coming:
            if self._first is None and len(self._begun) <= _MOST_BEGUN:
                self._begun.append(packet)
            # An empty packet shows the last frame again (Theora specification, section 7.1; AVI
            # too). libav refuses it, but it is not damage.
            if packet.size > 0:
                yield from self._decode(packet)
            elif packet.pts is not None:
                self._times.prolong(packet.pts * self._opened.time_base)
        yield from self._decode(None)

    def replay(self) -> "Iterator[Packet[Stream]] | None":
        """Return all packets of the video from its start on, for another decoder.

        None if there is damage already, or no frame yet.
        """
        is_whole = self._first is not None and len(self._begun) <= _MOST_BEGUN
        if not is_whole or self._damage != Damage():
            return None
        return chain(self._begun, self._coming)

    @property
    def longest(self) -> Fraction:
        """The longest duration that a packet stated so far, in seconds."""
        return self._longest

    @property
    def is_damaged(self) -> bool:
        """Whether packets or frames could not be read so far."""
        return self._damage != Damage()

    def describe_damage(self, end: Fraction | None = None) -> str:
        """Say what is missing of the video, or return the empty string; after all is decoded.

        `end` is when the last frame ends, if another decoder decoded it.
        """
        end = self.end if end is None else end
        claimed, reached = self._opened.stream_end, end
        if claimed is None:
            claimed, reached = self._opened.claim, max(end, self._last_stamp)
        if self.has_leapt:
            claimed = None
        return self._damage.describe(claimed=claimed, reached=reached)

    def _packets(self) -> Iterator["Packet[Stream]"]:
        """Yield the packets of the video; if reading fails, go on behind the damage."""
        errors = 0
        while errors < _MAX_DEMUX_ERRORS:
            try:
                for packet in self._opened.container.demux():
                    errors = 0
                    self._note_end(packet)
                    if packet.stream_index == self._opened.stream.index:
                        self._take_note(packet)
                        yield packet
                return
            except av.error.FFmpegError:
                errors += 1
                self._damage.packets += 1
        self._damage.stopped = f"unreadable from {float(self.end):.1f} s on"

    def _take_note(self, packet: "Packet[Stream]") -> None:
        """Remember the longest duration; raise UnreadableVideo if the rest is encrypted."""
        if packet.has_sidedata("encryption_info"):
            raise UnreadableVideo(str(self._opened.path), ENCRYPTED)
        if packet.duration:
            self._longest = max(self._longest, packet.duration * self._opened.time_base)

    def _note_end(self, packet: "Packet[Stream]") -> None:
        """Remember how far the file could be read, whether it is sound or picture.

        In timestamps, not from the start: Matroska and FLV state the last timestamp as duration.
        """
        if packet.pts is not None:
            end = packet.pts + (packet.duration or 0)
            known = self._ends.get(packet.stream_index)
            if known is None or end > known[0]:
                self._ends[packet.stream_index] = end, packet.time_base

    @property
    def _last_stamp(self) -> Fraction:
        """How far the file could be read, in seconds as its timestamps count."""
        return max((end * base for end, base in self._ends.values()), default=Fraction(0))

    def _decode(self, packet: "Packet[Stream] | None") -> Iterator[Decoded[VideoFrame]]:
        """Decode a packet, or with None what the decoder still holds back."""
        try:
            frames = self._opened.stream.decode(packet)
        except av.error.FFmpegError:
            self._damage.packets += 1
            return
        if packet is not None and packet.is_corrupt:
            self._damage.packets += 1
        for frame in frames:
            self._damage.frames += frame.is_corrupt
            yield Decoded(self._time(frame), frame)

    def _time(self, frame: VideoFrame) -> Fraction:
        base = self._opened.time_base  # frames that the decoder held back do not have it
        time = self._times.at(
            None if frame.pts is None else frame.pts * base,
            None if frame.dts is None else frame.dts * base,
            frame.duration * base if frame.duration else None,
        )
        if self._first is None:
            self._first = time
        self._last = time
        self._count += 1
        return time
