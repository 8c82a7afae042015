"""A query of several parts as one measure: what is wanted and what is not, in one number.

Each part fits a segment by a logit: that of its relevance if it is a sentence (see `calibration`),
and of `likeness` if it is a picture. With f_i = sigmoid(logit_i), and weights w_i > 0 of what is
wanted and w_j < 0 of what is not, the segment fits the query by

    f = (prod_i f_i ** w_i * prod_j (1 - f_j) ** -w_j) ** (1 / sum_i w_i)

That is a product of experts (Hinton 2002): a segment that lacks one wanted part, or shows what is
not wanted, does not fit. With one part f is its own, and for sentences it is in [0, 1] and means
what relevance means. The score is the cosine that one part alone would need for the same f, so
scores of all queries have one scale. `python -m benchmarks.composition` compares other ways.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from clipseek.types import Relevance, Scoring

Floats = NDArray[np.float64]

CANDIDATES = 1024
"""Segments, nearest to what is wanted, that a query of several parts compares, on every page.

Their order by all parts is another than by nearness, so with fewer of them on the first page than
on the next one, moments would be on both or on none.
"""

# The logit of two equal pictures, and minus that of two as far below the coherence as that is
# below 1. Coherence, where likeness is 0.5, is the model's own: most pairs of frames of one scene
# have it.
_LIKENESS = 4.0
# Of words: one that is as sure as a number can say would make all other parts count for nothing.
_SURE = 0.999


@dataclass(frozen=True, slots=True)
class Curves:
    """What turns cosines into logits.

    logit_scale, relevance: Those of sentences; see `calibration`. coherence: The cosine from which
    on two pictures count as alike, less than 1.
    """

    logit_scale: float
    relevance: Relevance
    coherence: float

    @classmethod
    def of(cls, scoring: Scoring, coherence: float) -> Self:
        """Return the curves of a collection's scoring and a model's coherence."""
        return cls(scoring.logit_scale, scoring.relevance, coherence)

    def logits(self, cosines: Floats, biases: Floats, *, is_sentence: bool) -> Floats:
        """Return how well one part fits segments, from cosines and biases, float64 (K,)."""
        if is_sentence:
            return self.relevance.scale * (self.logit_scale * cosines - biases) + (
                self.relevance.offset
            )
        return _LIKENESS * (cosines - self.coherence) / (1 - self.coherence)

    def cosines(self, logits: Floats, biases: Floats, *, is_sentence: bool) -> Floats:
        """Return the cosines that one part needs for some logits; the inverse of `logits`."""
        if is_sentence:
            evidence = (logits - self.relevance.offset) / self.relevance.scale
            return (evidence + biases) / self.logit_scale
        return self.coherence + logits * (1 - self.coherence) / _LIKENESS


def heard(logits: Floats, relevance: Floats) -> Floats:
    """Return the logits of parts that are shown or said, whichever fits better.

    Args:
        logits: float64 (K, P), how well each part fits what each segment shows.
        relevance: float64 (K, P), how well it fits what is said there; 0 if it is not.
    """
    sure = np.minimum(relevance, _SURE)
    with np.errstate(divide="ignore"):
        found: Floats = np.maximum(logits, np.log(sure) - np.log1p(-sure))
    return found


def shown(score: float) -> float:
    """Return a score as answers say it, in [-1, 1] as a cosine is.

    A sentence that fits surely can lift a picture, which alone fits no better than its equal, over
    a cosine of 1, and what is not wanted can push a score below -1. The order of hits needs those
    scores; what they are called in an answer is a cosine. So is the product of two equal unit
    vectors, which rounding puts above 1.
    """
    return max(-1.0, min(1.0, score))


def direction(vectors: NDArray[np.float32], weights: Floats) -> tuple[NDArray[np.float32], float]:
    """Return the weighted mean of what is wanted: its direction, and its length.

    Nearness to it finds the candidates. Its cosine times the length is the weighted mean of the
    parts' cosines.

    Args:
        vectors: float32 (P, dim), unit rows.
        weights: float64 (P,), some positive; the others are not wanted.

    Returns:
        A unit vector, float32 (dim,), and a length in [0, 1]; zeros if the parts cancel each other.
    """
    wanted = np.maximum(weights, 0)
    mean = (wanted / wanted.sum()) @ vectors.astype(np.float64)
    length = float(np.linalg.norm(mean))
    if length < 1e-6:
        return np.zeros(vectors.shape[1], np.float32), 0.0
    return (mean / length).astype(np.float32), length


def combined(logits: Floats, weights: Floats) -> Floats:
    """Return the logits of f, float64 (K,), see above.

    Args:
        logits: float64 (K, P), how well each part fits each segment.
        weights: float64 (P,), not zero, some positive.
    """
    wanted = weights > 0
    # log(f) and log(1 - f), which stay apart where f is 0 or 1 as far as a float can say.
    log = -np.logaddexp(0, np.where(wanted, -logits, logits)) @ np.abs(weights)
    log = np.minimum(log / weights[wanted].sum(), -1e-300)
    found: Floats = log - np.log(-np.expm1(log))
    return found
