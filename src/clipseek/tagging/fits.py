"""How well a rule fits the segments of one video, and the spans that it gives its tag. Pure.

The relevance of a segment is that of the prompt that fits best, composed with the exclusion that
fits best as a search composes what is wanted with what is not (see `composition`). It is computed
for one video and one rule at a time, so that no other video or rule can change a last bit. A rule
with a relation divides segments where the relation begins and ends; the relevance is 0 where it
does not hold. Elsewhere it is multiplied by how sure the boxes are or, if the relation has
sentences of its own, by the relevance of the one that fits least: what pictures say of what is
there is right more often than the detector, and where it is, only the boxes say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from clipseek.composition import Curves, combined
from clipseek.live.hours import is_within
from clipseek.matching import logistic
from clipseek.ranking import ADJACENT_S
from clipseek.relations import Held, held
from clipseek.rules import Rule
from clipseek.stored import SegmentBlock
from clipseek.tracked import Track

Floats = NDArray[np.float64]
Span = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A rule with the vectors of its sentences.

    prompts: float32 (P, dim), unit rows; P is 0 only if the rule has a relation alone.
    exclusions: float32 (E, dim), unit rows; E may be 0.
    shows: float32 (N, dim), unit rows, of the sentences of the relation; N may be 0.
    """

    rule: Rule
    prompts: NDArray[np.float32]
    exclusions: NDArray[np.float32]
    shows: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The segments of one video in the order of time.

    spans: float64 (S, 2) seconds. biases: float32 (S,). vectors: float32 (S, dim), unit rows.
    tracks: The objects of the video; rules with a relation need them.
    """

    spans: Floats
    biases: NDArray[np.float32]
    vectors: NDArray[np.float32]
    tracks: Sequence[Track] = ()

    @classmethod
    def of(cls, block: SegmentBlock, tracks: Sequence[Track] = ()) -> "Seen":
        """Take the segments of a block, which are in the order of time."""
        return cls(block.spans, block.biases, block.vectors, tracks)


def relevance(asked: Asked, seen: Seen, curves: Curves) -> Floats:
    """Return how well a rule fits each whole segment, float64 (S,) in [0, 1]."""
    fits, spells = _said(asked, seen, curves), _spells(asked, seen)
    return fits if spells is None else fits * _placed(seen.spans, spells)


def judged(asked: Asked, seen: Seen, curves: Curves) -> tuple[Floats, Floats]:
    """Return the spans that a rule judges, float64 (M, 2) seconds, and its relevance, float64 (M,).

    They are the segments, each divided where the relation of the rule begins or ends.
    """
    fits, spells = _said(asked, seen, curves), _spells(asked, seen)
    if spells is None:
        return seen.spans, fits
    spans, rows = _divided(seen.spans, spells)
    return spans, fits[rows] * _placed(spans, spells)


def _spells(asked: Asked, seen: Seen) -> list[Held] | None:
    """Return where the relation of a rule holds, or None if it has none.

    Boxes are taken as sure if sentences say what is there.
    """
    if asked.rule.relation is None:
        return None
    spells = held(asked.rule.relation, seen.tracks)
    return [(start, end, 1.0) for start, end, _ in spells] if len(asked.shows) else spells


def _divided(spans: Floats, spells: Sequence[Held]) -> tuple[Floats, NDArray[np.int64]]:
    """Divide segments where a relation begins or ends; return the parts and whose each is."""
    edges = np.unique([edge for start, end, _ in spells for edge in (start, end)])
    parts: list[Span] = []
    rows: list[int] = []
    firsts = np.searchsorted(edges, spans[:, 0] + ADJACENT_S, side="right")
    lasts = np.searchsorted(edges, spans[:, 1] - ADJACENT_S, side="left")
    for row, (start, end) in enumerate(spans.tolist()):
        for edge in edges[firsts[row] : lasts[row]].tolist():
            if start + ADJACENT_S < edge:
                parts.append((start, edge))
                rows.append(row)
                start = edge
        parts.append((start, end))
        rows.append(row)
    return np.array(parts, np.float64).reshape(-1, 2), np.array(rows, np.int64)


def _placed(spans: Floats, spells: Sequence[Held]) -> Floats:
    """Return how sure it is that a relation holds somewhere in each span, in the order of time."""
    found = np.zeros(len(spans))
    for start, end, sure in spells:
        first = np.searchsorted(spans[:, 1], start + ADJACENT_S, side="right")
        last = np.searchsorted(spans[:, 0], end - ADJACENT_S, side="left")
        np.maximum(found[first:last], sure, out=found[first:last])
    return found


def _said(asked: Asked, seen: Seen, curves: Curves) -> Floats:
    """Return how well the sentences of a rule fit each segment; 1 if it has none."""
    fits = np.ones(len(seen.spans))
    if not len(fits):
        return fits
    if len(asked.shows):
        fits *= logistic(_logits(asked.shows, seen, curves).min(axis=0))
    if not len(asked.prompts):
        return fits
    wanted = _logits(asked.prompts, seen, curves).max(axis=0)
    if not len(asked.exclusions):
        return fits * logistic(wanted)
    both = np.stack([wanted, _logits(asked.exclusions, seen, curves).max(axis=0)], axis=1)
    return fits * logistic(combined(both, np.array([1.0, -1.0])))


def _logits(sentences: NDArray[np.float32], seen: Seen, curves: Curves) -> Floats:
    """Return how well each sentence fits each segment, as logits, float64 (N, S)."""
    biases = seen.biases.astype(np.float64)
    cosines = (seen.vectors @ sentences.T).astype(np.float64)
    return np.stack([curves.logits(column, biases, is_sentence=True) for column in cosines.T])


def is_for(rule: Rule, starts: Floats, stream: str, recorded_at: str) -> NDArray[np.bool_]:
    """Return which segments of a video a rule is for, by its cameras and hours, bool (S,).

    A segment belongs to the hours in which it begins. A rule with hours is for none of a video
    whose time of recording is not known.

    Args:
        rule: The rule.
        starts: float64 (S,), when the segments begin, seconds of the video.
        stream: The camera of the video, or empty.
        recorded_at: When the video begins, RFC 3339, or empty.
    """
    is_theirs = rule.cameras is None or stream in rule.cameras
    if rule.hours is None:
        return np.full(len(starts), is_theirs)
    if not is_theirs or not recorded_at:
        return np.zeros(len(starts), np.bool_)
    begin = datetime.fromisoformat(recorded_at).timestamp()
    return np.array([is_within(rule.hours, begin + start) for start in starts.tolist()], np.bool_)


def inside(spans: Floats, decided: Sequence[Span]) -> NDArray[np.bool_]:
    """Return which segments have their middle in one of some spans, bool (S,)."""
    middles = spans.mean(axis=1)
    found = np.zeros(len(spans), np.bool_)
    for start, end in decided:
        found |= (middles >= start) & (middles < end)
    return found


def merged(
    spans: Floats, fits: Floats, chosen: NDArray[np.bool_]
) -> list[tuple[float, float, float]]:
    """Return spans of adjacent chosen segments, each with its highest relevance."""
    found: list[tuple[float, float, float]] = []
    for row in np.flatnonzero(chosen).tolist():
        (start, end), fit = spans[row].tolist(), float(fits[row])
        if found and start - found[-1][1] <= ADJACENT_S:
            first, last, best = found[-1]
            found[-1] = (first, max(last, end), max(best, fit))
        else:
            found.append((start, end, fit))
    return found


def highest(spans: Floats, fits: Floats, span: Span) -> float:
    """Return the highest relevance of the segments that a span shows; 0 if it shows none."""
    start, end = span
    shown = (spans[:, 0] < end - ADJACENT_S) & (spans[:, 1] > start + ADJACENT_S)
    return float(fits[shown].max()) if shown.any() else 0.0
