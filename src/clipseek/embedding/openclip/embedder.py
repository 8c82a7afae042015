"""OpenClipEmbedder: runs a model with torch, on the CPU or in half precision on a GPU."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clipseek.embedding.openclip import resize as resizing
from clipseek.embedding.openclip.facts import context_length, recipe_of, vector_length
from clipseek.embedding.openclip.weights import Loaded, load_weights
from clipseek.embedding.pixels import Recipe, normalise
from clipseek.embedding.pixels import fit as pixels_fit
from clipseek.embedding.words import clean, longest_read, says_something
from clipseek.errors import ConfigError

# Rows that go through a tower at once: bounds memory; a GPU is full well before.
_BLOCK = {"cpu": 32, "cuda": 512}


class OpenClipEmbedder:
    """Embeds pictures and sentences with open_clip's own towers and tokenizer.

    On a GPU it runs in fp16. Each block is copied there from pinned memory while the one before is
    computed, and its pictures are resized there. This was not measured: no GPU was at hand.
    """

    def __init__(
        self,
        loaded: Loaded,
        *,
        name: str,
        device: str,
        fingerprint: str | None,
        resize: Literal["host", "device"] | None = None,
    ) -> None:
        self._name = name
        self._device = torch.device(device)
        self._on_device = (resize or ("device" if self._is_gpu else "host")) == "device"
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
        resize: Literal["host", "device"] | None = None,
    ) -> "OpenClipEmbedder":
        """Load a model of open_clip's list.

        Args:
            architecture: As open_clip names it.
            pretrained: The tag of published weights.
            checkpoint: A local file of weights instead.
            device: "cpu", "cuda" or "cuda:1"; None takes a GPU where there is one.
            fingerprint: That of the bundle exported from the same weights, where the vectors are
                to share a collection; None derives one from the weights.
            resize: Where pictures are scaled: by Pillow, or by torch on the device, which differs
                by two levels of 255 at most. None takes the device where that is a GPU.

        Raises:
            ConfigError: no such model, its weights cannot be had, or torch sees no GPU.
        """
        if device and device.startswith("cuda") and not torch.cuda.is_available():
            raise ConfigError(
                f"torch {torch.__version__} sees no GPU, but device {device} was asked for; "
                "install a build of torch for CUDA, or set CLIPSEEK_DEVICE=cpu"
            )
        loaded = load_weights(architecture, pretrained=pretrained, checkpoint=checkpoint)
        name = f"{architecture}/{pretrained or (checkpoint.stem if checkpoint else '')}"
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        return cls(loaded, name=name, device=device, fingerprint=fingerprint, resize=resize)

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
        if not self._on_device:
            return pixels_fit(pixels, self._recipe)
        square: NDArray[np.uint8] = resizing.fit(self._moved(pixels), self._recipe).cpu().numpy()
        return square

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed uint8 (N, H, W, 3) RGB of any size; return float32 (N, dim), unit rows."""

        def rows(start: int, stop: int) -> Tensor:
            block = pixels[start:stop]
            if self._on_device:
                square = resizing.fit(self._moved(block), self._recipe)
                return resizing.normalise(square, self._recipe)
            return self._moved(normalise(self.fit(block), self._recipe))

        return self._embed(len(pixels), rows, self._model.encode_image)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed sentences; return float32 (N, dim), unit rows. What is too long is cut."""

        def rows(start: int, stop: int) -> Tensor:
            tokens: Tensor = self._tokenize(list(texts[start:stop]), context_length=self._length)
            return tokens.to(self._device)

        return self._embed(len(texts), rows, self._model.encode_text)

    def read(self, texts: Sequence[str]) -> list[int]:
        """Return how many characters of each sentence the model reads; see `protocols`."""
        return [
            longest_read(text, self._fits) if says_something(clean(text, "whitespace")) else 0
            for text in texts
        ]

    def _fits(self, text: str) -> bool:
        """Whether a sentence has no more tokens than the model takes.

        The tokenizers cut without a word, so one is asked for a token more: that is padding, as of
        no sentence, behind the same tokens.
        """
        (row,) = self._tokenize([text], context_length=self._length)
        longer, nothing = self._tokenize([text, ""], context_length=self._length + 1)
        return bool((longer[:-1] == row).all()) and bool(longer[-1] == nothing[-1])

    @property
    def _is_gpu(self) -> bool:
        return self._device.type == "cuda"

    def _moved(self, rows: NDArray[Any]) -> Tensor:
        """Copy rows to the device; from pinned memory a GPU fetches them while it computes."""
        tensor = torch.from_numpy(np.ascontiguousarray(rows))
        if not self._is_gpu:
            return tensor
        return tensor.pin_memory().to(self._device, non_blocking=True)

    @torch.inference_mode()
    def _embed(
        self, count: int, rows: Callable[[int, int], Tensor], tower: Any
    ) -> NDArray[np.float32]:
        block = _BLOCK[self._device.type]
        half = torch.autocast("cuda", torch.float16, enabled=self._is_gpu)
        found = [torch.empty(0, self.dim, device=self._device)]
        for start in range(0, count, block):
            with half:
                vectors = tower(rows(start, start + block))
            found.append(torch.nn.functional.normalize(vectors.float(), dim=-1))
        # The only wait for the device: until here, blocks were queued.
        together: NDArray[np.float32] = torch.cat(found).cpu().numpy()
        return together


def _fingerprint(model: nn.Module, recipe: Recipe) -> str:
    digest = hashlib.sha256(repr(sorted(asdict(recipe).items())).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
