"""Decoding: runs the plans of groups, and gives each frame its time and whether it may be a cut."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple, cast

import av
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from clipseek.video.groups import MAX_BYTES, FallBack, Group
from clipseek.video.planning import Plan
from clipseek.video.selection import Decoded
from clipseek.video.timestamps import Ticks

Frames = Iterator[Decoded[VideoFrame]]
Differ = Callable[[VideoFrame, VideoFrame], bool]

# More packets than that are not decoded a second time to find a cut.
_MOST_AGAIN_BYTES = 2 * MAX_BYTES

OPTIONS = {"skip_loop_filter": "all"}
"""What the decoder of a video is opened with: the loop filter only smooths."""


class _Awaited(NamedTuple):
    """The keyframe that the decoder must give next, and the packets left out before it."""

    stamp: int
    may_be_cut: bool
    left_out: "list[Packet[Stream]]"


class Decoding:
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

        If a frame that is to be shown does not come, a frame up to `reach` ticks before it is good
        enough. With `differ`, packets that were left out between two frames are decoded too, if
        there may be a cut between the frames.
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
        """Decode the planned packets of a group, and yield the frames that the decoder gives.

        A decoder holds frames back, so some come with a later group, or from `drain`.

        Raises:
            FallBack: a frame is damaged or missing.
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
            # A part of a group cannot be decoded again without the packets that it references.
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
        """Return the stamp of a frame, if the frame is whole and could come next."""
        stamp = frame.pts
        if stamp is None or frame.is_corrupt or (self._last is not None and stamp <= self._last[0]):
            raise FallBack("damaged, or frames out of order")
        if self._awaited is not None and not (frame.key_frame and stamp == self._awaited.stamp):
            raise FallBack("a keyframe that is not one")
        self._require(stamp)
        return stamp

    def _require(self, stamp: int | None) -> None:
        """Check that no frame is missing that had to come before a stamp, or with None at all.

        A decoder that may skip frames reports no error for a packet without a picture in it.
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
    """A second decoder for the same video, opened when it is first needed."""

    def __init__(self, context: VideoCodecContext) -> None:
        self._first = context
        self._context: VideoCodecContext | None = None

    def frames(self, packets: "list[Packet[Stream]]") -> Iterator[VideoFrame]:
        """Decode packets from a keyframe on."""
        context = self._context or self._opened()
        context.flush_buffers()
        for packet in [*packets, None]:
            yield from _decoded(context, packet)

    def _opened(self) -> VideoCodecContext:
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
