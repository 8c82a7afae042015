"""ToyEmbedder: an embedder that knows colours only."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clipseek.embedding.pixels import Recipe, prepare
from clipseek.patches import Box, Patches

TOY_WORDS = 40
"""Words of a sentence that ToyEmbedder reads."""

# RGB in [0, 1] of the words that ToyEmbedder knows.
TOY_COLOURS = {
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
    "yellow": (1.0, 1.0, 0.0),
    "cyan": (0.0, 1.0, 1.0),
    "magenta": (1.0, 0.0, 1.0),
    "orange": (1.0, 0.5, 0.0),
    "white": (1.0, 1.0, 1.0),
    "grey": (0.5, 0.5, 0.5),
    "black": (0.0, 0.0, 0.0),
}


class ToyEmbedder:
    """An Embedder that knows colours: a picture is its mean colour, a sentence its colour words.

    The space is (red - 0.5, green - 0.5, blue - 0.5, 0.5, 0), normalised: a picture of one colour
    has cosine 1 with that colour's word. A sentence without a colour word is (0, 0, 0, 0, 1):
    cosine 0 with every picture. No more than the first 40 words of a sentence are read.
    """

    model = "toy"
    dim = 5
    image_size = 8
    fingerprint = "toy-1"

    def prepare(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resize uint8 (N, H, W, 3) to (N, 8, 8, 3)."""
        recipe = Recipe(self.image_size, (0, 0, 0), (1, 1, 1), "bilinear", "squash")
        return prepare(pixels, recipe)

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed uint8 (N, H, W, 3) RGB of any size; return float32 (N, 5), unit rows."""
        means = self.prepare(pixels).mean(axis=(1, 2), dtype=np.float64) / 255
        return self._vectors(means.reshape(-1, 3))

    def patches(self, pixels: NDArray[np.uint8]) -> Patches:
        """Return the colours of 8 x 8 parts of one picture, which is seen whole."""
        colours = self.prepare(pixels[np.newaxis])[0] / 255
        side = self.image_size
        vectors = self._vectors(colours.reshape(-1, 3)).reshape(side, side, self.dim)
        return Patches(vectors, Box(0, 0, 1, 1))

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed sentences by their colour words; return float32 (N, 5), unit rows."""
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            words = text.lower().split()[:TOY_WORDS]
            named = [TOY_COLOURS[word] for word in words if word in TOY_COLOURS]
            vectors[row] = self._vectors(np.mean([named], axis=1))[0] if named else (0, 0, 0, 0, 1)
        return vectors

    def read(self, texts: Sequence[str]) -> list[int]:
        """Return how many characters are read: to the end of the 40th word; 0 without a letter."""
        found = []
        for text in texts:
            ends = [word.end() for word in re.finditer(r"\S+", text)]
            end = len(text) if len(ends) <= TOY_WORDS else ends[TOY_WORDS - 1]
            found.append(end if re.search(r"[^\W\u3164]", text) else 0)
        return found

    def _vectors(self, colours: NDArray[np.float64]) -> NDArray[np.float32]:
        rows = np.zeros((len(colours), self.dim))
        rows[:, :3] = colours - 0.5
        rows[:, 3] = 0.5
        unit: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit.astype(np.float32)
