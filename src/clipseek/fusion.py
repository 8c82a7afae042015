"""Fusion: moments of pictures and passages of words become one order. Pure.

Relevance of both is in [0, 1] and means the same, so a hit has that of the field that matches best,
and hits are ordered by it. Pictures stay in their own order, which is that of their scores: one
counts no more for its place than the least relevant one before it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from clipseek.timed import Span

_HALF = 0.5


class Place(NamedTuple):
    """Where something is: the seconds `[start, end)` of a video."""

    video_id: str
    start: float
    end: float


class Group(NamedTuple):
    """What becomes one hit: a moment of pictures, if any, and passages, best first, as numbers."""

    picture: int | None
    texts: tuple[int, ...]
    relevance: float


def fused(
    pictures: Sequence[Place],
    seen: Sequence[float],
    texts: Sequence[Place],
    said: Sequence[float],
    anchors: Sequence[int],
) -> list[Group]:
    """Return the hits, best first.

    Args:
        pictures: Moments, in their order; those of one video do not overlap.
        seen: The relevance of each.
        texts: The segment that each passage is shown by (`shown_by`), by falling relevance of the
            passages. It is a part of a moment of pictures, or of none.
        said: The relevance of each passage.
        anchors: The ids of these segments; passages of one segment are one hit.
    """
    where: dict[str, list[int]] = {}
    for i, place in enumerate(pictures):
        where.setdefault(place.video_id, []).append(i)
    joined: dict[int, list[int]] = {}
    alone: dict[int, list[int]] = {}
    for i, place in enumerate(texts):
        mine = (j for j in where.get(place.video_id, ()) if _contains(pictures[j], place.start))
        picture = next(mine, None)
        if picture is None:
            alone.setdefault(anchors[i], []).append(i)
        else:
            joined.setdefault(picture, []).append(i)
    groups = []
    least = 1.0
    for i, relevance in enumerate(seen):
        least = min(least, relevance)
        own = joined.get(i, [])
        groups.append(Group(i, tuple(own), max([least, *(said[j] for j in own)])))
    groups += [Group(None, tuple(own), said[own[0]]) for own in alone.values()]
    # Sorting is stable: equal ones stay in the order of pictures, and those precede passages alone.
    return sorted(groups, key=lambda group: -group.relevance)


def shown_by(
    passage: Span, spans: Sequence[Span], best_times: Sequence[float]
) -> tuple[int, float]:
    """Return which of the segments of a video shows a passage, and at which second.

    It is the longest one there whose best frame is in the passage. If there is none, it is the
    longest one there, in the middle of what both share. The time is always in the passage.

    Args:
        passage: The stretch of the passage.
        spans: Segments, at least one.
        best_times: The best frame of each, in seconds.
    """
    inside = [passage.start <= time < passage.end for time in best_times]
    best = max(range(len(spans)), key=lambda i: (inside[i], passage.overlap(spans[i])))
    if inside[best]:
        return best, best_times[best]
    start, end = passage.start, passage.end
    if passage.overlap(spans[best]):
        start, end = max(start, spans[best].start), min(end, spans[best].end)
    return best, (start + end) / 2


def heard_in(passage: Span, spans: Sequence[Span]) -> list[int]:
    """Return in which of some segments a passage is, as places, of those that it meets.

    A passage often begins a little before a cut or ends after it. So it is in each segment with
    which it shares half of the shorter one of both, or else in the one with which it shares most.
    """
    shared = [passage.overlap(span) for span in spans]
    found = [
        i for i, span in enumerate(spans) if shared[i] >= _HALF * min(passage.length, span.length)
    ]
    return found or ([shared.index(max(shared))] if spans else [])


def _contains(place: Place, time: float) -> bool:
    return place.start <= time < place.end
