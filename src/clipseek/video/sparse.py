"""SparseDecoder: decodes no more of a video than the requested times and the cuts need.

Frames on which no other builds are left out, unless they were asked for. So is the loop filter,
which only smooths.
"""

from collections import deque
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import chain, pairwise
from typing import Literal, NamedTuple, cast

import av
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from clipseek.video.container import Opened
from clipseek.video.exact import ExactDecoder
from clipseek.video.groups import MAX_BYTES, FallBack, Group, Groups
from clipseek.video.planning import START, Aim, Plan, plan
from clipseek.video.selection import TOLERANCE, Decoded, Requests
from clipseek.video.timestamps import Ticks, stated_end

Frames = Iterator[Decoded[VideoFrame]]
Differ = Callable[[VideoFrame, VideoFrame], bool]
Sparse = Literal["fast", "keyframes"]

# How far a keyframe may be from the frame that is shown at a time, to be shown instead.
_REACH_S = Fraction(1, 5)
# Keyframes nearer to each other than shots are long need not all be looked at for cuts.
_SHORTEST_SHOT_S = Fraction(3, 10)
# More packets than that are not decoded a second time to find a cut.
_MOST_AGAIN_BYTES = 2 * MAX_BYTES

OPTIONS = {"skip_loop_filter": "all"}
"""What the decoder of a video is opened with."""


class SparseDecoder:
    """Decodes an opened video once, from its start, as sparsely as the requested times allow.

    A frame goes through three steps: its packet comes with its group (`Groups`), the group is
    planned (`plan`), and what the plan names is decoded (`_Decoding`).
    """

    def __init__(
        self,
        opened: Opened,
        begun: ExactDecoder,
        requests: Requests,
        ticks: Ticks,
        *,
        sparse: Sparse,
        differ: Differ | None,
    ) -> None:
        """Decode for the requests, and with `differ` so that cuts between shots can be found.

        `begun` has decoded the first frame; its packets are decoded again. `differ` says whether
        there may be a cut between two frames.
        """
        base = opened.time_base
        step = max(1, round(1 / (opened.frame_rate * base)))
        is_fast = sparse == "fast"
        self._opened = opened
        self._begun = begun
        self._requests = requests
        self._ticks = ticks
        self._groups = Groups(_sound_packets(begun), leap=int(opened.leap_s / base), step=step)
        self._aim = Aim(
            reach=int(_REACH_S / base) if is_fast else None,
            finds_cuts=differ is not None,
            step=step,
            shortest_shot=int(_SHORTEST_SHOT_S / base),
        )
        context = opened.stream.codec_context
        self._decoding = _Decoding(
            context, ticks, reach=self._aim.reach, differ=differ if is_fast else None
        )

    @property
    def end(self) -> Fraction:
        """The time until which the last frame is shown that the container names, in seconds."""
        last, length = self._groups.last or (0, 0)
        own = self._ticks.seconds(last + length)
        if self._groups.count == 1 and self._opened.claim is not None:
            return max(own, self._opened.claim)
        if not self._opened.states_end:
            return own
        begins, longest = self._ticks.seconds(last), self._begun.longest
        return stated_end(begins, own, self._opened.stream_end, longest)

    def describe_damage(self) -> str:
        """Say what is missing of the video, or return the empty string; once all is decoded."""
        return self._begun.describe_damage(self.end)

    def frames(self) -> Frames:
        """Yield what is decoded, ascending.

        Raises:
            FallBack: from here on the video must be decoded in full.
        """
        planned = START
        for group, following in pairwise(chain(self._groups, [None])):
            assert group is not None
            planned = self._plan(group, following, planned)
            yield from self._decoding.decode(group, planned)
        if not self._groups.count:
            raise FallBack("no frames")
        yield from self._decoding.drain()

    def _plan(self, group: Group, following: Group | None, before: Plan) -> Plan:
        """Plan a group for the times that are requested of it."""
        end = self.end if following is None else self._ticks.seconds(following.first)
        times = self._requests.take(end)
        wanted = [self._ticks.at(Fraction(time) + TOLERANCE) for time in times]
        planned = plan(group, following, wanted, aim=self._aim, before=before)
        self._requests.plan([self._ticks.seconds(stamp) for stamp in planned.shown], times)
        return planned


def _sound_packets(begun: ExactDecoder) -> "Iterator[Packet[Stream]]":
    """Yield the packets of a video as long as nothing is wrong with them."""
    packets = begun.replay()
    if packets is None:
        raise FallBack("damaged")
    for packet in packets:
        if begun.is_damaged or packet.is_corrupt or packet.is_discard:
            raise FallBack("damaged or trimmed")
        yield packet
    if begun.is_damaged:
        raise FallBack("damaged")


class _Awaited(NamedTuple):
    """The keyframe that must come next out of the decoder, and what was left out before it."""

    stamp: int
    may_be_cut: bool
    left_out: "list[Packet[Stream]]"


class _Decoding:
    """Runs the plans of groups, one after the other."""

    def __init__(
        self,
        context: VideoCodecContext,
        ticks: Ticks,
        *,
        reach: int | None,
        differ: Differ | None,
    ) -> None:
        """Decode with a context that may have decoded something else before.

        A frame that is to be shown and does not come may be replaced by one that comes no more
        than `reach` ticks before it. With `differ`, packets that were left out between two frames
        are decoded after all, if there may be a cut between the frames.
        """
        self._context = context
        self._ticks = ticks
        self._reach = reach or 0
        self._differ = differ
        self._second_look = _SecondLook(context)
        self._behind_key: list[Packet[Stream]] = []
        self._awaited: _Awaited | None = None
        self._due: deque[tuple[int, bool]] = deque()
        self._last: tuple[int, VideoFrame] | None = None
        context.flush_buffers()

    def decode(self, group: Group, planned: Plan) -> Frames:
        """Yield the frames that the decoder gives while it takes what is planned of a group.

        A decoder holds frames back, so that they may come with a later group, or from `drain`.
        """
        if planned.begins_anew:
            yield from self.drain()
            self._context.flush_buffers()
            self._awaited = _Awaited(group.stamps[0], planned.key_may_be_cut, self._behind_key)
        stamps, shown = group.stamps[: planned.count], set(planned.shown)
        keys = set(stamps[:1]) if group.is_key else set()
        self._due.extend((each, each in keys) for each in sorted({*stamps} & (shown | keys)))
        for stamp, packet in zip(stamps, group.packets, strict=False):
            self._context.skip_frame = "DEFAULT" if stamp in shown else "NONREF"
            yield from self._frames(packet)
        self._keep(group, planned)

    def drain(self) -> Frames:
        """Yield the frames that the decoder still holds back."""
        yield from self._frames(None)
        self._require(None)

    def _keep(self, group: Group, planned: Plan) -> None:
        """Keep the packets since the last keyframe that was decoded, for a second look."""
        if self._differ is None:
            return
        if not planned.count:
            self._behind_key = self._behind_key + group.packets
        else:
            # A part of a group cannot be decoded again without what it builds on.
            self._behind_key = group.packets if group.is_key else []

    def _frames(self, packet: "Packet[Stream] | None") -> Frames:
        for frame in _decoded(self._context, packet):
            stamp, awaited, before = self._stamp(frame), self._awaited, self._last
            self._awaited, self._last = None, (stamp, frame)
            if awaited is not None and before is not None:
                yield from self._left_out(awaited, *before, frame)
            may_be_cut = awaited is None or awaited.may_be_cut
            yield Decoded(self._ticks.seconds(stamp), frame, may_be_cut)

    def _stamp(self, frame: VideoFrame) -> int:
        """Return the stamp of a frame if it is the one that had to come."""
        stamp = frame.pts
        if stamp is None or frame.is_corrupt or (self._last is not None and stamp <= self._last[0]):
            raise FallBack("damaged, or frames out of order")
        if self._awaited is not None and not (frame.key_frame and stamp == self._awaited.stamp):
            raise FallBack("a keyframe that is not one")
        self._require(stamp)
        return stamp

    def _require(self, stamp: int | None) -> None:
        """Check that the frames came that were due before a stamp, or with None all of them.

        A decoder that may skip frames does not complain of a packet without a picture in it.
        """
        while self._due and (stamp is None or self._due[0][0] <= stamp):
            due, is_key = self._due.popleft()
            last = None if self._last is None else self._last[0]
            is_near = last is not None and due - last <= self._reach
            if due not in (stamp, last) and (is_key or not is_near):
                raise FallBack("a frame is missing")

    def _left_out(
        self, awaited: _Awaited, last: int, before: VideoFrame, after: VideoFrame
    ) -> Frames:
        """Yield what was left out between two frames, if there may be a cut between them."""
        if self._differ is None or sum(each.size for each in awaited.left_out) > _MOST_AGAIN_BYTES:
            return
        if not self._differ(before, after):
            return
        for frame in self._second_look.frames(awaited.left_out):
            stamp = frame.pts
            if stamp is not None and last < stamp < awaited.stamp and not frame.is_corrupt:
                last = stamp
                yield Decoded(self._ticks.seconds(stamp), frame)


class _SecondLook:
    """A second decoder of a video, made when it is needed."""

    def __init__(self, context: VideoCodecContext) -> None:
        self._first = context
        self._context: VideoCodecContext | None = None

    def frames(self, packets: "list[Packet[Stream]]") -> Iterator[VideoFrame]:
        """Decode packets from a keyframe on."""
        context = self._context or self._made()
        context.flush_buffers()
        for packet in [*packets, None]:
            yield from _decoded(context, packet)

    def _made(self) -> VideoCodecContext:
        context = cast(VideoCodecContext, VideoCodecContext.create(self._first.codec, "r"))
        context.extradata = self._first.extradata
        context.options = dict(OPTIONS)
        context.skip_frame = "NONREF"
        self._context = context
        return context


def _decoded(context: VideoCodecContext, packet: "Packet[Stream] | None") -> list[VideoFrame]:
    """Decode a packet, or with None what the decoder still holds back."""
    try:
        return context.decode(packet)
    except av.error.FFmpegError as error:
        raise FallBack("damaged") from error
