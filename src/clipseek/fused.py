"""What matches a sentence by pictures and by words: moments of both that meet become one."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from clipseek import calibration, fusion
from clipseek.library.parts import segments_at, vectors_of
from clipseek.library.view import View
from clipseek.matching import MATCHING, Judged, Match
from clipseek.query import Query
from clipseek.ranking import Moment
from clipseek.texts.index import Said
from clipseek.timed import PICTURE, FieldHit, Span
from clipseek.types import Scoring
from clipseek.vectors import Asked

_TEXTS = 5
"""Passages that a hit names at most, the best ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Fused:
    """The hits of one query, best first. Every page compares the same, so there are no `further`.

    good: How many of them match. more: Whether more may match than were compared.
    """

    hits: Sequence[Judged]
    good: int
    more: bool
    enough: float
    further: bool = False

    @classmethod
    def of(cls, query: Query, match: Match, asked: Asked, view: View, scoring: Scoring) -> Self:
        """Let the moments of pictures and the passages that match meet."""
        only, least = query.filters.of_videos, query.filters.min_relevance
        allowed = None
        if only is not None:
            allowed = frozenset[str]().union(*(part.videos(only) for part in view.parts))
        said, more_said = view.words.search(query.text, fields=query.fields, only=allowed)
        seen = match.made(slice(None)) if PICTURE in query.fields else []
        hits = _joined(seen, said, asked, view, scoring)
        if least:
            hits = [hit for hit in hits if hit.relevance >= least]
        enough = least or MATCHING
        good = sum(hit.relevance >= enough for hit in hits)
        more = more_said or (PICTURE in query.fields and match.more)
        return cls(hits, good, more, enough)

    def __len__(self) -> int:
        return len(self.hits)

    def page(self, query: Query) -> slice:
        """Return where the hits of a page are among all, if no video is gone."""
        start = 0
        if query.after is not None:
            ids = [hit.moment.segment_id for hit in self.hits]
            # Every page compares the same, so it is there, unless a page had no hit.
            here = query.after.segment_id
            start = ids.index(here) + 1 if here in ids else 0
        return slice(start, start + query.size)

    def before(self, query: Query, gone: AbstractSet[str]) -> NDArray[np.int64]:
        """Return the segments of the hits before a page, without videos that are gone."""
        before = self.hits[: self.page(query).start]
        ids = [hit.moment.segment_id for hit in before if hit.moment.video_id not in gone]
        return np.array(ids, np.int64)

    def counts(self, gone: AbstractSet[str]) -> tuple[int, int]:
        """Return how many hits match and in how many videos, without those that are gone."""
        videos = [
            hit.moment.video_id
            for hit in self.hits
            if hit.relevance >= self.enough and hit.moment.video_id not in gone
        ]
        return len(videos), len(set(videos))

    def made(self, page: slice) -> list[Judged]:
        """Return some of the hits."""
        return list(self.hits[page])


def _joined(
    seen: Sequence[Judged], said: Sequence[Said], asked: Asked, view: View, scoring: Scoring
) -> list[Judged]:
    """Let each passage join the moment that it is in, or become one of its own."""
    at, shown = _anchors(said, asked, view, scoring)
    groups = fusion.fused(
        [_place(one) for one in seen],
        [one.relevance for one in seen],
        [_place(shown[segment]) for segment in at],
        [each.hit.relevance for each in said],
        at,
    )
    hits = []
    for group in groups:
        texts = [said[i].hit for i in group.texts]
        anchor = shown[at[group.texts[0]]] if group.picture is None else seen[group.picture]
        hits.append(_hit(anchor, texts, is_seen=group.picture is not None))
    return hits


def _place(one: Judged) -> fusion.Place:
    span = one.moment.span
    return fusion.Place(one.moment.video_id, span.start, span.end)


def _hit(one: Judged, texts: Sequence[FieldHit], *, is_seen: bool) -> Judged:
    """Make a hit of a moment of pictures and what is said in it; the better one gives its span."""
    picture = FieldHit(PICTURE, one.relevance, one.moment.span)
    fields = (*((picture,) if is_seen else ()), *texts[:_TEXTS])
    best = max(fields, key=lambda field: field.relevance)
    moment = one.moment._replace(span=best.span)
    return one._replace(moment=moment, relevance=best.relevance, fields=fields)


def _anchors(
    said: Sequence[Said], asked: Asked, view: View, scoring: Scoring
) -> tuple[list[int], Mapping[int, Judged]]:
    """Return the segment that is shown in the middle of each passage, and each as a moment."""
    middles = [(each.video_id, (each.hit.span.start + each.hit.span.end) / 2) for each in said]
    at = segments_at(view.parts, middles)
    ids = np.unique(at)
    rows = view.rows(ids)
    scores = vectors_of(view.parts, ids) @ asked.vector
    evidence = calibration.evidence(scores.astype(np.float64), rows.biases, scoring.logit_scale)
    fits = calibration.relevance(evidence, view.collection.relevance or scoring.relevance)
    shown = {}
    for i, segment in enumerate(ids.tolist()):
        span = rows.spans[i].tolist()
        moment = Moment(
            segment,
            str(rows.video_ids[i]),
            Span(*span),
            float(rows.best_times[i]),
            float(scores[i]),
            float(rows.biases[i]),
        )
        shown[segment] = Judged(moment, float(evidence[i]), float(fits[i]))
    return at.tolist(), shown
