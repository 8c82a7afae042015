"""What is said or written of the sentences of a query, segment by segment."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from clipseek import fusion
from clipseek.filters import Filters
from clipseek.library.parts import segments_in
from clipseek.library.view import View
from clipseek.objects.index import Found
from clipseek.texts.index import Said
from clipseek.texts.meanings import Sense
from clipseek.timed import OBJECT, WORDS, Field, FieldHit, Span
from clipseek.types import Scoring


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """The segments in which something of the sentences of one step is said or written.

    ids: int64 (S,), ascending. fits: float64 (S, P), the relevance of the best passage in each for
    each part; 0 if there is none, as for pictures. passages: Those of wanted
    parts in each segment, best first. more: Whether there may be more than were compared.
    """

    ids: NDArray[np.int64]
    fits: NDArray[np.float64]
    passages: Mapping[int, tuple[FieldHit, ...]]
    more: bool

    @classmethod
    def of(
        cls,
        view: View,
        sentences: Sequence[str],
        weights: NDArray[np.float64],
        fields: Sequence[Field],
        only: Filters | None,
        senses: Mapping[str, Sense],
        vectors: NDArray[np.float32],
        scoring: Scoring,
    ) -> Self:
        """Search for each sentence, "" for a picture, in what passes a filter.

        vectors: float32 (P, dim), unit rows, what objects are compared with.
        """
        allowed = None if only is None else view.passing(only)
        found = [
            matching_fields(view, text, vector, fields, scoring, allowed, senses.get(text))
            if text
            else ([], False)
            for text, vector in zip(sentences, vectors, strict=True)
        ]
        said = [
            (part, each)
            for part, (some, _) in enumerate(found)
            for each in view.fields.spans(some, only)
        ]
        stretches = [(each.video_id, each.hit.span.start, each.hit.span.end) for _, each in said]
        there = segments_in(view.parts, stretches)
        ids = view.those_of(np.unique(np.concatenate([np.empty(0, np.int64), *there])), only)
        there = [mine[np.isin(mine, ids)] for mine in there]
        spans = [Span(*span) for span in view.rows(ids).spans.tolist()]
        fits = np.zeros((len(ids), len(sentences)))
        passages: dict[int, list[FieldHit]] = {}
        for (part, each), mine in zip(said, there, strict=True):
            if not len(mine):
                continue
            places = np.searchsorted(ids, mine)
            heard = places[fusion.heard_in(each.hit.span, [spans[place] for place in places])]
            fits[heard, part] = np.maximum(fits[heard, part], each.hit.relevance)
            if weights[part] > 0:
                for segment_id in ids[heard].tolist():
                    passages.setdefault(segment_id, []).append(each.hit)
        is_heard = fits.any(axis=1)
        return cls(
            ids[is_heard],
            fits[is_heard],
            {segment_id: _best_first(hits) for segment_id, hits in passages.items()},
            any(more for _, more in found),
        )

    def beside(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return segments, int64 (K,), and behind them those of this that are not among them."""
        return np.concatenate([ids, np.setdiff1d(self.ids, ids, assume_unique=True)])

    def relevance(self, ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return how well what is said in segments, int64 (K,), fits each part, (K, P)."""
        fits = np.zeros((len(ids), self.fits.shape[1]))
        if len(self.ids):
            places = np.searchsorted(self.ids, ids).clip(max=len(self.ids) - 1)
            is_heard = self.ids[places] == ids
            fits[is_heard] = self.fits[places[is_heard]]
        return fits


def matching_fields(
    view: View,
    text: str,
    vector: NDArray[np.float32],
    fields: Sequence[Field],
    scoring: Scoring,
    allowed: AbstractSet[str] | None,
    sense: Sense | None,
) -> tuple[list[Said | Found], bool]:
    """Return the passages and objects that fit a sentence, best first, and whether more may.

    Those of some fields, in the allowed videos.
    """
    found: list[Said | Found] = []
    more = False
    if set(fields) & set(WORDS):
        said, more = view.words.search(text, fields=fields, only=allowed, sense=sense)
        found += said
    if OBJECT in fields:
        seen, more_seen = view.objects.search(vector, scoring, allowed)
        found, more = found + list(seen), more or more_seen
        found.sort(key=lambda each: -each.hit.relevance)
    return found, more


def _best_first(hits: Sequence[FieldHit]) -> tuple[FieldHit, ...]:
    """Return passages by falling relevance and time; one that fits two parts counts as the better.

    Its highlights are those of both.
    """
    best: dict[tuple[Field, Span], FieldHit] = {}
    for hit in hits:
        key = hit.field, hit.span
        known = best.get(key)
        if known is not None:
            highlights = tuple(sorted({*known.highlights, *hit.highlights}))
            hit = hit._replace(relevance=max(known.relevance, hit.relevance), highlights=highlights)
        best[key] = hit
    return tuple(sorted(best.values(), key=lambda hit: (-hit.relevance, hit.span)))
