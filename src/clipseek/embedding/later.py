"""LaterEmbedder: a model that is loaded when the first picture or sentence comes."""

from collections.abc import Callable, Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from clipseek.embedding.bundle import Bundle
from clipseek.protocols import Embedder


class LaterEmbedder:
    """Knows of a model what its bundle says: an ingest with nothing new needs no more."""

    def __init__(self, bundle: Bundle, load: Callable[[], Embedder]) -> None:
        """Keep what is needed; `load` is called once, by the first thread that embeds."""
        self._bundle = bundle
        self._load = load
        self._loaded: Embedder | None = None
        self._lock = Lock()

    @property
    def model(self) -> str:
        """The bundle's name."""
        return self._bundle.name

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._bundle.dim

    @property
    def image_size(self) -> int:
        """Side of the square picture that the model sees, in pixels."""
        return self._bundle.image_size

    @property
    def fingerprint(self) -> str:
        """The bundle's fingerprint."""
        return self._bundle.fingerprint

    def fit(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resize and crop as the model does; see `protocols`."""
        return self._embedder().fit(pixels)

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed pictures; see `protocols`."""
        return self._embedder().embed_images(pixels)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed sentences; see `protocols`."""
        return self._embedder().embed_texts(texts)

    def read(self, texts: Sequence[str]) -> list[int]:
        """Return how many characters of each sentence the model reads; see `protocols`."""
        return self._embedder().read(texts)

    def _embedder(self) -> Embedder:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded
