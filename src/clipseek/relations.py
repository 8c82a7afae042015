"""Relations of place: whether one object is left of, right of, above or below another. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from clipseek.parts import is_unicode
from clipseek.tracked import Track

Place = Literal["left_of", "right_of", "above", "below"]
PLACES: tuple[Place, ...] = get_args(Place)
MARGIN = 0.1
"""How far apart the middles of two boxes are at least, unless a rule says."""
MAX_CLASS_CHARACTERS = 100
_AXES: Mapping[Place, tuple[int, float]] = {
    "left_of": (0, 1.0),
    "right_of": (0, -1.0),
    "above": (1, 1.0),
    "below": (1, -1.0),
}
"""The axis of each place, and the sign of the way from the first object to the other."""
_TIME = 3
"""Digits of seconds, as objects are stored: frames of two tracks are the same by their time."""

Held = tuple[float, float, float]
"""A span in which a relation holds, in seconds, [start, end), and how sure the boxes are."""


@dataclass(frozen=True, slots=True)
class Relation:
    """Where an object of one class is, seen from one of another class.

    of, to: Names of classes of the detector. place: Where the first one is. margin: How far apart
    the middles of their boxes are at least, as a fraction of the frame's width (left and right) or
    of its height (above and below), in [0, 1). shows: Sentences that pictures must all fit, such
    as one for each object.
    """

    of: str
    to: str
    place: Place
    margin: float = MARGIN
    shows: tuple[str, ...] = ()

    def content(self) -> dict[str, Any]:
        """Return the relation as files of rules have it."""
        values = {"of": self.of, "to": self.to, "is": self.place, "margin": self.margin}
        return {**values, "shows": list(self.shows)} if self.shows else values

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> "Relation":
        """Return the relation that `content` was written of."""
        of, to, place, margin = (content[name] for name in ("of", "to", "is", "margin"))
        return cls(of, to, place, margin, tuple(content.get("shows", ())))

    def problem(self) -> str | None:
        """Return what is wrong with the relation, or None."""
        for side, name in (("of", self.of), ("to", self.to)):
            if not 1 <= len(name.strip()) <= MAX_CLASS_CHARACTERS or not is_unicode(name):
                return (
                    f"relation.{side} must be the name of a class of the detector, of 1 to "
                    f"{MAX_CLASS_CHARACTERS} characters, got {name[:MAX_CLASS_CHARACTERS]!r}"
                )
        if self.place not in PLACES:
            return f"relation.is must be one of {', '.join(PLACES)}, got {self.place[:80]!r}"
        if not (math.isfinite(self.margin) and 0 <= self.margin < 1):
            return f"relation.margin must be at least 0 and less than 1, got {self.margin:g}"
        return None


def held(relation: Relation, tracks: Sequence[Track]) -> list[Held]:
    """Return the spans from frame to frame in which a relation holds, by start.

    A span begins with a frame that shows both objects and ends where the next frame of one of them
    begins, or where one is not seen any more. How sure it is is the smaller confidence of both;
    spans of several pairs may overlap.
    """
    firsts = _by_time(track for track in tracks if track.label == relation.of)
    others = _by_time(track for track in tracks if track.label == relation.to)
    axis, sign = _AXES[relation.place]
    found: dict[tuple[float, float], float] = {}
    for time in sorted(firsts.keys() & others.keys()):
        for one in firsts[time]:
            for other in others[time]:
                if sign * (other.middle[axis] - one.middle[axis]) > relation.margin:
                    span = time, min(one.end, other.end)
                    sure = min(one.confidence, other.confidence)
                    found[span] = max(found.get(span, 0.0), sure)
    return [(start, end, sure) for (start, end), sure in sorted(found.items())]


@dataclass(frozen=True, slots=True)
class _Seen:
    """An object in one frame, and when its next frame begins."""

    middle: tuple[float, float]
    end: float
    confidence: float


def _by_time(tracks: Iterable[Track]) -> dict[float, list[_Seen]]:
    """Return the objects of each frame, by its time in seconds."""
    found: dict[float, list[_Seen]] = {}
    for track in tracks:
        times = np.round([*track.times.tolist(), track.span.end], _TIME).tolist()
        for row, (left, top, right, bottom) in enumerate(track.boxes.tolist()):
            middle = (left + right) / 2, (top + bottom) / 2
            seen = _Seen(middle, times[row + 1], track.confidence)
            found.setdefault(times[row], []).append(seen)
    return found
