"""Passages: cues joined where a sentence goes on from one to the next. Pure."""

from collections.abc import Iterable

from clipseek.timed import Cue

_GAP_S = 1.0
"""Seconds between two cues of one sentence at most."""
_LONGEST_S = 12.0
"""Seconds of a passage of several cues at most, so that a hit stays a moment."""
_GOES_ON = (",", "-", "–", "…", "...", ";", ":")


def passages(cues: Iterable[Cue]) -> list[Cue]:
    """Return what is searched as one text, in the order of time.

    A sentence goes on if its end is a comma, a dash or the like, or if the next cue begins with a
    small letter.
    """
    found: list[Cue] = []
    for cue in cues:
        if found and _continues(found[-1], cue):
            last = found[-1]
            found[-1] = Cue(last.start, cue.end, f"{last.text} {cue.text}", last.language)
        else:
            found.append(cue)
    return found


def _continues(one: Cue, other: Cue) -> bool:
    if one.language != other.language or not 0 <= other.start - one.end <= _GAP_S:
        return False
    if other.end - one.start > _LONGEST_S:
        return False
    return one.text.endswith(_GOES_ON) or other.text[:1].islower()
