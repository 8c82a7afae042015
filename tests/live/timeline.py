"""What a catalog has of a camera in time: covered spans, gaps, and what is there twice. Pure."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Spell:
    """A span of the wall clock, seconds since 1970."""

    start: float
    end: float


def gaps(covered: Iterable[Spell], first: float, last: float) -> list[Spell]:
    """Return what is not covered between two times."""
    found, at = [], first
    for each in sorted(covered):
        if each.start > at:
            found.append(Spell(at, min(each.start, last)))
        at = max(at, each.end)
        if at >= last:
            break
    if at < last:
        found.append(Spell(at, last))
    return [each for each in found if each.end > each.start]


def overlaps(covered: Iterable[Spell], tolerated_s: float) -> list[Spell]:
    """Return what is covered twice for longer than is tolerated."""
    ordered, found = sorted(covered), []
    for before, after in itertools.pairwise(ordered):
        both = min(before.end, after.end) - after.start
        if both > tolerated_s:
            found.append(Spell(after.start, after.start + both))
    return found


def unexplained(missing: Sequence[Spell], outages: Sequence[Spell], spare_s: float) -> list[Spell]:
    """Return the gaps, longer than `spare_s`, that are not inside an outage.

    Each outage is widened by `spare_s` at its beginning: what a crash may lose.
    """
    explained = [Spell(each.start - spare_s, each.end) for each in outages]
    found = []
    for gap in missing:
        rest = gaps(explained, gap.start, gap.end)
        if sum(each.end - each.start for each in rest) > spare_s:
            found.append(gap)
    return found
