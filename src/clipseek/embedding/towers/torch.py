"""TorchTower: one half of an open_clip model on torch, on the CPU or in half precision on a GPU."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clipseek.embedding.bundle import Bundle
from clipseek.embedding.embedder import BundleEmbedder
from clipseek.embedding.openclip import Loaded, load_weights
from clipseek.embedding.pixels import Recipe
from clipseek.embedding.towers import patches_on_cpu
from clipseek.errors import ConfigError, ServiceUnavailable
from clipseek.protocols import Intake

# Rows that go through a tower at once: bounds memory; a GPU is full well before.
_BLOCK = {"cpu": 32, "cuda": 512}
_log = logging.getLogger(__name__)


def on_torch(
    bundle: Bundle, *, device: str, checkpoint: Path | None = None, threads: int | None = None
) -> BundleEmbedder:
    """Return the embedder of a bundle whose towers run from the weights that it was made from.

    Args:
        bundle: In fp32, of a model of open_clip's list.
        device: "cpu", "cuda" or "cuda:1".
        checkpoint: The local file of weights that the bundle was made from, if there is one.
        threads: Scale pictures.

    Raises:
        ConfigError: the bundle is not one of open_clip's list in fp32.
    """
    architecture, _, tag = bundle.name.partition("/")
    if bundle.precision != "fp32" or not tag:
        raise ConfigError(
            f"device {device} needs a model of open_clip's list in fp32, and {bundle.name!r} "
            "is not one; set CLIPSEEK_DEVICE=cpu, or name another model (`indexer models` "
            "prints them)"
        )
    weights = partial(
        load_weights,
        architecture,
        pretrained=tag if checkpoint is None else None,
        checkpoint=checkpoint,
    )
    model = TorchModel(weights, device)
    tower = partial(TorchTower, model, recipe=bundle.recipe)
    return BundleEmbedder(
        bundle,
        tower("visual"),
        tower("text"),
        threads=threads,
        patches=patches_on_cpu(bundle, threads),
    )


class TorchModel:
    """An open_clip model, loaded by the first of its towers that runs."""

    def __init__(self, load: Callable[[], Loaded], device: str) -> None:
        """Keep how the model is loaded, and the name of its device: "cpu", "cuda" or "cuda:1"."""
        self.device = torch.device(device)
        self._load = load
        self._lock = Lock()
        self._loaded: nn.Module | None = None

    def loaded(self) -> nn.Module:
        """Return the model on its device.

        Raises:
            ConfigError: torch sees no such device, or the weights are not available.
        """
        with self._lock:
            if self._loaded is None:
                if self.device.type == "cuda" and not torch.cuda.is_available():
                    raise ConfigError(
                        f"torch {torch.__version__} sees no GPU, but device {self.device} was "
                        "asked for; install a build of torch for CUDA, or set CLIPSEEK_DEVICE=cpu"
                    )
                self._loaded = self._load().model.to(self.device)
            return self._loaded


class TorchTower:
    """Runs one half of a model; on a GPU in fp16, rows copied there from pinned memory."""

    def __init__(
        self, model: TorchModel, half: Literal["visual", "text"], *, recipe: Recipe
    ) -> None:
        """Keep what is needed; both halves share `model`."""
        self._model = model
        self._half = half
        self._recipe = recipe
        self._most = _BLOCK[model.device.type]

    @property
    def intake(self) -> Intake:
        """Pictures as they are: a quarter of the bytes to copy; the device normalises them."""
        return Intake(self._most)

    def run(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 (N, dim), not normalised; raise as `check` does.

        If the device has too little memory for the rows, half of them are run at once from then on.

        Raises:
            ServiceUnavailable: it has too little memory for one row.
        """
        try:
            return self._vectors(rows)
        except torch.OutOfMemoryError as error:
            half = len(rows) // 2
            if not half:
                raise ServiceUnavailable(
                    f"device {self._model.device} has too little memory for one row; end what "
                    "else uses it, or set CLIPSEEK_DEVICE=cpu"
                ) from error
            self._most = min(self._most, half)
        # Outside of the handler, because the error keeps what was computed alive.
        _log.warning(
            "device %s has too little memory for %d rows at once; going on with %d",
            self._model.device,
            len(rows),
            half,
        )
        if self._is_gpu:
            torch.cuda.empty_cache()
        return np.concatenate([self.run(rows[:half]), self.run(rows[half:])])

    def _vectors(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        model, half = self._model.loaded(), self._is_gpu
        with torch.inference_mode(), torch.autocast("cuda", torch.float16, enabled=half):
            if self._half == "visual":
                found = model.encode_image(_normalised(self._moved(rows), self._recipe))  # type: ignore[operator]
            else:
                found = model.encode_text(self._moved(rows))  # type: ignore[operator]
            vectors: NDArray[np.float32] = found.float().cpu().numpy()
        return vectors

    def check(self) -> None:
        """Load the model.

        Raises:
            ConfigError: torch sees no such device, or the weights are not available.
        """
        self._model.loaded()

    @property
    def _is_gpu(self) -> bool:
        return self._model.device.type == "cuda"

    def _moved(self, rows: NDArray[Any]) -> Tensor:
        """Copy rows to the device; from pinned memory a GPU fetches them by itself."""
        tensor = torch.from_numpy(np.ascontiguousarray(rows))
        if not self._is_gpu:
            return tensor
        return tensor.pin_memory().to(self._model.device, non_blocking=True)


def _normalised(square: Tensor, recipe: Recipe) -> Tensor:
    """Take the steps of `pixels.normalise` on the device."""
    mean, std = (
        torch.tensor(values, device=square.device).view(3, 1, 1)
        for values in (recipe.mean, recipe.std)
    )
    return (square.permute(0, 3, 1, 2).float() / 255 - mean) / std
