"""SparseDecoder: decodes no more of a video than the requested times and the cuts need.

Frames that no other frame references are left out, unless they were asked for. So is the loop
filter, which only smooths.
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain, pairwise
from typing import Literal

from av.packet import Packet
from av.stream import Stream

from clipseek.video.container import Opened
from clipseek.video.decoding import Decoding, Differ, Frames
from clipseek.video.exact import ExactDecoder
from clipseek.video.groups import FallBack, Group, Groups
from clipseek.video.keyframes import leave_out_others
from clipseek.video.planning import START, Aim, Plan, plan
from clipseek.video.selection import TOLERANCE, Requests
from clipseek.video.timestamps import Ticks, stated_end

Sparse = Literal["fast", "keyframes"]

# How far a keyframe may be from the frame that is shown at a time, to be shown instead.
_REACH_S = Fraction(1, 5)
# If keyframes are nearer to each other than this, not all of them are checked for cuts.
_SHORTEST_SHOT_S = Fraction(3, 10)


class SparseDecoder:
    """Decodes an opened video once, from its start, as sparsely as the requested times allow.

    A frame passes three steps: `Groups` yields its packet with the group of pictures, `plan`
    decides which packets of the group are decoded, and `Decoding` decodes them.
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
        """Decode the frames that the requests need, and with `differ` those that cuts need.

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
        if not is_fast:
            leave_out_others(opened)
        context = opened.stream.codec_context
        self._decoding = Decoding(
            context, ticks, reach=self._aim.reach, differ=differ if is_fast else None
        )

    @property
    def end(self) -> Fraction:
        """When the last frame of the container ends, in seconds, even if it was not decoded."""
        last, length = self._groups.last or (0, 0)
        own = self._ticks.seconds(last + length)
        if self._groups.count == 1 and self._opened.claim is not None:
            return max(own, self._opened.claim)
        if not self._opened.states_end:
            return own
        begins, longest = self._ticks.seconds(last), self._begun.longest
        return stated_end(begins, own, self._opened.stream_end, longest)

    def describe_damage(self) -> str:
        """Say what is missing of the video, or return the empty string; after decoding."""
        return self._begun.describe_damage(self.end)

    def frames(self) -> Frames:
        """Yield the decoded frames, ascending.

        Raises:
            FallBack: from here on every frame must be decoded.
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
        """Plan a group for the requested times before the following group."""
        end = self.end if following is None else self._ticks.seconds(following.first)
        times = self._requests.take(end)
        wanted = [self._ticks.at(Fraction(time) + TOLERANCE) for time in times]
        planned = plan(group, following, wanted, aim=self._aim, before=before)
        self._requests.plan([self._ticks.seconds(stamp) for stamp in planned.shown], times)
        return planned


def _sound_packets(begun: ExactDecoder) -> "Iterator[Packet[Stream]]":
    """Yield the packets of a video as long as they are whole."""
    packets = begun.replay()
    if packets is None:
        raise FallBack("damaged")
    for packet in packets:
        if begun.is_damaged or packet.is_corrupt or packet.is_discard:
            raise FallBack("damaged or trimmed")
        yield packet
    if begun.is_damaged:
        raise FallBack("damaged")
