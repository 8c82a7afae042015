"""The cues that are stored: in the order of time, within the video, plain text. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from clipseek.timed import MAX_CUES, MAX_TEXT, Cue

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{1,8}){0,3}")
_LEAST_S = 0.001
"""Seconds of a cue whose end is that of the video, cut to the precision of subtitle formats."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """The cues that are stored, and what is wrong with the others, in words; empty if nothing."""

    cues: tuple[Cue, ...]
    problem: str


def fitted(cues: Iterable[Cue], duration: float) -> Fitted:
    """Return the cues of a video of `duration` seconds as they are stored.

    They are ordered by time, each once. One that reaches past the end is cut there, one that begins
    past it is dropped, and so is one that ends before it begins. Cues without a text do not count.
    """
    found: dict[Cue, None] = {}
    late = reversed_ = 0
    for cue in cues:
        text = plain(cue.text)
        if not text:
            continue
        start, end = max(0.0, cue.start), min(cue.end, duration)
        if not cue.start < cue.end:
            reversed_ += 1
        elif end - start < _LEAST_S:
            late += 1
        else:
            found[Cue(start, end, text, language(cue.language))] = None
    kept = tuple(sorted(found)[:MAX_CUES])
    problems = [
        _counted(reversed_, "ends before it begins", "end before they begin"),
        _counted(late, "is past the end of the video", "are past the end of the video"),
        _counted(
            len(found) - len(kept),
            f"is past the first {MAX_CUES}",
            f"are past the first {MAX_CUES}",
        ),
    ]
    return Fitted(kept, "; ".join(filter(None, problems)))


def plain(text: str) -> str:
    """Return a text on one line, of characters that databases store, not longer than is stored."""
    return " ".join(_UNSTORABLE.sub("\ufffd", text).split())[:MAX_TEXT].rstrip()


def language(tag: str) -> str:
    """Return a tag of a language in small letters, or nothing if it is not one."""
    small = tag.strip().replace("_", "-").lower()
    return small if _LANGUAGE.fullmatch(small) and small != "und" else ""


def _counted(count: int, one: str, more: str) -> str:
    if not count:
        return ""
    return (
        f"1 subtitle {one} and is left out"
        if count == 1
        else f"{count} subtitles {more} and are left out"
    )
