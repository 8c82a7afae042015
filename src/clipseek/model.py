"""A loaded model: its embedder and the constants that scoring and segmenting need."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from clipseek.protocols import Embedder
from clipseek.types import Collection, Relevance, Scoring


@dataclass(frozen=True, slots=True)
class Model:
    """What the pipeline and the searcher need of a model.

    name: by which a collection finds its model again: the bundle's, or the path of its folder.
    logit_scale: the model's own, the multiplier of a cosine. logit_bias: what it adds to that where
    it was trained with a sigmoid, else None. coherence: cosine under which a
    frame does not belong to the running segment. relevance: the bundle's constants.
    bank: float32 (B, dim), unit rows; see `calibration.bias`. bank_hash: of the file it is from.
    """

    name: str
    embedder: Embedder
    logit_scale: float
    coherence: float
    relevance: Relevance
    bank: NDArray[np.float32] = field(repr=False)
    logit_bias: float | None = None
    bank_hash: str = ""

    @property
    def scoring(self) -> Scoring:
        """What turns this model's scores into relevance."""
        return Scoring(self.bank_hash, self.logit_scale, self.relevance, self.logit_bias)

    def scoring_of(self, collection: Collection) -> Scoring:
        """Return what turns scores of a collection into relevance, whatever bundle this is.

        The collection's own scoring, by which its biases were computed, if that was recorded, and
        the constants that were fitted on the user's own queries, if there are any.
        """
        scoring, fitted = collection.scoring or self.scoring, collection.relevance
        return scoring if fitted is None else replace(scoring, relevance=fitted)
