"""ToySentences: a sentence model that knows which words of a few mean the same."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clipseek.types import Relevance

TOY_MEANINGS = (
    {"car", "vehicle", "automobile"},
    {"fast", "speeding", "quickly"},
    {"cat", "kitten"},
    {"sleeps", "napping"},
)
"""Words that mean the same."""


class ToySentences:
    """A SentenceEmbedder of six components: one for each meaning, and two for no meaning.

    What is asked and a passage have cosine 1 if they have the same meanings, and 0 if they have no
    common one.
    """

    dim = len(TOY_MEANINGS) + 2
    relevance = Relevance(20.0, -14.0, fitted=False)

    def __init__(self, fingerprint: str = "toy-sentences-1") -> None:
        """Keep the fingerprint: another one stands for another model."""
        self.fingerprint = fingerprint
        self.passages: list[str] = []

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 (N, 6), unit rows."""
        return self._vectors(texts, -1)

    def _vectors(self, texts: Sequence[str], nothing: int) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            said = set(text.lower().split())
            vectors[row, :-2] = [bool(said & words) for words in TOY_MEANINGS]
            vectors[row, nothing] = not vectors[row].any()
        unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Do the same, and note what was embedded."""
        self.passages += texts
        return self._vectors(texts, -2)

    def read(self, texts: Sequence[str]) -> list[int]:
        """Return the length of each: all is read, and nothing of what has no letter."""
        return [len(text) if any(map(str.isalnum, text)) else 0 for text in texts]
