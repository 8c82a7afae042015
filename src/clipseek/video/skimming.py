"""Decoding for search: only the frames that show the requested times, and what they build on.

Frames on which no other builds are left out, but for those asked for. The loop filter, which only
smooths, is left out everywhere. A group of pictures is decoded no further than it is needed, and
where a keyframe lies near enough to a requested time, it stands for it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor
from typing import Literal, cast

import av
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from clipseek.video.clock import stated_end
from clipseek.video.container import Opened
from clipseek.video.decoding import Decoder
from clipseek.video.economy import Plan, plan, whole
from clipseek.video.selection import TOLERANCE

Thrift = Literal["fast", "keyframes"]
Time = float | Fraction
Timed = tuple[Fraction, VideoFrame]
Differ = Callable[[VideoFrame, VideoFrame], bool]

# How far from the requested frame a keyframe may be that stands for it.
_REACH_S = Fraction(1, 5)
# What is held of a film before it is decoded: two such pieces at most. x264 and x265 place
# keyframes at most 250 frames apart.
_MAX_PACKETS = 300
_MAX_BYTES = 16 << 20
# A packet of more than this share of its keyframe's bytes may be a new shot, which is coded anew.
# Where a group has one behind the frames that are needed, it is decoded to its end.
_NEW_SHOT = 0.5
# Keyframes of one shot, next to each other, differ by less than this factor.
_OTHER_KEY = 1.5
# Keyframes nearer to each other than shots are long need not all be looked at for cuts.
_SHORTEST_SHOT_S = Fraction(3, 10)


OPTIONS = {"skip_loop_filter": "all"}
"""What the decoder of a film is opened with."""


class Unskimmable(Exception):
    """The film is damaged, or its packets do not say what they hold."""


@dataclass(slots=True)
class _Group:
    """Packets from a keyframe up to the next, or a part of them, in the order of decoding.

    `stamps` are their presentation times in the stream's ticks.
    """

    is_key: bool
    packets: "list[Packet[Stream]]" = field(default_factory=list)
    stamps: list[int] = field(default_factory=list)
    size_bytes: int = 0

    def add(self, packet: "Packet[Stream]", stamp: int) -> None:
        """Add the next packet."""
        self.packets.append(packet)
        self.stamps.append(stamp)
        self.size_bytes += packet.size

    @property
    def is_full(self) -> bool:
        """Whether more would take too much memory."""
        return len(self.packets) >= _MAX_PACKETS or self.size_bytes >= _MAX_BYTES

    @property
    def first(self) -> int:
        """The stamp of the frame that is shown first."""
        return min(self.stamps)

    @property
    def clean_key(self) -> int | None:
        """The stamp of the keyframe, if nothing in the group needs the group before."""
        return self.stamps[0] if self.is_key and self.first == self.stamps[0] else None


class Skimmer:
    """Decodes an opened film once, from its start, as sparsely as the requested times allow."""

    def __init__(
        self,
        opened: Opened,
        begun: Decoder,
        requests: "Requests",
        *,
        thrift: Thrift,
        differ: Differ | None,
    ) -> None:
        """Decode for the requests, and with `differ` so that cuts between shots show.

        `begun` has decoded the first frame; its packets are decoded again. `differ` says whether
        there may be a cut between two frames.
        """
        base = opened.time_base
        self._begun = begun
        self._context = opened.stream.codec_context
        self._requests = requests
        self._thrift = thrift
        self._reach = int(_REACH_S / base)
        self._step = max(1, round(1 / (opened.frame_rate * base)))
        self._shortest_shot = int(_SHORTEST_SHOT_S / base)
        self._differ = differ
        self._finds_cuts = differ is not None
        self._passed: list[Packet[Stream]] = []
        self._between: list[Packet[Stream]] = []
        self._closer: VideoCodecContext | None = None
        self._shown_last: VideoFrame | None = None
        self._key_size = self._usual = 0
        self._is_usual = self._was_usual = False
        self.may_be_cut = True
        """Whether the frame that came last may begin a shot, for all that its packets say."""
        self._highest: int | None = None
        self._fed_to: int | None = None
        self._last_out: int | None = None
        self._expected: int | None = None
        self._has_gap = False
        self._opened = opened
        self._leap_ticks = int(opened.leap_s / base)
        self._last: tuple[int, int] | None = None
        self._count = 0

    @property
    def end(self) -> Fraction:
        """The time until which the last frame is shown that the container names, in seconds."""
        last, length = self._last or (0, 0)
        own = self._requests.seconds(last + length)
        if self._count == 1 and self._opened.claim is not None:
            return max(own, self._opened.claim)
        if not self._opened.states_end:
            return own
        begins, longest = self._requests.seconds(last), self._begun.longest
        return stated_end(begins, own, self._opened.stream_end, longest)

    def describe_damage(self) -> str:
        """Say what is missing of the film, or return the empty string; once all is decoded."""
        return self._begun.describe_damage(self.end)

    def frames(self) -> Iterator[Timed]:
        """Yield what is decoded, each frame with its time in seconds from the start.

        Raises:
            Unskimmable: from here on the film must be decoded in full.
        """
        groups = self._groups()
        group = next(groups, None)
        if group is None or not group.is_key:
            raise Unskimmable("no keyframe at the start")
        self._context.flush_buffers()
        while group is not None:
            following = next(groups, None)
            yield from self._feed(group, self._plan(group, following))
            group = following
        yield from self._decoded(None)

    # From packets to groups.

    def _groups(self) -> Iterator[_Group]:
        group: _Group | None = None
        packets = self._begun.replay()
        for packet in packets or ():
            if self._begun.is_damaged or packet.is_corrupt or packet.is_discard:
                raise Unskimmable("damaged or trimmed")
            stamp = packet.pts
            if stamp is None:
                if packet.size:
                    raise Unskimmable("packets without timestamps")
                continue
            if self._last is not None and stamp - self._last[0] > self._leap_ticks:
                raise Unskimmable("the clock leaps")
            if self._last is None or stamp > self._last[0]:
                self._last = stamp, packet.duration or self._step
            if not packet.size:
                continue  # shows the last frame again
            self._count += 1
            if group is not None and (packet.is_keyframe or group.is_full):
                yield self._checked(group)
                group = None
            group = group or _Group(packet.is_keyframe)
            group.add(packet, stamp)
        if packets is None or self._begun.is_damaged:
            raise Unskimmable("damaged")
        if group is not None:
            yield self._checked(group)

    def _checked(self, group: _Group) -> _Group:
        """Return the group if its timestamps are those of ascending frames."""
        is_twice = len(set(group.stamps)) < len(group.stamps)
        is_back = group.is_key and self._highest is not None and group.first <= self._highest
        if is_twice or is_back:
            raise Unskimmable("timestamps go back")
        self._highest = max(group.stamps)
        return group

    # What is decoded of a group.

    def _plan(self, group: _Group, following: _Group | None) -> Plan:
        requests = self._requests
        wanted = requests.take(requests.tick(self.end) if following is None else following.first)
        if group.is_key:
            self._key_size = group.packets[0].size
        next_key = None if following is None else following.clean_key
        self._was_usual, self._is_usual = self._is_usual, False
        keys = [*(group.stamps[:1] if group.is_key else ()), *self._stand_in(group, next_key)]
        if self._thrift == "keyframes":
            # Behind the first part of a group too long to be held there is no keyframe to show.
            chosen = plan(group.stamps, wanted, keys=keys, reach=None) if keys else Plan((), 0)
        else:
            chosen = plan(group.stamps, wanted, keys=keys, reach=self._reach)
        count = max(chosen.count, self._looks_for_cuts(group), requests.expects(group.stamps[0]))
        if self._thrift == "fast" and not self._may_stop(group, count, following):
            chosen = whole(group.stamps, wanted)
            count = chosen.count
        requests.expect(chosen.shown)
        return Plan(chosen.shown, count)

    def _stand_in(self, group: _Group, next_key: int | None) -> tuple[int, ...]:
        """Return the next group's keyframe where it may stand for a frame of this group.

        It may be the first of a new shot, where encoders end a group before its time.
        """
        if next_key is None or not group.is_key:
            return ()
        length = next_key - group.stamps[0]
        self._is_usual = abs(length - self._usual) <= self._step
        self._usual = length
        return (next_key,) if self._is_usual or self._thrift == "keyframes" else ()

    def _may_stop(self, group: _Group, count: int, following: _Group | None) -> bool:
        """Say whether decoding may leave the group behind its first `count` packets.

        With cuts, not where a new shot may begin behind them, or with the next group.
        """
        if following is None:
            return not self._finds_cuts or self._is_of_one_shot(group, count)
        if following.clean_key is None or not self._finds_cuts:
            return following.clean_key is not None
        ratio = following.packets[0].size / self._key_size
        is_alike = 1 / _OTHER_KEY < ratio < _OTHER_KEY
        return self._is_usual and is_alike and self._is_of_one_shot(group, count)

    def _is_of_one_shot(self, group: _Group, count: int) -> bool:
        limit = _NEW_SHOT * self._key_size
        return all(packet.size <= limit for packet in group.packets[count:])

    def _looks_for_cuts(self, group: _Group) -> bool:
        """Say whether the group's keyframe is to be decoded because it may begin a shot."""
        if not self._finds_cuts or not group.is_key:
            return False
        return self._fed_to is None or group.stamps[0] - self._fed_to >= self._shortest_shot

    # Decoding.

    def _feed(self, group: _Group, planned: Plan) -> Iterator[Timed]:
        """Decode the first packets of a group, and of those on which none builds the shown."""
        if not planned.count:
            self._has_gap = True
            self._passed += group.packets
            return
        if self._has_gap:
            yield from self._leap(group)
        shown = set(planned.shown)
        for stamp, packet in zip(group.stamps[: planned.count], group.packets, strict=False):
            self._context.skip_frame = "DEFAULT" if stamp in shown else "NONREF"
            yield from self._decoded(packet)
        self._fed_to = max(group.stamps[: planned.count])
        self._has_gap = planned.count < len(group.packets)
        # A part of a group cannot be decoded again without what it builds on.
        self._passed = list(group.packets) if group.is_key else []

    def _leap(self, group: _Group) -> Iterator[Timed]:
        """Take from the decoder what it holds back, and let it begin anew at a keyframe."""
        yield from self._decoded(None)
        self._context.flush_buffers()
        self._expected = group.stamps[0]
        self._has_gap = False
        self._between, self._passed = self._passed, []

    def _decoded(self, packet: "Packet[Stream] | None") -> Iterator[Timed]:
        for frame in _decode(self._context, packet):
            last, is_behind_gap = self._last_out, self._expected is not None
            stamp = self._stamp(frame)
            if is_behind_gap and self._thrift == "fast" and last is not None:
                yield from self._passed_over(last, stamp, frame)
            self._shown_last = frame
            yield self._requests.seconds(stamp), frame

    def _passed_over(self, last: int, stamp: int, frame: VideoFrame) -> Iterator[Timed]:
        """Decode what was left out before a frame, if there may be a cut between."""
        before = self._shown_last
        if self._differ is None or before is None or not self._differ(before, frame):
            return
        held = sum(packet.size for packet in self._between)
        if held > 2 * _MAX_BYTES:
            return
        context = self._closer or self._closer_look()
        context.flush_buffers()
        for packet in [*self._between, None]:
            for each in _decode(context, packet):
                if each.pts is not None and last < each.pts < stamp and not each.is_corrupt:
                    yield self._requests.seconds(each.pts), each

    def _closer_look(self) -> VideoCodecContext:
        """Make a second decoder of the film."""
        codec = self._context.codec
        context = cast(VideoCodecContext, VideoCodecContext.create(codec, "r"))
        context.extradata = self._context.extradata
        context.options = dict(OPTIONS)
        context.skip_frame = "NONREF"
        self._closer = context
        return context

    def time(self, frame: VideoFrame) -> Fraction:
        """Return when a frame is shown, in seconds from the start."""
        return self._requests.seconds(frame.pts or 0)

    def _stamp(self, frame: VideoFrame) -> int:
        stamp, last = frame.pts, self._last_out
        if stamp is None or frame.is_corrupt or (last is not None and stamp <= last):
            raise Unskimmable("damaged, or frames out of order")
        if self._expected is not None and not (frame.key_frame and stamp == self._expected):
            raise Unskimmable("a keyframe that is none")
        is_unlikely = self._thrift == "keyframes" and self._was_usual
        self.may_be_cut = self._expected is None or not is_unlikely
        self._expected, self._last_out = None, stamp
        return stamp


def _decode(context: VideoCodecContext, packet: "Packet[Stream] | None") -> list[VideoFrame]:
    """Decode a packet, or with None what the decoder still holds back."""
    try:
        return context.decode(packet)
    except av.error.FFmpegError as error:
        raise Unskimmable("damaged") from error


class Requests:
    """The requested times, and which frames will be shown for them; stamps are in ticks."""

    def __init__(self, times: Iterable[Time], *, origin: Fraction, base: Fraction) -> None:
        """Take ascending seconds; `origin` is the tick of second zero, `base` a tick's length."""
        self._times = iter(times)
        self._next = next(self._times, None)
        self._origin, self._base = origin, base
        self._asked: list[Time] = []
        self._due: deque[tuple[Fraction, Time]] = deque()

    def seconds(self, stamp: int) -> Fraction:
        """Return the time of a stamp."""
        return (stamp - self._origin) * self._base

    def take(self, horizon: int) -> list[int]:
        """Take the times before a stamp and return their ticks."""
        ticks = []
        while self._next is not None and (tick := self.tick(self._next)) < horizon:
            ticks.append(tick)
            self._asked.append(self._next)
            self._next = next(self._times, None)
        return ticks

    def expect(self, shown: Sequence[int]) -> None:
        """Note the frames to be shown for the times that were taken last."""
        self._due.extend((self.seconds(s), t) for s, t in zip(shown, self._asked, strict=False))
        self._asked.clear()

    def expects(self, stamp: int) -> bool:
        """Say whether this frame is to be shown."""
        return any(time == self.seconds(stamp) for time, _ in self._due)

    def any_before(self, end: Fraction) -> bool:
        """Forget the frames to be shown before `end`; return whether there was any."""
        found = False
        while self._due and self._due[0][0] < end:
            self._due.popleft()
            found = True
        return found

    def rest(self) -> Iterator[Time]:
        """Yield the requested times for which nothing was shown yet."""
        yield from (time for _, time in self._due)
        yield from self._asked
        if self._next is not None:
            yield self._next
        yield from self._times

    def tick(self, time: Time) -> int:
        """Return the stamp at a time, or the last one before it."""
        return floor((Fraction(time) + TOLERANCE) / self._base + self._origin)
