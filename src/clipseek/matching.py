"""What matches a query: its neighbours judged by relevance or, with pictures, by score."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from clipseek import calibration, ranking
from clipseek.arranging import Found
from clipseek.composition import CANDIDATES, Curves, combined, heard
from clipseek.library.parts import vectors_of
from clipseek.library.view import View
from clipseek.parts import Part, Text
from clipseek.query import Filters, Query
from clipseek.sequences import Step
from clipseek.spoken import Spoken
from clipseek.texts.meanings import Sense
from clipseek.timed import PICTURE, Field, FieldHit
from clipseek.types import Neighbours, Relevance, Scoring, StepHit
from clipseek.vectors import Asked

MATCHING = 0.5
"""Relevance from which on a moment counts as showing what was asked."""
TEXTS = 5
"""Passages that a hit names at most, the best ones."""
NO_MORE = -1.0
"""The fit of what is not there, as bad as none can be."""


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """One step of a query: what is searched for among the vectors.

    neighbours: How many segments are compared. alone: Different if it is searched for by itself.
    least: The relevance that is asked for. is_all: Whether moments below it count too. sentences:
    What is searched for in words of these fields, too, "" for pictures; empty if not.
    """

    asked: Asked
    only: Filters | None
    is_seen: bool
    is_composed: bool
    neighbours: int
    alone: int
    least: float
    is_all: bool
    sentences: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()

    @classmethod
    def of(
        cls,
        query: Query,
        parts: Sequence[Part],
        asked: Asked,
        place: int,
        *,
        is_fused: bool = False,
        is_heard: bool = False,
    ) -> Self:
        """Return one step of the query, of some parts, at a place of a batch.

        With `is_fused`, moments meet passages later, so every page compares the same segments.
        With `is_heard`, words count for the parts, and the segments where they are said are too
        compared.
        """
        sentences = tuple(part.text if isinstance(part, Text) else "" for part in parts)
        least = query.filters.min_relevance
        # A later page of one part looks at up to 4000 neighbours.
        alone = place if query.after and query.is_plain else -1
        return cls(
            asked,
            query.filters.of_videos,
            is_seen=not asked.sentences.all(),
            is_composed=len(asked.weights) > 1 or is_heard,
            neighbours=_neighbours(query, is_fused=is_fused),
            alone=alone,
            least=least,
            is_all=not least or bool(query.then) or is_fused,
            sentences=sentences if is_heard and any(sentences) else (),
            fields=query.fields,
        )

    def spoken(self, view: View, senses: Mapping[str, Sense], scoring: Scoring) -> Spoken | None:
        """Return what is said and found of the sentences; None if pictures alone count."""
        if not self.sentences:
            return None
        return Spoken.of(
            *(view, self.sentences, self.asked.weights, self.fields, self.only, senses),
            vectors=self.asked.parts,
            scoring=scoring,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """The neighbours of some queries with one filter, and how well they match.

    rows: What is known of the segments, Q * K of them. evidence, fit: (Q * K,). fit: The relevance
    or, without a scoring, which fits sentences alone, the score. bounds: What `best_beyond` returns
    if queries have several parts, which order the neighbours, or None. spoken: What is said of one
    query, if words count. seen: float64 (Q * K,), how well pictures alone fit then, in [0, 1].
    """

    near: Neighbours
    rows: ranking.Rows
    evidence: NDArray[np.float32] | NDArray[np.float64]
    fit: NDArray[np.float64]
    view: View
    scoring: Scoring | None
    bounds: Sequence[float] | None = None
    spoken: Spoken | None = None
    seen: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, view: View, near: Neighbours, scoring: Scoring | None) -> Self:
        """Judge neighbours by a scoring (see `Model.scoring_of`), or by score without one."""
        rows = view.rows(near.ids.ravel())
        scores = near.scores.ravel().astype(np.float64)
        if scoring is None:
            return cls(near, rows, np.full(len(scores), np.nan), scores, view, None)
        evidence = calibration.evidence(scores, rows.biases, scoring.logit_scale)
        relevance = calibration.relevance(evidence, scoring.relevance)
        return cls(near, rows, evidence, relevance, view, scoring)

    @classmethod
    def composed(
        cls,
        view: View,
        near: Neighbours,
        asked: Sequence[Asked],
        scoring: Scoring,
        coherence: float,
        *,
        is_seen: bool,
        spoken: Spoken | None = None,
    ) -> Self:
        """Judge neighbours by all parts of their query, and order them by that.

        is_seen: Whether a part is a picture, so that the fit is the score. spoken: What is said of
        the parts, if there is one query, for which words count; those segments are judged too.
        """
        curves = Curves.of(scoring, coherence)
        bounds = _bounds(view, near, asked, curves, is_seen=is_seen)
        if spoken is not None:
            bounds = [1.0] if spoken.more else bounds
            near = Neighbours(spoken.beside(near.ids[0])[np.newaxis], near.scores)
        rows = view.rows(near.ids.ravel())
        biases = rows.biases.reshape(near.ids.shape).astype(np.float64)
        fits = np.empty(near.ids.shape)
        seen = None
        for row, one in enumerate(asked):
            logits = _part_logits(view, near.ids[row], one, biases[row], curves)
            if spoken is not None:
                seen = logistic(combined(logits, one.weights))
                logits = heard(logits, spoken.relevance(near.ids[row]))
            fits[row] = combined(logits, one.weights)
        scores = curves.cosines(fits, biases, is_sentence=not is_seen).astype(np.float32)
        order = np.lexsort((near.ids, -scores), axis=1)
        places = (order + near.ids.shape[1] * np.arange(len(order))[:, None]).ravel()
        near = Neighbours(
            np.take_along_axis(near.ids, order, axis=1), np.take_along_axis(scores, order, axis=1)
        )
        seen = None if seen is None else seen[places]
        rows = rows.at(places)
        if is_seen:
            unknown, fit = np.full(len(places), np.nan), near.scores.ravel().astype(np.float64)
            return cls(near, rows, unknown, fit, view, None, bounds, spoken, seen)
        evidence = (fits.ravel()[places] - scoring.relevance.offset) / scoring.relevance.scale
        relevance = calibration.relevance(evidence, scoring.relevance)
        return cls(near, rows, evidence, relevance, view, scoring, bounds, spoken, seen)

    def fields(self, row: int, moment: ranking.Moment) -> tuple[FieldHit, ...]:
        """Return what pictures and words contribute to a moment with its best segment in a row."""
        if self.spoken is None or self.seen is None:
            return ()
        texts = self.spoken.passages.get(moment.segment_id, ())
        return FieldHit(PICTURE, float(self.seen[row]), moment.span), *texts[:TEXTS]

    def best_beyond(self, asked: Sequence[int]) -> list[float]:
        """Return for each query the maximum fit of a segment after the neighbours that count.

        Its score is not better than that of the last neighbour, and its bias is at least the
        smallest one. `NO_MORE` if there are no more segments.
        """
        if self.bounds is not None:
            return list(self.bounds)
        queries, width = self.near.ids.shape
        if not width:
            return [NO_MORE] * queries
        last = np.minimum(asked, width) - 1
        scores = self.near.scores[np.arange(queries), last]
        best = scores.astype(np.float64)
        if self.scoring is not None:
            biases = np.full(queries, self.view.least_bias, np.float32)
            evidence = calibration.evidence(scores, biases, self.scoring.logit_scale)
            best = calibration.relevance(evidence, self.scoring.relevance)
        # As many as were asked for may be all that there are.
        are_all = np.array(asked) >= min(width + 1, len(self.view))
        found: list[float] = np.where(are_all, NO_MORE, best).tolist()
        return found


def _neighbours(query: Query, *, is_fused: bool) -> int:
    """Return how many segments are compared; `CANDIDATES` if every page compares the same."""
    if not query.is_plain or is_fused or query.is_arranged:
        return CANDIDATES
    wanted = ranking.candidates(query.reach)
    return max(wanted, CANDIDATES) if query.facets else wanted


class Judged(NamedTuple):
    """A moment with its evidence and its relevance, or the span of a sequence or of words."""

    moment: ranking.Moment
    evidence: float
    relevance: float
    steps: tuple[StepHit, ...] = ()
    fields: tuple[FieldHit, ...] = ()
    more_in_video: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """What matches one query with enough relevance: the rows of the best segments.

    grown: Rows of all moments, int64 (M,), best first. good: Rows of those that match, which means
    the requested relevance or, by default, 0.5, and for pictures the score `enough`. more: Whether
    there may be more of them than were compared. further: Whether the same is true of all moments.
    row: Which of the queries of `together` it is.
    """

    together: Together
    moments: ranking.Grown
    grown: NDArray[np.int64]
    good: NDArray[np.int64]
    more: bool
    further: bool
    enough: float
    row: int

    @classmethod
    def of(
        cls,
        together: Together,
        moments: ranking.Grown,
        row: int,
        beyond: float,
        enough: float,
        *,
        asked: Asked,
        is_all: bool,
    ) -> Self:
        """Choose by fit from what has grown of one query; `is_all` keeps what does not match."""
        peaks = moments.peaks[row]
        for liked in asked.liked:
            peaks = ranking.apart(peaks, moments, together.rows, liked.video.id, liked.span)
        good = peaks[together.fit[peaks] >= enough]
        more = beyond >= enough
        further = beyond > NO_MORE if is_all else more
        if together.bounds is not None:
            further = False  # every page compares the same segments
        every = peaks if is_all else good
        return cls(together, moments, every, good, more, further, enough, row)

    def __len__(self) -> int:
        return len(self.grown)

    def found(self) -> Found:
        """Return what is known of all moments before they are arranged."""
        rows, moments, peaks = self.together.rows, self.moments, self.grown
        return Found(
            self.together.near.ids.ravel()[peaks],
            rows.video_ids[peaks].tolist(),
            rows.spans[moments.first[peaks], 0],
            rows.spans[moments.last[peaks], 1],
            self.together.fit[peaks] >= self.enough,
        )

    def page(self, query: Query) -> slice:
        """Return where the moments of a page are among all, if no video is gone."""
        start = 0
        if query.after is not None:
            near, after = self.together.near, query.after
            ids, scores = near.ids.ravel()[self.grown], near.scores.ravel()[self.grown]
            start = ranking.place_after(ids, scores, after.segment_id, after.score)
        return slice(start, start + query.size)

    def made(self, places: slice | NDArray[np.int64]) -> list[Judged]:
        """Make some of the moments."""
        (found,) = made([self], [places])
        return found

    def before(self, query: Query, gone: AbstractSet[str]) -> NDArray[np.int64]:
        """Return the best segments of the moments before a page, without videos that are gone."""
        rows = self.grown[: self.page(query).start]
        if gone:
            rows = rows[~np.isin(self.together.rows.video_ids[rows], list(gone))]
        return self.together.near.ids.ravel()[rows]

    def counts(self, gone: AbstractSet[str]) -> tuple[int, int]:
        """Return how many moments match and in how many videos, without those that are gone."""
        rows, peaks = self.together.rows, self.good
        if gone:
            peaks = peaks[~np.isin(rows.video_ids[peaks], list(gone))]
        return len(peaks), len(set(rows.owners[peaks].tolist()))


def made(
    matches: Sequence[Match], places: Sequence[slice | NDArray[np.int64]]
) -> list[list[Judged]]:
    """Make some moments of each match, those of one filter together."""
    groups: dict[int, list[int]] = {}
    for i, match in enumerate(matches):
        groups.setdefault(id(match.together), []).append(i)
    found: dict[int, list[Judged]] = {}
    for positions in groups.values():
        together, grown = matches[positions[0]].together, matches[positions[0]].moments
        chosen = [matches[i].grown[places[i]] for i in positions]
        every = ranking.moments(together.near, together.rows, replace(grown, peaks=chosen))
        for i, peaks, moments in zip(positions, chosen, every, strict=True):
            judged = together.evidence[peaks].tolist(), together.fit[peaks].tolist()
            said = map(together.fields, peaks.tolist(), moments)
            found[i] = [
                Judged(moment, evidence, fit, fields=fields)
                for moment, evidence, fit, fields in zip(moments, *judged, said, strict=True)
            ]
    return [found[i] for i in range(len(matches))]


def logits_of(match: Match, curves: Curves) -> NDArray[np.float64]:
    """Return how well the moments of a step match, by the curve of its kind."""
    together, peaks = match.together, match.grown
    if together.scoring is None:
        return curves.logits(together.fit[peaks], np.zeros(len(peaks)), is_sentence=False)
    evidence = together.evidence[peaks].astype(np.float64)
    return curves.relevance.scale * evidence + curves.relevance.offset


def step_of(match: Match, fits: NDArray[np.float64]) -> Step:
    """Return the moments of a step as sequences are made of."""
    rows, peaks = match.together.rows, match.grown
    first, last = match.moments.first[peaks], match.moments.last[peaks]
    return Step(rows.owners[peaks], rows.spans[first, 0], rows.spans[last, 1], fits)


def _part_logits(
    view: View, ids: NDArray[np.int64], asked: Asked, biases: NDArray[np.float64], curves: Curves
) -> NDArray[np.float64]:
    """Return how well what segments, int64 (K,), show fits each part, (K, P), as logits."""
    # Not by BLAS, which wakes its threads for so few rows: 12 ms on two busy cores, against 0.05.
    cosines = np.einsum("kd,pd->kp", vectors_of(view.parts, ids), asked.parts).astype(np.float64)
    logits = [
        curves.logits(cosines[:, i], biases, is_sentence=bool(is_sentence))
        for i, is_sentence in enumerate(asked.sentences)
    ]
    return np.stack(logits, axis=1)


def _bounds(
    view: View, near: Neighbours, asked: Sequence[Asked], curves: Curves, *, is_seen: bool
) -> list[float]:
    """Return for each query how well a segment after its neighbours can fit at most.

    The weighted mean of its cosines to what is wanted is at most that of the last neighbour. By
    Jensen's inequality the fit is then at most that of one part with this cosine, because the
    logarithm of a logistic curve is concave.
    """
    width = near.ids.shape[1]
    if width < CANDIDATES or width == len(view):
        return [NO_MORE] * len(asked)
    least = np.array([view.least_bias])
    bounds = []
    for scores, one in zip(near.scores, asked, strict=True):
        kinds = set(one.sentences[one.weights > 0].tolist())
        if len(kinds) > 1:  # no curve for both
            bounds.append(1.0)
            continue
        mean = np.array([float(scores[-1]) * one.length])
        logit = curves.logits(mean, least, is_sentence=kinds == {True})
        bound = curves.cosines(logit, least, is_sentence=False) if is_seen else logistic(logit)
        bounds.append(float(bound[0]))
    return bounds


def logistic(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the shares in [0, 1] of logits."""
    return calibration.relevance(logit, Relevance(scale=1.0, offset=0.0, fitted=False))
