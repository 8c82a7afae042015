"""What matches a sentence by pictures and by words: moments of both that meet become one."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from clipseek import calibration, fusion
from clipseek.arranging import Found as Arranged
from clipseek.library.parts import segments_in, vectors_of
from clipseek.library.view import View
from clipseek.matching import MATCHING, TEXTS, Judged, Match
from clipseek.objects.index import Found
from clipseek.query import Query
from clipseek.ranking import Moment
from clipseek.spoken import matching_fields
from clipseek.texts.index import Said
from clipseek.texts.meanings import Sense
from clipseek.timed import PICTURE, FieldHit, Span
from clipseek.types import Scoring
from clipseek.vectors import Asked


@dataclass(frozen=True, slots=True, eq=False)
class Fused:
    """The hits of one query, best first. Every page compares the same, so there are no `further`.

    more: Whether more may match than were compared.
    """

    hits: Sequence[Judged]
    more: bool
    enough: float
    further: bool = False

    @classmethod
    def of(
        cls,
        query: Query,
        match: Match | None,
        asked: Asked,
        view: View,
        scoring: Scoring,
        sense: Sense | None = None,
    ) -> Self:
        """Let the moments of pictures and the passages that match meet.

        Without a match, words alone are searched. sense: What the sentence means, if that is known.
        """
        only, least = query.filters.of_videos, query.filters.min_relevance
        allowed = None if only is None else view.passing(only)
        said, more_said = matching_fields(
            view, query.text, asked.vector, query.fields, scoring, allowed, sense
        )
        said = view.fields.spans(said, only)
        seen = [] if match is None else match.made(slice(None))
        hits = _joined(seen, said, asked, view, scoring)
        if least:
            hits = [hit for hit in hits if hit.relevance >= least]
        enough = least or MATCHING
        more = more_said or (match is not None and match.more)
        return cls(hits, more, enough)

    def __len__(self) -> int:
        return len(self.hits)

    def found(self) -> Arranged:
        """Return what is known of all hits before they are arranged."""
        moments = [hit.moment for hit in self.hits]
        return Arranged(
            np.array([moment.segment_id for moment in moments], np.int64),
            [moment.video_id for moment in moments],
            np.array([moment.span.start for moment in moments]),
            np.array([moment.span.end for moment in moments]),
            np.array([hit.relevance >= self.enough for hit in self.hits], np.bool_),
        )

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
        return self.found().counts(gone)

    def made(self, page: slice | NDArray[np.int64]) -> list[Judged]:
        """Return some of the hits."""
        if isinstance(page, slice):
            return list(self.hits[page])
        return [self.hits[place] for place in page.tolist()]


def _joined(
    seen: Sequence[Judged],
    said: Sequence[Said | Found],
    asked: Asked,
    view: View,
    scoring: Scoring,
) -> list[Judged]:
    """Let each passage or object join the moment that it is in, or become one of its own."""
    shown = _shown(said, asked, view, scoring)
    said = [_placed(each, one) for each, one in zip(said, shown, strict=True)]
    groups = fusion.fused(
        [_place(one) for one in seen],
        [one.relevance for one in seen],
        [_place(one) for one in shown],
        [each.hit.relevance for each in said],
        [one.moment.segment_id for one in shown],
    )
    return [_hit(group, seen, said, shown) for group in groups]


def _place(one: Judged) -> fusion.Place:
    span = one.moment.span
    return fusion.Place(one.moment.video_id, span.start, span.end)


def _placed(each: Said | Found, shown: Judged) -> Said | Found:
    """Return an object with its place in the thumbnail that it is shown by, if it is there."""
    return each.shown(shown.moment.best_time) if isinstance(each, Found) else each


def _hit(
    group: fusion.Group,
    seen: Sequence[Judged],
    said: Sequence[Said | Found],
    shown: Sequence[Judged],
) -> Judged:
    """Make a hit of a moment of pictures and what is said in it; the better one is what it shows.

    So the frame and the segment of the hit are of its span, whichever field found it.
    """
    texts = tuple(said[i].hit for i in group.texts[:TEXTS])
    fields, one = texts, None
    if group.picture is not None:
        one = seen[group.picture]
        fields = FieldHit(PICTURE, one.relevance, one.moment.span), *texts
    best = max(fields, key=lambda field: field.relevance)
    if one is None or best.field != PICTURE:
        one = shown[group.texts[0]]
    moment = one.moment._replace(span=best.span)
    return one._replace(moment=moment, relevance=best.relevance, fields=fields)


def _shown(
    said: Sequence[Said | Found], asked: Asked, view: View, scoring: Scoring
) -> list[Judged]:
    """Return the segment that each passage is shown by as a moment, whose frame is in the passage.

    The span is that of the segment.
    """
    stretches = [(each.video_id, each.hit.span.start, each.hit.span.end) for each in said]
    there = segments_in(view.parts, stretches)
    ids = np.unique(np.concatenate([np.empty(0, np.int64), *there]))
    rows = view.rows(ids)
    spans = [Span(*span) for span in rows.spans.tolist()]
    scores = vectors_of(view.parts, ids) @ asked.vector
    evidence = calibration.evidence(scores.astype(np.float64), rows.biases, scoring.logit_scale)
    fits = calibration.relevance(evidence, scoring.relevance)
    shown = []
    for each, mine in zip(said, there, strict=True):
        places = np.searchsorted(ids, mine).tolist()
        times = [float(rows.best_times[place]) for place in places]
        which, time = fusion.shown_by(each.hit.span, [spans[place] for place in places], times)
        place = places[which]
        score, bias = float(scores[place]), float(rows.biases[place])
        moment = Moment(int(ids[place]), each.video_id, spans[place], time, score, bias)
        shown.append(Judged(moment, float(evidence[place]), float(fits[place])))
    return shown
