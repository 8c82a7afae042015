"""A ViT-B-32 with random weights, to measure speed without downloading weights.

The architecture is open_clip's, so the work is that of trained weights. What a precision costs in
quality is not: random weights have none of the large activations that trained ones have.
"""

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from clipseek.demo.drawing import draw
from clipseek.demo.world import sample_scene
from clipseek.embedding.bundle import Bundle
from clipseek.embedding.export import export_bundle
from clipseek.embedding.openclip import load_open_clip
from clipseek.embedding.pixels import prepare
from clipseek.embedding.precision import Choice, variant
from clipseek.errors import ConfigError

ARCHITECTURE = "ViT-B-32"
WIDTH, HEIGHT = 640, 360
SENTENCES = (
    "a red car turning at night",
    "two people shaking hands",
    "a dog runs into the water",
    "white letters on a black screen",
)


@dataclass(frozen=True, slots=True)
class Made:
    """The model as open_clip runs it, its weights, and its bundles by precision, fp32 first.

    What this machine lacks is missing from `bundles`.
    """

    model: Any
    transform: Callable[[Any], torch.Tensor]
    tokenize: Callable[[list[str]], torch.Tensor]
    bundles: dict[str, Bundle]
    checkpoint: Path


@contextmanager
def made(
    pictures: NDArray[np.uint8], precisions: Sequence[Choice] = ("bf16", "int8")
) -> Iterator[Made]:
    """Make the model in a temporary folder; `pictures` calibrate and measure its precisions."""
    open_clip = load_open_clip()
    torch.manual_seed(0)
    logging.disable(logging.WARNING)  # "initialized randomly"
    model, _, transform = open_clip.create_model_and_transforms(ARCHITECTURE)
    logging.disable(logging.NOTSET)
    with tempfile.TemporaryDirectory() as name:
        checkpoint = Path(name) / "random.pt"
        torch.save(model.state_dict(), checkpoint)
        base = export_bundle(
            ARCHITECTURE, Path(name) / "fp32", checkpoint=checkpoint, bank_captions=SENTENCES
        )
        bundles = {"fp32": base, **_precisions(base, Path(name), pictures, precisions)}
        tokenize = open_clip.get_tokenizer(ARCHITECTURE)
        yield Made(model.eval(), transform, tokenize, bundles, checkpoint)


def _precisions(
    base: Bundle, folder: Path, pictures: NDArray[np.uint8], precisions: Sequence[Choice]
) -> dict[str, Bundle]:
    found: dict[str, Bundle] = {}
    for precision in precisions:
        try:
            found[precision] = variant.resolve(
                base,
                folder,
                precision,
                captions=SENTENCES,
                pictures=lambda count: prepare(pictures[:count], base.recipe),
            )
        except ConfigError:
            continue
    return found


def pictures(count: int) -> NDArray[np.uint8]:
    """Draw scenes of the demo world, uint8 (count, HEIGHT, WIDTH, 3)."""
    random = Random(0)
    return np.stack([draw(sample_scene(random), WIDTH, HEIGHT) for _ in range(count)])
