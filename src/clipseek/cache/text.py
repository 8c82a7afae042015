"""TextVectors: sentences to vectors, each embedded once as long as a cache remembers it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipseek.parts import normalised
from clipseek.protocols import Cache, TextEmbedder
from clipseek.query import digest

# The cache stores the components of a vector, and then how much of the sentence was read.
_STORED = np.dtype("<f4")
_END_BYTES = 4  # little-endian, as `Embedder.read` says it


@dataclass(frozen=True, slots=True)
class Embedded:
    """Sentences as a model reads them.

    vectors: float32 (N, dim), unit rows. ends: How many characters of each sentence, as
    `parts.normalised` makes it, the model reads: 0 if it finds nothing in it, None for all.
    """

    vectors: NDArray[np.float32]
    ends: Sequence[int | None]


class TextVectors:
    """Embeds sentences, as `parts.normalised` makes them, that the cache does not know.

    The key contains the model's fingerprint and no version, because changes do not affect a vector.
    """

    def __init__(self, cache: Cache, ttl_s: float) -> None:
        self._cache = cache
        self._ttl_s = ttl_s

    def embed(self, embedder: TextEmbedder, texts: Sequence[str]) -> Embedded:
        """Embed each sentence; what is not cached is embedded as one batch."""
        keys = [vector_key(embedder.fingerprint, text) for text in texts]
        sentences = dict(zip(keys, map(normalised, texts), strict=True))
        known = self._known(sentences, embedder.dim)
        unknown = [key for key in sentences if key not in known]
        if unknown:
            new = [sentences[key] for key in unknown]
            rows = embedder.embed_texts(new).astype(_STORED, copy=False)
            read = embedder.read(new)
            known |= zip(unknown, zip(rows, read, strict=True), strict=True)
            entries = {
                key: row.tobytes() + end.to_bytes(_END_BYTES, "little")
                for key, row, end in zip(unknown, rows, read, strict=True)
            }
            self._cache.put_many(entries, self._ttl_s)
        vectors = np.empty((len(keys), embedder.dim), np.float32)
        ends: list[int | None] = []
        for row, key in zip(vectors, keys, strict=True):
            row[:], end = known[key]
            ends.append(None if 0 < end == len(sentences[key]) else end)
        return Embedded(vectors, ends)

    def _known(
        self, sentences: Mapping[str, str], dim: int
    ) -> dict[str, tuple[NDArray[np.float32], int]]:
        """Return what the cache has, except vectors of another length."""
        size = dim * _STORED.itemsize
        known = {}
        values = self._cache.get_many(list(sentences))
        for (key, sentence), value in zip(sentences.items(), values, strict=True):
            if value is None or len(value) != size + _END_BYTES:
                continue
            end = int.from_bytes(value[size:], "little")
            if end <= len(sentence):
                known[key] = np.frombuffer(value, _STORED, dim), end
        return known


def vector_key(fingerprint: str, text: str) -> str:
    """Return the key of a sentence's vector by the model of this fingerprint."""
    return digest("vector", [fingerprint, normalised(text)])
