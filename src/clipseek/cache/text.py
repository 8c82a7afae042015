"""TextVectors: sentences to vectors, each embedded once as long as a cache remembers it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clipseek.cache.keys import normalised, vector_key
from clipseek.protocols import Cache, Embedder

# A vector lies in the cache as its components, little-endian.
_STORED = np.dtype("<f4")


class TextVectors:
    """Embeds sentences, as `keys.normalised` makes them, that the cache does not know.

    The key holds the model's fingerprint and no version: a vector outlives every change.
    """

    def __init__(self, cache: Cache, ttl_s: float) -> None:
        self._cache = cache
        self._ttl_s = ttl_s

    def embed(self, embedder: Embedder, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 (N, dim), unit rows; what is not cached is embedded as one batch."""
        keys = [vector_key(embedder.fingerprint, text) for text in texts]
        sentences = dict(zip(keys, map(normalised, texts), strict=True))
        vectors = self._known(list(sentences), embedder.dim)
        unknown = [key for key in sentences if key not in vectors]
        if unknown:
            rows = embedder.embed_texts([sentences[key] for key in unknown])
            vectors |= zip(unknown, rows, strict=True)
            entries = {key: vectors[key].astype(_STORED).tobytes() for key in unknown}
            self._cache.put_many(entries, self._ttl_s)
        found = np.empty((len(keys), embedder.dim), np.float32)
        for row, key in zip(found, keys, strict=True):
            row[:] = vectors[key]
        return found

    def _known(self, keys: Sequence[str], dim: int) -> dict[str, NDArray[np.float32]]:
        """Return the vectors that the cache has; what is no vector of this length is not one."""
        values = zip(keys, self._cache.get_many(keys), strict=True)
        return {
            key: np.frombuffer(value, _STORED)
            for key, value in values
            if value is not None and len(value) == dim * _STORED.itemsize
        }
