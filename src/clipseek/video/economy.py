"""Which frames of a group of pictures are worth decoding for the times asked for. Pure.

A group is what a container holds from one keyframe up to the next, in the order of decoding; its
stamps are presentation times in any integer unit. A frame builds on others that come before it in
that order, so that decoding may end with the last frame that is needed.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """What to decode of a group.

    `shown` has for each wanted time the stamp of the frame to hand on; it may be the following
    keyframe. `count` is how many packets are to be decoded, from the first on.
    """

    shown: tuple[int, ...]
    count: int


def plan(
    stamps: Sequence[int], wanted: Iterable[int], *, keys: Sequence[int], reach: int | None
) -> Plan:
    """Plan a group that may be left before its end.

    Args:
        stamps: The presentation times of the frames, in the order of decoding.
        wanted: The times asked for, ascending; of each, the frame shown at it is meant.
        keys: The stamps of the keyframes that may stand for a frame that is meant: of this group
            and of the following.
        reach: How far from the frame that is meant they may be; None: anywhere.
    """
    meant = _shown_at(stamps, wanted)
    stand_ins = [_nearest(stamp, keys, reach) for stamp in meant]
    needed = {stamp if key is None else key for stamp, key in zip(meant, stand_ins, strict=True)}
    count = max((i + 1 for i, stamp in enumerate(stamps) if stamp in needed), default=0)
    decoded = set(stamps[:count])
    shown = (
        stamp if key is None or stamp in decoded else key
        for stamp, key in zip(meant, stand_ins, strict=True)
    )
    return Plan(tuple(shown), count)


def whole(stamps: Sequence[int], wanted: Iterable[int]) -> Plan:
    """Plan a group that is decoded to its end: each frame that is meant is at hand."""
    return Plan(tuple(_shown_at(stamps, wanted)), len(stamps))


def _shown_at(stamps: Sequence[int], wanted: Iterable[int]) -> list[int]:
    ordered = sorted(stamps)
    return [ordered[max(0, bisect_right(ordered, time) - 1)] for time in wanted]


def _nearest(stamp: int, keys: Sequence[int], reach: int | None) -> int | None:
    """Return the nearest of the keyframes, if it is within reach."""
    key = min(keys, key=lambda key: abs(key - stamp), default=None)
    is_near = key is not None and (reach is None or abs(key - stamp) <= reach)
    return key if is_near else None
