"""What turns pictures and sentences into vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from clipseek.patches import Patches
from clipseek.types import Relevance


@dataclass(frozen=True, slots=True)
class Intake:
    """How a tower wants its rows.

    most: Rows in one run; more would not be faster, or would change the vector of a row.
    normalised: Pictures come as float32 (N, 3, S, S) by the model's recipe, not as
    uint8 (N, S, S, 3). any_length: Rows of tokens may be cut after the longest sentence.
    """

    most: int = 32
    normalised: bool = False
    any_length: bool = False


class Tower(Protocol):
    """One half of a model, wherever it runs: it turns prepared rows into vectors. Thread-safe.

    A visual tower takes pictures of the model's size, a text tower token ids int64 (N, L), L the
    model's context length; `BundleEmbedder` prepares both.
    """

    @property
    def intake(self) -> Intake:
        """How rows are wanted; asking may load the tower, and raise as `run` does."""
        ...

    def run(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 (N, dim), not normalised: a vector per row, whatever the other rows are.

        `rows` has at least one and at most `intake.most` rows, and is not written to.

        Raises:
            ServiceUnavailable: the tower cannot be reached now; the same rows may be run later.
            ConfigError: the tower cannot run as it is set up.
        """
        ...

    def check(self) -> None:
        """Make sure, without running rows, that the tower can be used; raise as `run` does."""
        ...


class PatchTower(Protocol):
    """What says what the parts of pictures show, wherever it runs. Thread-safe."""

    def run(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return float32 (N, R, C, dim) for float32 (N, 3, S, S) by the model's recipe.

        Raises:
            ServiceUnavailable, ConfigError: as `Tower.run` does.
        """
        ...


class TextEmbedder(Protocol):
    """Turns sentences into unit vectors. Thread-safe."""

    @property
    def dim(self) -> int:
        """Length of a vector."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hash of the weights and the preprocessing: equal fingerprints, equal vectors."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed sentences; return float32 (N, dim), unit rows. What is too long is cut."""
        ...

    def read(self, texts: Sequence[str]) -> list[int]:
        """Return how many characters of each sentence the model reads.

        All of them, unless the sentence has more words than the model accepts; 0 if the model
        finds nothing in it, as in "???", so that its vector means nothing.
        """
        ...


class SentenceEmbedder(TextEmbedder, Protocol):
    """Turns sentences that are asked for, and passages that may mean the same, into vectors."""

    @property
    def relevance(self) -> Relevance:
        """The curve from the cosine of a sentence and a passage to relevance."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed passages; return float32 (N, dim), unit rows. What is too long is cut."""
        ...


class Embedder(TextEmbedder, Protocol):
    """Turns pictures and sentences into unit vectors of one space. Thread-safe."""

    @property
    def model(self) -> str:
        """`ARCHITECTURE/PRETRAINED`, "demo", or the name in the bundle."""
        ...

    @property
    def image_size(self) -> int:
        """Side of the square picture that the model sees, in pixels."""
        ...

    def prepare(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resize and crop uint8 (N, H, W, 3) by the model's recipe to (N, S, S, 3).

        S is `image_size`. Pictures of different videos become rows of one batch by it;
        `embed_images(prepare(x))` equals `embed_images(x)`, and prepared pictures stay as they are.
        """
        ...

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed uint8 (N, H, W, 3) RGB of any size; return float32 (N, dim), unit rows."""
        ...

    def patches(self, pixels: NDArray[np.uint8]) -> Patches | None:
        """Return what the parts of one picture show, uint8 (H, W, 3) RGB; None if unknown.

        Only some models have what it takes.
        """
        ...
