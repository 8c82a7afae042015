"""Pictures to vectors, compared with open_clip as its documentation runs it.

    python -m benchmarks.embed_images [--model NAME] [--keep DIR] [--pictures N] [--rounds N]
        [--json]

A model with random weights (see `benchmarks.model`), pictures of 640x360. The straightforward way:
open_clip's transform for each picture, then `encode_image` in torch fp32, 32 at a time. Ours:
`Embedder.embed_images` in each precision that runs here. Both start from uint8 pictures, use all
cores, and take turns; each figure is the median of the rounds.

`ratio`: pictures per second of the fastest precision whose mean cosine with the straightforward
vectors is at least 0.99, divided by those of the straightforward way.
`share`: what part of its time the tower's matrix products alone would take in that precision, as
fast as this machine multiplies (see `benchmarks.chip`), timed in the same rounds.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks.chip import Floor, machine, products
from benchmarks.model import HEIGHT, WIDTH, Made, made, options_of, pictures
from clipseek.embedding.bundle import VISUAL
from clipseek.embedding.pixels import normalise, prepare
from clipseek.embedding.precision import LEAST_COSINE, LEAST_PICTURES, cosine
from clipseek.embedding.towers import on_cpu

BATCH = 32
Way = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def straightforward(model: Made) -> Way:
    """Return open_clip's own way, unit rows."""

    @torch.inference_mode()
    def embed(shown: NDArray[np.uint8]) -> NDArray[np.float32]:
        vectors = []
        for start in range(0, len(shown), BATCH):
            block = [model.transform(Image.fromarray(one)) for one in shown[start : start + BATCH]]
            vectors.append(model.model.encode_image(torch.stack(block), normalize=True).numpy())
        return np.concatenate(vectors)

    return embed


def measure(model: Made, shown: NDArray[np.uint8], rounds: int) -> dict[str, Any]:
    """Time every way in turns and return the object that is printed."""
    ways: dict[str, Way] = {"open_clip": straightforward(model)}
    ways |= {name: on_cpu(bundle).embed_images for name, bundle in model.bundles.items()}
    wanted = ways["open_clip"](shown[:BATCH])
    cosines = {name: cosine(embed(shown[:BATCH]), wanted) for name, embed in ways.items()}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    floors = floors_of(model, shown[:BATCH])
    for _ in range(rounds):
        for name, embed in ways.items():
            rates[name].append(_rate(embed, shown))
        for floor in floors.values():
            floor.measure()
    per_s = {name: statistics.median(found) for name, found in rates.items()}
    good = [name for name in model.bundles if cosines[name] >= LEAST_COSINE]
    best = max(good, key=per_s.__getitem__)
    shares = {
        name: per_s[name] * floor.seconds / len(shown[:BATCH]) for name, floor in floors.items()
    }
    return {
        "name": "embed_images",
        "ratio": round(per_s[best] / per_s["open_clip"], 1),
        "model": f"{model.architecture}, random weights",
        "precision": best,
        "share": round(shares[best], 2),
        "cosine": round(cosines[best], 4),
        **{
            f"ratio_in_{name}": round(per_s[name] / per_s["open_clip"], 1) for name in model.bundles
        },
        **{f"share_in_{name}": round(share, 2) for name, share in shares.items()},
        "cores": os.cpu_count(),
        **machine(),
        "pictures": len(shown),
        "size": f"{WIDTH}x{HEIGHT}",
        "compared": "embed_images with open_clip's transform and encode_image in torch fp32",
        "products_gflops": {name: round(each.gflops, 1) for name, each in floors.items()},
        "pictures_per_s": {name: round(rate, 1) for name, rate in per_s.items()},
        "cosines": {name: round(value, 5) for name, value in cosines.items()},
    }


def floors_of(model: Made, shown: NDArray[np.uint8]) -> dict[str, Floor]:
    """Return what the products of one block of pictures cost, by precision."""
    base = model.bundles["fp32"]
    pixels = normalise(prepare(shown, base.recipe), base.recipe)
    found = products(base.path / VISUAL, {"pixels": pixels})
    return {name: Floor(found, bundle.precision) for name, bundle in model.bundles.items()}


def _rate(embed: Way, shown: NDArray[np.uint8]) -> float:
    start = time.perf_counter()
    embed(shown)
    return len(shown) / (time.perf_counter() - start)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a table, or with --json one object."""
    parser = options_of("Measure pictures to vectors.", rounds=5)
    parser.add_argument("--pictures", type=int, default=128, help="in a round (128)")
    options = parser.parse_args(arguments)
    shown = pictures(max(options.pictures, LEAST_PICTURES))
    with made(shown, options.model, kept=options.keep) as model:
        found = measure(model, shown, options.rounds)
    if options.json:
        print(json.dumps(found))
        return 0
    for name, rate in found["pictures_per_s"].items():
        print(f"{name:10} {rate:8.1f} pictures/s   cosine {found['cosines'][name]:.5f}")
    print(f"ratio      {found['ratio']:8.1f} ({found['precision']})")
    print(f"share      {found['share']:8.2f} of {found['processor']}, {found['flags']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
