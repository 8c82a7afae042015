"""What matches a query of several steps: moments that follow each other in one video."""

import math
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from clipseek import sequences
from clipseek.arranging import Found
from clipseek.composition import Curves, shown
from clipseek.matching import MATCHING, Judged, Match, logistic, logits_of, step_of
from clipseek.query import Query
from clipseek.types import Span, StepHit


@dataclass(frozen=True, slots=True, eq=False)
class Following:
    """What matches a query of several steps: moments that follow each other.

    steps: All moments of each step. rows: Those of each chain, int64 (C, S), best first, as places
    in the `grown` of the steps. fits: float64 (C, S), logits. is_good: bool (C,), which match.
    more: Whether there may be more of them than were compared. curves: What a score is, if a part
    of any step is a picture, or None.
    """

    steps: Sequence[Match]
    rows: NDArray[np.int64]
    fits: NDArray[np.float64]
    is_good: NDArray[np.bool_]
    more: bool
    enough: float
    curves: Curves | None
    further: bool = False

    @classmethod
    def of(cls, query: Query, steps: Sequence[Match], curves: Curves) -> Self:
        """Let the moments of all steps follow each other, judged by the curves of their kinds."""
        fits = [logits_of(match, curves) for match in steps]
        found = [step_of(match, each) for match, each in zip(steps, fits, strict=True)]
        rows = sequences.chains(found, [step.within_s for step in query.then])
        own = np.stack([each[at] for each, at in zip(fits, rows.T, strict=True)], axis=1)
        least = query.filters.min_relevance
        worst = logistic(own.min(axis=1, initial=np.inf))
        is_good = worst >= (least or MATCHING)
        if least:
            rows, own, is_good = rows[is_good], own[is_good], is_good[is_good]
        more = any(match.more for match in steps)
        enough = curves.coherence if query.is_seen else steps[0].enough
        return cls(steps, rows, own, is_good, more, enough, curves if query.is_seen else None)

    def __len__(self) -> int:
        return len(self.rows)

    def found(self) -> Found:
        """Return what is known of all chains before they are arranged."""
        first = self.steps[0].found()
        places = self.rows[:, 0]
        return Found(
            first.segment_ids[places],
            [first.video_ids[place] for place in places.tolist()],
            first.starts[places],
            first.ends[places],
            self.is_good,
        )

    def page(self, query: Query) -> slice:
        """Return where the chains of a page are among all, if no video is gone."""
        start = 0
        if query.after is not None:
            first = self.steps[0]
            ids = first.together.near.ids.ravel()[first.grown[self.rows[:, 0]]]
            here = np.flatnonzero(ids == query.after.segment_id)
            # Every page compares the same, so it is there, unless a page had no hit.
            start = int(here[0]) + 1 if len(here) else 0
        return slice(start, start + query.size)

    def counts(self, gone: AbstractSet[str]) -> tuple[int, int]:
        """Return how many chains match and in how many videos, without those that are gone."""
        return self.found().counts(gone)

    def made(self, page: slice | NDArray[np.int64]) -> list[Judged]:
        """Make the hits of some chains."""
        rows, fits = self.rows[page], self.fits[page]
        columns = [match.made(at) for match, at in zip(self.steps, rows.T, strict=True)]
        return [self._judged(chain, fits[i]) for i, chain in enumerate(zip(*columns, strict=True))]

    def _judged(self, chain: Sequence[Judged], fits: NDArray[np.float64]) -> Judged:
        """Make one hit: the span of all, judged as the moment that matches worst."""
        worst = chain[int(fits.argmin())]
        score = worst.moment.score
        if self.curves is not None:
            none = np.zeros(1)
            score = float(self.curves.cosines(fits.min(keepdims=True), none, is_sentence=False)[0])
        first = chain[0].moment
        end = max(each.moment.span.end for each in chain)
        steps = tuple(
            StepHit(
                each.moment.segment_id,
                each.moment.span,
                each.moment.best_time,
                shown(each.moment.score),
                each.relevance if match.together.scoring is not None else math.nan,
            )
            for each, match in zip(chain, self.steps, strict=True)
        )
        moment = first._replace(span=Span(first.span.start, end), score=score)
        fields = tuple(field for each in chain for field in each.fields)
        return Judged(moment, worst.evidence, worst.relevance, steps, fields)
