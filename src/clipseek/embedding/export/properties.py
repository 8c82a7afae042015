"""What an open_clip model in memory says about itself: its sizes and its picture recipe."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from clipseek.embedding.pixels import Recipe
from clipseek.errors import ConfigError


def recipe_of(preprocess_cfg: Mapping[str, Any]) -> Recipe:
    """Read open_clip's preprocessing configuration.

    Raises:
        ConfigError: the model takes pictures that are not square.
    """
    size = preprocess_cfg["size"]
    height, width = (size, size) if isinstance(size, int) else size
    if height != width:
        raise ConfigError(f"the model takes {width}x{height} pictures; only square ones are read")
    return Recipe(
        image_size=int(height),
        mean=_triple(preprocess_cfg["mean"]),
        std=_triple(preprocess_cfg["std"]),
        # open_clip takes anything but "bilinear" as bicubic (transform.py, image_transform).
        interpolation="bilinear"
        if preprocess_cfg.get("interpolation") == "bilinear"
        else "bicubic",
        resize=preprocess_cfg.get("resize_mode") or "shortest",
        fill=int(preprocess_cfg.get("fill_color", 0)),
    )


def context_length(model: nn.Module) -> int:
    """Return how many tokens a sentence has; raise ConfigError if the model does not say."""
    length = getattr(model, "context_length", None)
    if not isinstance(length, int):
        raise ConfigError(f"{type(model).__name__} has no context_length and cannot be used")
    return length


@torch.inference_mode()
def vector_length(model: nn.Module) -> int:
    """Return the length of a vector, by embedding one empty sentence."""
    device = next(model.parameters()).device
    tokens = torch.zeros(1, context_length(model), dtype=torch.long, device=device)
    return int(model.encode_text(tokens).shape[1])  # type: ignore[operator]


def logit_scale(model: nn.Module) -> float:
    """Return what the model multiplies a cosine with."""
    return float(model.logit_scale.detach().exp())  # type: ignore[operator]


def logit_bias(model: nn.Module) -> float | None:
    """Return what the model adds to that product, None if it was trained with a softmax."""
    bias = getattr(model, "logit_bias", None)
    return None if bias is None else float(bias.detach())


def _triple(values: float | Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = [values] * 3 if isinstance(values, int | float) else values
    return float(red), float(green), float(blue)
