"""How well what watches ask for fits frames, by the measure of a search: in [0, 1]."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipseek.cache import TextVectors
from clipseek.composition import Curves, combined, heard
from clipseek.errors import ClipseekError
from clipseek.filters import Filters
from clipseek.library.view import View
from clipseek.matching import logistic
from clipseek.model import Model
from clipseek.parts import Text
from clipseek.protocols import CatalogReader
from clipseek.query import Query
from clipseek.ranking import ADJACENT_S
from clipseek.spoken import Spoken
from clipseek.stored import SegmentBlock
from clipseek.texts.meanings import Sense
from clipseek.timed import PICTURE
from clipseek.types import Collection, Scoring
from clipseek.vectors import Asked, asked

Floats = NDArray[np.float64]
_NOT_SEEN = -40.0
"""The logit of what is not searched in pictures: as a relevance, it is zero."""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A query with the vectors of its steps, and what turns cosines into fits."""

    query: Query
    steps: Sequence[Asked]
    curves: Curves
    scoring: Scoring

    @classmethod
    def of(
        cls,
        query: Query,
        collection: Collection,
        model: Model,
        texts: TextVectors,
        catalog: CatalogReader,
    ) -> "Question":
        """Read a query by the model of a collection; raise what is wrong with it."""
        steps = []
        for one in asked(query.steps, collection, model, texts, catalog):
            if isinstance(one, ClipseekError):
                raise one
            steps.append(one)
        scoring = model.scoring_of(collection)
        return cls(query, steps, Curves.of(scoring, model.coherence), scoring)

    def fit(self, block: SegmentBlock, times: Floats, said: Sequence[Spoken] = ()) -> Floats:
        """Return how well frames in the order of time fit, float64 (S,).

        With several steps, how well the chain fits that ends with each frame: as its worst step.

        Args:
            block: The frames of one stream, or segments.
            times: Their spans, float64 (S, 2), on the clock of the stream.
            said: What is said of each step, or nothing if words do not count.
        """
        spoken: Sequence[Floats | None] = [each.relevance(block.ids) for each in said] or [
            None
        ] * len(self.steps)
        fits = [self._fit(block, one, own) for one, own in zip(self.steps, spoken, strict=True)]
        found = fits[0]
        for step, fit in zip(self.query.then, fits[1:], strict=True):
            found = np.minimum(fit, _before(found, times, step.within_s))
        return found

    def _fit(self, block: SegmentBlock, one: Asked, said: Floats | None) -> Floats:
        cosines = (block.vectors @ one.parts.T).astype(np.float64)
        biases = block.biases.astype(np.float64)
        logits = np.stack(
            [
                self.curves.logits(cosines[:, i], biases, is_sentence=bool(is_sentence))
                for i, is_sentence in enumerate(one.sentences)
            ],
            axis=1,
        )
        if PICTURE not in self.query.fields:
            logits = np.full_like(logits, _NOT_SEEN)
        if said is not None:
            logits = heard(logits, said)
        return logistic(combined(logits, one.weights))

    def said(self, view: View, videos: Sequence[str], senses: Mapping[str, Sense]) -> list[Spoken]:
        """Return what is said and found of each step in some videos; nothing if there is none."""
        if not self.query.asks_text or not (len(view.words) or len(view.objects)):
            return []
        sentences = [
            tuple(part.text if isinstance(part, Text) else "" for part in parts)
            for parts in self.query.steps
        ]
        only = Filters(video_ids=tuple(videos))
        return [
            Spoken.of(
                *(view, texts, one.weights, self.query.fields, only, senses),
                vectors=one.parts,
                scoring=self.scoring,
            )
            for texts, one in zip(sentences, self.steps, strict=True)
        ]


def _before(fit: Floats, times: Floats, within_s: float) -> Floats:
    """Return the best fit of what ended at most so long before each frame began, (S,).

    As in a search, a step begins when the one before has ended, or later.
    """
    starts = times[:, 0]
    order = np.argsort(times[:, 1], kind="stable")
    ends = times[order, 1]
    first = np.searchsorted(ends, starts - within_s - ADJACENT_S)
    end = np.searchsorted(ends, starts + ADJACENT_S, side="right")
    best = np.zeros(len(fit))
    for row, (begin, stop) in enumerate(zip(first.tolist(), end.tolist(), strict=True)):
        if begin < stop:
            best[row] = fit[order[begin:stop]].max()
    return best
