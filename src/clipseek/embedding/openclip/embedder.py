"""OpenClipEmbedder: runs a model with torch, on the CPU or in half precision on a GPU."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clipseek.embedding.openclip.facts import context_length, recipe_of, vector_length
from clipseek.embedding.openclip.weights import Loaded, load_weights
from clipseek.embedding.pixels import Recipe, fit, normalise

# Rows that go through a tower at once: bounds memory; a GPU is full well before.
_BLOCK = {"cpu": 32, "cuda": 256}


class OpenClipEmbedder:
    """Embeds pictures and sentences with open_clip's own towers and tokenizer."""

    def __init__(self, loaded: Loaded, *, name: str, device: str, fingerprint: str | None) -> None:
        self._name = name
        self._device = torch.device(device)
        self._model: nn.Module = loaded.model.to(self._device)
        self._tokenize = loaded.tokenizer
        self._recipe = recipe_of(loaded.preprocess_cfg)
        self._length = context_length(loaded.model)
        self._dim = vector_length(loaded.model)
        self._fingerprint = fingerprint or _fingerprint(loaded.model, self._recipe)

    @classmethod
    def open(
        cls,
        architecture: str,
        *,
        pretrained: str | None = None,
        checkpoint: Path | None = None,
        device: str | None = None,
        fingerprint: str | None = None,
    ) -> "OpenClipEmbedder":
        """Load a model of open_clip's list.

        Args:
            architecture: As open_clip names it.
            pretrained: The tag of published weights.
            checkpoint: A local file of weights instead.
            device: "cpu", "cuda" or "cuda:1"; None takes a GPU where there is one.
            fingerprint: That of the bundle exported from the same weights, where the vectors are
                to share a collection; None derives one from the weights.

        Raises:
            ConfigError: no such model, or its weights cannot be had.
        """
        loaded = load_weights(architecture, pretrained=pretrained, checkpoint=checkpoint)
        name = f"{architecture}/{pretrained or (checkpoint.stem if checkpoint else '')}"
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        return cls(loaded, name=name, device=device, fingerprint=fingerprint)

    @property
    def model(self) -> str:
        """`ARCHITECTURE/PRETRAINED`."""
        return self._name

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._dim

    @property
    def image_size(self) -> int:
        """Side of the square picture that the model sees, in pixels."""
        return self._recipe.image_size

    @property
    def fingerprint(self) -> str:
        """Hash of the weights and the picture recipe, or the bundle's that was given."""
        return self._fingerprint

    def fit(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resize and crop uint8 (N, H, W, 3) by the model's recipe to (N, S, S, 3)."""
        return fit(pixels, self._recipe)

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed uint8 (N, H, W, 3) RGB of any size; return float32 (N, dim), unit rows."""

        def rows(start: int, stop: int) -> Tensor:
            return torch.from_numpy(normalise(self.fit(pixels[start:stop]), self._recipe))

        return self._embed(len(pixels), rows, self._model.encode_image)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed sentences; return float32 (N, dim), unit rows. What is too long is cut."""

        def rows(start: int, stop: int) -> Tensor:
            tokens: Tensor = self._tokenize(list(texts[start:stop]), context_length=self._length)
            return tokens

        return self._embed(len(texts), rows, self._model.encode_text)

    @torch.inference_mode()
    def _embed(
        self, count: int, rows: Callable[[int, int], Tensor], tower: Any
    ) -> NDArray[np.float32]:
        vectors = np.empty((count, self.dim), np.float32)
        block = _BLOCK[self._device.type]
        half = torch.autocast("cuda", torch.float16, enabled=self._device.type == "cuda")
        for start in range(0, count, block):
            with half:
                found = tower(rows(start, start + block).to(self._device))
            unit = torch.nn.functional.normalize(found.float(), dim=-1)
            vectors[start : start + block] = unit.cpu().numpy()
        return vectors


def _fingerprint(model: nn.Module, recipe: Recipe) -> str:
    digest = hashlib.sha256(repr(sorted(asdict(recipe).items())).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
