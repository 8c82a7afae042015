"""Which packets of a group of pictures are decoded, and which frame is shown for each time. Pure.

A requested frame is decoded with all frames that it references. If a keyframe is near enough, it is
shown instead. A group is decoded only up to the last frame that is needed, unless the rest may have
a cut between shots.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from clipseek.video.groups import Group

# A packet with more than this share of its keyframe's bytes may begin a shot, because a new shot
# cannot be predicted from the old one. A group with such a packet is decoded to its end.
_NEW_SHOT = 0.5
# The sizes of two keyframes in a row differ by less than this factor if they are of one shot.
_OTHER_KEY = 1.5


@dataclass(frozen=True, slots=True)
class Aim:
    """What a video is decoded for; lengths are in the ticks of its stream.

    `reach` is how far a keyframe may be from the frame that is shown at a time, to be shown
    instead. None means any distance: then keyframes alone are decoded. `step` is the length of a
    frame. If keyframes are nearer to each other than `shortest_shot`, not all are checked for cuts.
    """

    reach: int | None
    finds_cuts: bool
    step: int
    shortest_shot: int

    @property
    def is_keyframes(self) -> bool:
        """Whether keyframes alone are decoded."""
        return self.reach is None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to decode of a group, and what the plan for the next group must know.

    `shown` has for each wanted time the stamp of the frame to hand on; it may be the following
    keyframe. `count` is how many packets are to be decoded, from the first on.

    `begins_anew` says that packets were left out before the group, so the decoder must be flushed.
    `key_may_be_cut` is False if the keyframe continues the shot before it.
    """

    shown: tuple[int, ...] = ()
    count: int = 0
    begins_anew: bool = False
    key_may_be_cut: bool = True
    leaves_out: bool = False
    decoded_to: int | None = None
    key_bytes: int = 0
    length: int = 0
    is_usual: bool = False


START = Plan()
"""The plan before the first group."""


def plan(
    group: Group,
    following: Group | None,
    wanted: Sequence[int],
    *,
    aim: Aim,
    before: Plan = START,
) -> Plan:
    """Plan a group.

    Args:
        group: The group.
        following: The next one; None behind the last.
        wanted: The ticks asked for that come before the following group, ascending.
        aim: What is decoded for.
        before: The plan for the group before.
    """
    key_bytes = group.sizes_bytes[0] if group.is_key else before.key_bytes
    length, is_usual = _length(group, following, aim, before)
    shown, count = _fewest(group, following, wanted, aim=aim, is_usual=is_usual)
    is_needed = group.stamps[0] in before.shown or _looks_for_cuts(group, aim, before)
    count = max(count, int(is_needed))
    if not aim.is_keyframes and not _may_stop(
        group, count, following, aim=aim, key_bytes=key_bytes, is_usual=is_usual
    ):
        shown, count = tuple(_shown_at(group.stamps, wanted)), len(group.stamps)
    begins_anew = before.leaves_out and count > 0
    return Plan(
        shown,
        count,
        begins_anew=begins_anew,
        key_may_be_cut=not (begins_anew and aim.is_keyframes and before.is_usual),
        leaves_out=count < len(group.stamps),
        decoded_to=max(group.stamps[:count], default=before.decoded_to),
        key_bytes=key_bytes,
        length=length,
        is_usual=is_usual,
    )


def _length(group: Group, following: Group | None, aim: Aim, before: Plan) -> tuple[int, bool]:
    """Return the length of a group, and whether it is that of the group before.

    Encoders end a group early if a new shot begins. If the following group is open, that is, if it
    needs this one, the length says nothing and is 0; then the next closed group may begin a shot.
    """
    if not group.is_key or following is None or following.clean_key is None:
        return 0, False
    length = following.clean_key - group.stamps[0]
    return length, abs(length - before.length) <= aim.step


def _fewest(
    group: Group, following: Group | None, wanted: Sequence[int], *, aim: Aim, is_usual: bool
) -> tuple[tuple[int, ...], int]:
    """Return what is shown for each wanted time, and the least number of packets for it."""
    keys = _stand_ins(group, following, aim=aim, is_usual=is_usual)
    if aim.is_keyframes and not keys:
        # This is a later part of a group that is too long to be held: it has no keyframe.
        return (), 0
    meant = _shown_at(group.stamps, wanted)
    instead = [_nearest(stamp, keys, aim.reach) for stamp in meant]
    needed = {stamp if key is None else key for stamp, key in zip(meant, instead, strict=True)}
    count = max((i + 1 for i, stamp in enumerate(group.stamps) if stamp in needed), default=0)
    decoded = set(group.stamps[:count])
    shown = (
        stamp if key is None or stamp in decoded else key
        for stamp, key in zip(meant, instead, strict=True)
    )
    return tuple(shown), count


def _stand_ins(
    group: Group, following: Group | None, *, aim: Aim, is_usual: bool
) -> tuple[int, ...]:
    """Return the keyframes that may be shown for frames of the group.

    The following keyframe is one if the group has the usual length: else it may be the first frame
    of a new shot.
    """
    if not group.is_key:
        return ()
    own, next_key = group.stamps[0], None if following is None else following.clean_key
    if next_key is None or not (is_usual or aim.is_keyframes):
        return (own,)
    return own, next_key


def _may_stop(
    group: Group,
    count: int,
    following: Group | None,
    *,
    aim: Aim,
    key_bytes: int,
    is_usual: bool,
) -> bool:
    """Say whether decoding may leave the group after its first `count` packets.

    If cuts are to be found, no shot may begin in the rest of the group, or with the next group.
    """
    if following is not None and following.clean_key is None:
        return False
    if not aim.finds_cuts:
        return True
    limit = _NEW_SHOT * key_bytes
    is_of_one_shot = all(size <= limit for size in group.sizes_bytes[count:])
    if following is None:
        return is_of_one_shot
    is_alike = 1 / _OTHER_KEY < following.sizes_bytes[0] / key_bytes < _OTHER_KEY
    return is_usual and is_alike and is_of_one_shot


def _looks_for_cuts(group: Group, aim: Aim, before: Plan) -> bool:
    """Say whether the group's keyframe must be decoded because it may begin a shot."""
    if not aim.finds_cuts or not group.is_key:
        return False
    return before.decoded_to is None or group.stamps[0] - before.decoded_to >= aim.shortest_shot


def _shown_at(stamps: Sequence[int], wanted: Iterable[int]) -> list[int]:
    ordered = sorted(stamps)
    return [ordered[max(0, bisect_right(ordered, time) - 1)] for time in wanted]


def _nearest(stamp: int, keys: Sequence[int], reach: int | None) -> int | None:
    """Return the nearest of the keyframes, if it is within reach."""
    key = min(keys, key=lambda key: abs(key - stamp), default=None)
    is_near = key is not None and (reach is None or abs(key - stamp) <= reach)
    return key if is_near else None
