"""BundleEmbedder: prepares pictures and sentences for the two towers of a bundle."""

import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clipseek.embedding.bundle import Bundle
from clipseek.embedding.pixels import covered, normalise, prepare
from clipseek.embedding.tokens import Tokens
from clipseek.errors import ConfigError
from clipseek.patches import Patches
from clipseek.protocols import PatchTower, Tower

# What a further run of a text tower costs, in tokens of one that runs anyway: a run reads all
# weights. ViT-B-32, one thread: 16 ms for a sentence of one token, 0.7 ms for each further one.
_RUN_TOKENS = 22


class BundleEmbedder:
    """Scales pictures and encodes sentences, batches both, and normalises what the towers return.

    The towers run anywhere: see `protocols.Tower`. Nothing is loaded before its first use, because
    a search needs no visual tower, an ingest no text tower, and each can have a gigabyte.
    """

    def __init__(
        self,
        bundle: Bundle,
        visual: Tower,
        text: Tower,
        *,
        threads: int | None = None,
        patches: PatchTower | None = None,
    ) -> None:
        """Keep what is needed; `threads` scale pictures, None takes all cores."""
        self._bundle = bundle
        self._visual = visual
        self._text = text
        self._patches = patches
        self._threads = threads or os.cpu_count() or 1
        self._tokens = Tokens(bundle)

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

    def check_images(self) -> None:
        """Make sure that pictures can be embedded.

        Raises:
            ConfigError: a file of the bundle is damaged, or the tower is set up wrong.
            ServiceUnavailable: the tower cannot be reached.
        """
        self._visual.check()

    def check_texts(self) -> None:
        """Make sure that sentences can be embedded; raise as `check_images` does."""
        self._text.check()
        self._tokens.check()

    def prepare(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resize and crop uint8 (N, H, W, 3) by the model's recipe to (N, S, S, 3)."""
        return prepare(pixels, self._bundle.recipe)

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed uint8 (N, H, W, 3) RGB of any size; return float32 (N, dim), unit rows.

        Raises:
            ConfigError, ServiceUnavailable: as `check_images` does.
        """
        recipe, intake = self._bundle.recipe, self._visual.intake
        vectors = np.empty((len(pixels), self.dim), np.float32)
        for start in range(0, len(pixels), intake.most):
            square = prepare(pixels[start : start + intake.most], recipe, threads=self._threads)
            rows = normalise(square, recipe) if intake.normalised else square
            vectors[start : start + intake.most] = self._unit(self._visual, rows)
        return vectors

    def patches(self, pixels: NDArray[np.uint8]) -> Patches | None:
        """Return what the parts of one picture show, uint8 (H, W, 3) RGB; None if unknown.

        Raises:
            ConfigError, ServiceUnavailable: as `check_images` does.
        """
        if self._patches is None:
            return None
        recipe = self._bundle.recipe
        rows = normalise(prepare(pixels[np.newaxis], recipe), recipe)
        vectors = self._patches.run(rows)[0]
        return Patches(vectors, covered(pixels.shape[1], pixels.shape[0], recipe))

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed sentences; return float32 (N, dim), unit rows. What is too long is cut.

        A tower that takes any length sees no padding past the longest sentence of a block, and
        sentences of like length share a block: a long one does not make short ones long.

        Raises:
            ConfigError, ServiceUnavailable: as `check_texts` does.
        """
        vectors = np.empty((len(texts), self.dim), np.float32)
        if not len(texts):
            return vectors
        encoded, intake = self._tokens.encode(texts), self._text.intake
        whole = np.full(len(texts), self._bundle.context_length)
        lengths = encoded.lengths if intake.any_length else whole
        for rows in blocks(lengths, intake.most):
            ids = encoded.ids[rows, : lengths[rows].max()]
            vectors[rows] = self._unit(self._text, ids)
        return vectors

    def tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return the token ids of sentences, int64 (N, context_length)."""
        return self._tokens.encode(texts).ids

    def read(self, texts: Sequence[str]) -> list[int]:
        """Return how many characters of each sentence the model reads; see `protocols`."""
        return self._tokens.read(texts)

    def _unit(self, tower: Tower, rows: NDArray[np.generic]) -> NDArray[np.float32]:
        """Run rows and normalise what comes back.

        Raises:
            ConfigError: it cannot be what this model's tower returns.
        """
        vectors = tower.run(rows)
        if vectors.shape != (len(rows), self.dim):
            raise ConfigError(
                f"a tower of the model {self.model!r} must return {(len(rows), self.dim)} numbers "
                f"for {len(rows)} rows, and returned {vectors.shape}; it runs another model; "
                "start it with this one"
            )
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (np.isfinite(lengths).all() and lengths.all()):
            raise ConfigError(
                f"a tower of the model {self.model!r} returned a vector that is zero or is not "
                "finite; use the model in another precision, or export it again"
            )
        unit: NDArray[np.float32] = vectors / lengths
        return unit


def blocks(lengths: NDArray[np.int64], most: int) -> list[NDArray[np.int64]]:
    """Return the rows that go through the tower together, shortest first, `most` at most.

    A block ends when padding its rows to the length of the next one would cost more than a run
    of their own.
    """
    order = np.argsort(lengths, kind="stable")
    starts = [0] if len(order) else []
    for place, row in enumerate(order.tolist()):
        held = place - starts[-1]
        padding = held * int(lengths[row] - lengths[order[place - 1]]) if held else 0
        if held == most or padding > _RUN_TOKENS:
            starts.append(place)
    return np.split(order, starts[1:]) if starts else []
