"""Joins the lines of text that are read in single pictures into passages of time. Pure."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import NamedTuple

from clipseek.texts.recognised import Recognised

CONFIDENT = 0.85
"""Lines below are dropped: shapes without text gave four strokes with 0.81; signs give 0.99."""
SHORT, SURE = 5, 0.95
"""Letters below which a line needs more confidence: two wheels were read as "oo" with 0.91."""
DIFFERENT = 2
"""Different letters and digits of a line: shapes are read as one, or as one several times."""
_ALIKE = 0.75
"""Share of equal letters of two readings of one text: one letter of four may be misread."""
_NEAR_LINES = 0.9
"""Gap between two lines of one text, in heights of a line."""


class Line(NamedTuple):
    """One line of text of a picture.

    `box` is (left, top, right, bottom) as fractions of width and height; `confidence` in [0, 1].
    """

    text: str
    confidence: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was read in the picture at a time in seconds; None if the picture was not read."""

    time: float
    lines: tuple[Line, ...] | None


@dataclass(frozen=True, slots=True)
class _Shown:
    """A text that was read; `until` is the time of the next picture, None if none came yet."""

    start: float
    line: Line
    until: float | None = None
    missed: bool = False


def passages(sightings: Iterable[Sighting], end: float) -> list[Recognised]:
    """Return each text from its first picture to the one after its last, in the order of time.

    A text that one picture misses, and the next one that is read has again, is one passage. Of
    several readings of a text, the most confident one is kept.

    Args:
        sightings: In ascending order of time.
        end: When the video ends, in seconds.
    """
    shown: list[_Shown] = []
    found: list[Recognised] = []
    for sighting in sightings:
        shown = [
            replace(each, until=sighting.time) if each.until is None else each for each in shown
        ]
        if sighting.lines is not None:
            shown, gone = _followed(shown, list(blocks(sighting.lines)), sighting.time)
            found += [_passage(each, end) for each in gone]
    found += [_passage(each, end) for each in shown]
    return sorted(each for each in found if each.start < each.end)


def _followed(
    shown: list[_Shown], lines: list[Line], time: float
) -> tuple[list[_Shown], list[_Shown]]:
    """Return what is shown after a picture was read, and what is gone for good."""
    still: list[_Shown] = []
    gone: list[_Shown] = []
    for each in shown:
        match = next((line for line in lines if _same(line, each.line)), None)
        if match is not None:
            lines.remove(match)
            better = max(each.line, match, key=lambda line: line.confidence)
            still.append(_Shown(each.start, better))
        elif each.missed:
            gone.append(each)
        else:
            still.append(replace(each, missed=True))
    return still + [_Shown(time, line) for line in lines], gone


def _passage(shown: _Shown, end: float) -> Recognised:
    until = end if shown.until is None else shown.until
    return Recognised(shown.start, until, shown.line.text, "", shown.line.confidence)


def blocks(lines: Sequence[Line]) -> Iterator[Line]:
    """Yield the confident texts of one picture; lines below each other are one text."""
    kept = [line._replace(text=normal(line.text)) for line in lines if _certain(line)]
    waiting = sorted(kept, key=lambda line: (line.box[1], line.box[0]))
    while waiting:
        block = waiting.pop(0)
        height = block.box[3] - block.box[1]
        while (below := _below(block, waiting, height)) is not None:
            waiting.remove(below)
            block = _joined(block, below)
        yield block


def _certain(line: Line) -> bool:
    letters = _key(line.text)
    needed = SURE if len(letters) < SHORT else CONFIDENT
    return len(set(letters)) >= DIFFERENT and line.confidence >= needed


def _below(block: Line, lines: Sequence[Line], height: float) -> Line | None:
    left, _, right, bottom = block.box
    return next(
        (
            line
            for line in lines
            if line.box[0] < right
            and line.box[2] > left
            and -height / 2 < line.box[1] - bottom < _NEAR_LINES * height
            and 0.5 < (line.box[3] - line.box[1]) / height < 2
        ),
        None,
    )


def _joined(one: Line, other: Line) -> Line:
    box = (
        min(one.box[0], other.box[0]),
        min(one.box[1], other.box[1]),
        max(one.box[2], other.box[2]),
        max(one.box[3], other.box[3]),
    )
    return Line(f"{one.text} {other.text}", min(one.confidence, other.confidence), box)


def normal(text: str) -> str:
    """Return a text with one space between words, and wide and narrow letters as usual ones."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _key(text: str) -> str:
    """Return the letters and digits of a text, which are what recognisers agree on."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _same(one: Line, other: Line) -> bool:
    first, second = _key(one.text), _key(other.text)
    return first == second or SequenceMatcher(None, first, second).ratio() >= _ALIKE
