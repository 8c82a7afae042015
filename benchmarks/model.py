"""A model with random weights, ViT-B-32 or another, to measure speed without downloading weights.

The architecture is open_clip's, so the work is that of trained weights. What a precision costs in
quality is not: random weights have none of the large activations that trained ones have.
"""

import argparse
import contextlib
import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from clipseek.demo.drawing import draw
from clipseek.demo.world import sample_scene
from clipseek.embedding.bundle import MANIFEST, Bundle, load
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

    architecture: str
    model: Any
    transform: Callable[[Any], torch.Tensor]
    tokenize: Callable[[list[str]], torch.Tensor]
    bundles: dict[str, Bundle]
    checkpoint: Path


@contextlib.contextmanager
def made(
    pictures: NDArray[np.uint8],
    architecture: str | None = None,
    *,
    precisions: Sequence[Choice] = ("bf16", "int8"),
    kept: Path | None = None,
) -> Iterator[Made]:
    """Make a model, ViT-B-32 unless another is named; `pictures` measure its precisions.

    Its bundles are in a temporary folder, or in `kept`, where those of an earlier call are used
    again: making them takes minutes for a large model, and the weights are always the same.
    """
    architecture = architecture or ARCHITECTURE
    open_clip = load_open_clip()
    torch.manual_seed(0)
    logging.disable(logging.WARNING)  # "initialized randomly"
    model = open_clip.create_model(architecture)
    logging.disable(logging.NOTSET)
    with contextlib.ExitStack() as stack:
        folder = kept or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder /= architecture
        folder.mkdir(parents=True, exist_ok=True)
        checkpoint = folder / "random.pt"
        torch.save(model.state_dict(), checkpoint)
        if (folder / "fp32" / MANIFEST).is_file():
            base = load(folder / "fp32")
        else:
            base = export_bundle(
                architecture, folder / "fp32", checkpoint=checkpoint, bank_captions=SENTENCES
            )
        bundles = {"fp32": base, **_precisions(base, folder, pictures, precisions)}
        tokenize = open_clip.get_tokenizer(architecture)
        transform = _transform(open_clip, base)
        yield Made(architecture, model.eval(), transform, tokenize, bundles, checkpoint)


def _transform(open_clip: Any, base: Bundle) -> Callable[[Any], torch.Tensor]:
    """Return open_clip's transform as it is with published weights.

    Without weights open_clip takes that of CLIP, which is another one for PE-Core.
    """
    recipe = base.recipe
    config = open_clip.transform.PreprocessCfg(
        size=recipe.image_size,
        mean=recipe.mean,
        std=recipe.std,
        interpolation=recipe.interpolation,
        resize_mode=recipe.resize,
        fill_color=recipe.fill,
    )
    found: Callable[[Any], torch.Tensor] = open_clip.transform.image_transform_v2(
        config, is_train=False
    )
    return found


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


def options_of(description: str, rounds: int) -> argparse.ArgumentParser:
    """Return the parser of a benchmark of this model, with the options that each has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--model", default=ARCHITECTURE, help=f"open_clip's name ({ARCHITECTURE})")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where its bundles are kept")
    parser.add_argument("--rounds", type=int, default=rounds, help=f"for the median ({rounds})")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser
