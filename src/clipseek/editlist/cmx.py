"""Edit lists as CMX 3600 (SMPTE 258M), which nearly every editing program reads."""

from collections.abc import Sequence

from clipseek.editlist.cuts import (
    Cut,
    drops,
    frames,
    is_dropped,
    origin,
    plain,
    standard,
    timecode,
)
from clipseek.errors import InvalidQuery


def edl(title: str, cuts: Sequence[Cut]) -> str:
    """Return the list: one event for each moment, one after the other from 00:00:00:00 on.

    Raises:
        InvalidQuery: the moments have no common frame rate, or one without a timecode.
    """
    rates = sorted({standard(cut.rate) for cut in cuts})
    if len(rates) != 1:
        said = ", ".join(map(str, rates)) or "none"
        raise InvalidQuery(
            f"moments of an edl must be of videos with one frame rate, got {said}; make a list for "
            "each rate, or choose the format fcpxml"
        )
    (rate,) = rates
    kind = "DROP FRAME" if drops(rate) else "NON-DROP FRAME"
    lines = [f"TITLE: {plain(title)}", f"FCM: {kind}", ""]
    begun = 0
    for number, cut in enumerate(cuts, 1):
        first, last = frames(cut)
        until = begun + last - first
        of_video = [
            timecode(origin(cut) + frame, rate, is_dropped=is_dropped(cut))
            for frame in (first, last)
        ]
        times = " ".join([*of_video, timecode(begun, rate), timecode(until, rate)])
        lines += [
            f"{number:03d}  AX       V     C        {times}",
            f"* FROM CLIP NAME: {plain(cut.title)}",
            f"* SOURCE FILE: {plain(cut.uri)}",
        ]
        if cut.name:
            lines.append(f"* COMMENT: {plain(cut.name)}")
        begun = until
    return "\n".join(lines) + "\n"
