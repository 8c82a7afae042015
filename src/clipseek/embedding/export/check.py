"""Whether an exported bundle gives the vectors that the model gives."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from clipseek.embedding.embedder import BundleEmbedder
from clipseek.embedding.openclip.load import load_open_clip
from clipseek.errors import ConfigError

# Cosine between a vector of the model and the same of the bundle. Rounding costs about 1e-6; a
# wrong resize or a lost layer costs far more than 1e-3.
_AGREEMENT = 0.999

_SENTENCES = (
    "a person rides a bicycle along a beach",
    "night",
    "the title of a video in white letters on black",
    "two dogs, three cats and one very small horse stand in the rain behind a red fence",
    "",
    "word " * 200,
)


def check_export(
    model: nn.Module, preprocess_cfg: Mapping[str, Any], embedder: BundleEmbedder
) -> float:
    """Compare pictures and sentences through both; return the lowest cosine.

    Raises:
        ConfigError: a cosine is below 0.999.
    """
    pictures = _pictures(embedder.image_size)
    found = [embedder.embed_images(picture[None])[0] for picture in pictures]
    together = embedder.embed_images(np.stack([pictures[0]] * 2))
    wanted = _picture_vectors(model, preprocess_cfg, pictures)
    worst = [_compare("picture", np.stack(found), wanted)]
    worst.append(_compare("picture", together, wanted[[0, 0]]))
    tokens = torch.from_numpy(embedder.tokens(_SENTENCES))
    with torch.inference_mode():
        wanted = model.encode_text(tokens).numpy()  # type: ignore[operator]
    worst.append(_compare("sentence", embedder.embed_texts(_SENTENCES), wanted))
    return min(worst)


def _compare(what: str, found: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    wanted = wanted / np.linalg.norm(wanted, axis=1, keepdims=True)
    worst = float(np.sum(found * wanted, axis=1).min())
    if not worst >= _AGREEMENT:
        raise ConfigError(
            f"the exported model does not agree with open_clip: cosine {worst:.5f} for a {what}, "
            f"and at least {_AGREEMENT} is required; nothing was written. Please report the "
            "model's name "
            "and the versions of torch and open_clip"
        )
    return worst


def _picture_vectors(
    model: nn.Module, preprocess_cfg: Mapping[str, Any], pictures: list[NDArray[np.uint8]]
) -> NDArray[np.float32]:
    transform = load_open_clip().transform
    prepare = transform.image_transform_v2(transform.PreprocessCfg(**preprocess_cfg), False)
    rows = [prepare(Image.fromarray(picture)) for picture in pictures]
    with torch.inference_mode():
        vectors: NDArray[np.float32] = model.encode_image(torch.stack(rows)).numpy()  # type: ignore[operator]
    return vectors


def _pictures(side: int) -> list[NDArray[np.uint8]]:
    """Return noise, gradients and shapes: of the model's size, wide, tall and small."""
    random = np.random.default_rng(0)
    return [
        random.integers(0, 256, (side, side, 3), np.uint8),
        _gradient(side * 2, side * 3 + 1),
        _shapes(side + 7, side // 2),
        _shapes(side, side),
        _gradient(9, 13),
    ]


def _gradient(height: int, width: int) -> NDArray[np.uint8]:
    y, x = np.mgrid[0:height, 0:width]
    channels = [255 * x / width, 255 * y / height, 255 - 255 * x / width]
    return np.stack(channels, axis=2).astype(np.uint8)


def _shapes(height: int, width: int) -> NDArray[np.uint8]:
    y, x = np.mgrid[0:height, 0:width]
    board = ((y // 8 + x // 8) % 2 * 255)[..., None].repeat(3, axis=2)
    board[(y - height / 2) ** 2 + (x - width / 3) ** 2 < (height / 4) ** 2] = (220, 30, 30)
    return np.asarray(board, np.uint8)
