"""More segments for a query of several parts, beyond those nearest to what is wanted."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from clipseek import ranking, sequences
from clipseek.composition import Curves
from clipseek.library.parts import segments_between, vectors_of
from clipseek.library.view import View
from clipseek.matching import NO_MORE, Lookup, Match, Together, logits_of, step_of
from clipseek.query import Query
from clipseek.sequences import Step
from clipseek.types import Neighbours, Scoring

AWAY = 0.5
"""How much of the unwanted parts is taken off the wanted ones, to search away from them."""
ASIDE = 256
"""Segments that such a search adds."""
ENOUGH = 100
"""Moments that match, as many as a page has at most, from which on there is no such search."""
BESIDE = 512
"""Segments before or after what another step has found that are added to a step at most, for each.

All four by `python -m benchmarks.candidates` and `benchmarks.sequences`, see decision 0069.
"""


def away(
    view: View,
    lookups: Sequence[Lookup],
    matches: Sequence[Match],
    scoring: Scoring,
    coherence: float,
) -> list[Match]:
    """Let steps with unwanted parts compare what is far from these, too.

    If what is nearest to the wanted parts shows the unwanted ones, few of the candidates match. A
    search away from the unwanted ones finds others. A step that has enough, or that can match
    nothing else, stays as it is.
    """
    found = []
    for lookup, match in zip(lookups, matches, strict=True):
        weights = lookup.asked.weights
        ids = np.empty(0, np.int64)
        if match.more and (weights < 0).any() and len(match.good) < ENOUGH:
            unwanted = np.maximum(-weights, 0) @ lookup.asked.parts / np.maximum(weights, 0).sum()
            vector = lookup.asked.length * lookup.asked.vector - AWAY * unwanted
            if (length := np.linalg.norm(vector)) > 0:
                vector = (vector / length).astype(np.float32)
                ids = view.search(vector[np.newaxis], ASIDE, only=lookup.only).ids[0]
        found.append(_extended(view, lookup, match, ids, scoring, coherence))
    return found


def around(
    view: View,
    query: Query,
    lookups: Sequence[Lookup],
    matches: Sequence[Match],
    scoring: Scoring,
    coherence: float,
) -> list[Match]:
    """Let each step of a query compare what is in time before and after what the others found.

    The nearest segments of a step that much of a library matches are not those that are near in
    time to what is rare. So the best chains of the steps before it say where a step is looked for,
    and then those of the steps after it. A step that can match nothing else stays as it is. So do
    all if they make a page of chains: a chain of a segment beyond the nearest ones is worse.
    """
    curves = Curves.of(scoring, coherence)
    found = list(matches)
    steps = [step_of(match, logits_of(match, curves)) for match in found]
    within = [step.within_s for step in query.then]

    if len(_good(steps, within)) >= ENOUGH:
        return found

    def extend(place: int, ids: NDArray[np.int64]) -> None:
        match = _extended(view, lookups[place], found[place], ids, scoring, coherence)
        if match is not found[place]:
            found[place], steps[place] = match, step_of(match, logits_of(match, curves))

    for place in range(1, len(found)):
        if found[place].more:
            chains = _good(steps[:place], within[: place - 1])
            last, at = steps[place - 1], chains[:, -1]
            until = last.ends[at] + within[place - 1]
            shown = last.owners[at], last.starts[at], until
            extend(place, segments_between(view.parts, *shown, BESIDE))
    for place in range(len(found) - 2, -1, -1):
        if found[place].more:
            chains = _good(steps[place + 1 :], within[place + 1 :])
            first, at = steps[place + 1], chains[:, 0]
            since = first.starts[at] - within[place]
            shown = first.owners[at], since, first.starts[at]
            extend(place, segments_between(view.parts, *shown, BESIDE))
    return found


def _good(steps: Sequence[Step], within_s: Sequence[float]) -> NDArray[np.int64]:
    """Return the chains of some steps that match, best first."""
    chains = sequences.chains(steps, within_s)
    fits = [step.fits[at] for step, at in zip(steps, chains.T, strict=True)]
    found: NDArray[np.int64] = chains[np.min(fits, axis=0) >= 0.0]
    return found


def _extended(
    view: View,
    lookup: Lookup,
    match: Match,
    ids: NDArray[np.int64],
    scoring: Scoring,
    coherence: float,
) -> Match:
    """Return what matches if some more segments are compared."""
    near, row = match.together.near, match.row
    count = near.ids.shape[1] if lookup.is_composed else lookup.neighbours
    ids = np.setdiff1d(view.those_of(ids, lookup.only), near.ids[row, :count])
    if not len(ids):
        return match
    known = _some(match.together, row * near.ids.shape[1] + np.arange(count))
    together = _joined(known, _judged(view, lookup, match, ids, scoring, coherence))
    grown = ranking.grow(together.near, together.rows, [together.near.ids.shape[1]])
    found = Match.of(
        together, grown, 0, NO_MORE, match.enough, asked=lookup.asked, is_all=lookup.is_all
    )
    return replace(found, more=match.more, further=match.further)


def _judged(
    view: View,
    lookup: Lookup,
    match: Match,
    ids: NDArray[np.int64],
    scoring: Scoring,
    coherence: float,
) -> Together:
    """Judge segments that are not among those of a match."""
    one = lookup.asked
    scores = np.einsum("kd,d->k", vectors_of(view.parts, ids), one.vector)
    near = Neighbours(ids[np.newaxis], scores[np.newaxis])
    if not lookup.is_composed:
        return Together.of(view, near, None if lookup.is_seen else scoring)
    spoken = match.together.spoken
    together = Together.composed(
        view, near, [one], scoring, coherence, is_seen=lookup.is_seen, spoken=spoken
    )
    # Segments where something is said were judged with the first ones.
    return together if spoken is None else _some(together, np.isin(together.near.ids[0], ids))


def _some(together: Together, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Together:
    """Return some rows, of one query."""
    places = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows.astype(np.int64)
    near = Neighbours(
        together.near.ids.ravel()[np.newaxis, places],
        together.near.scores.ravel()[np.newaxis, places],
    )
    return replace(
        together,
        near=near,
        rows=together.rows.at(places),
        evidence=together.evidence[places],
        fit=together.fit[places],
        seen=None if together.seen is None else together.seen[places],
    )


def _joined(one: Together, other: Together) -> Together:
    """Return the segments of both, of one query, best first."""
    ids = np.concatenate([one.near.ids[0], other.near.ids[0]])
    scores = np.concatenate([one.near.scores[0], other.near.scores[0]])
    seen = None
    if one.seen is not None and other.seen is not None:
        seen = np.concatenate([one.seen, other.seen])
    both = replace(
        one,
        near=Neighbours(ids[np.newaxis], scores[np.newaxis]),
        rows=one.rows.joined(other.rows),
        evidence=np.concatenate([one.evidence, other.evidence]),
        fit=np.concatenate([one.fit, other.fit]),
        seen=seen,
        bounds=(NO_MORE,),
    )
    return _some(both, np.lexsort((ids, -scores)))
