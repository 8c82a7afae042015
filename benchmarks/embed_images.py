"""Pictures to vectors, compared with open_clip as its documentation runs it.

    python -m benchmarks.embed_images [--pictures N] [--rounds N] [--json]

A ViT-B-32 with random weights (see `benchmarks.model`), pictures of 640x360. The straightforward
way: open_clip's transform for each picture, then `encode_image` in torch fp32, 32 at a time. Ours:
`Embedder.embed_images` in each precision that runs here. Both start from uint8 pictures, use all
cores, and take turns; each figure is the median of the rounds.

`ratio`: pictures per second of the fastest precision whose mean cosine with the straightforward
vectors is at least 0.99, divided by those of the straightforward way.
"""

import argparse
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

from benchmarks.model import ARCHITECTURE, HEIGHT, WIDTH, Made, made, pictures
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
    for _ in range(rounds):
        for name, embed in ways.items():
            rates[name].append(_rate(embed, shown))
    per_s = {name: statistics.median(found) for name, found in rates.items()}
    good = [name for name in model.bundles if cosines[name] >= LEAST_COSINE]
    best = max(good, key=per_s.__getitem__)
    return {
        "name": "embed_images",
        "ratio": round(per_s[best] / per_s["open_clip"], 1),
        "model": f"{ARCHITECTURE}, random weights",
        "precision": best,
        "cosine": round(cosines[best], 4),
        **{
            f"ratio_in_{name}": round(per_s[name] / per_s["open_clip"], 1) for name in model.bundles
        },
        "cores": os.cpu_count(),
        "pictures": len(shown),
        "size": f"{WIDTH}x{HEIGHT}",
        "compared": "embed_images with open_clip's transform and encode_image in torch fp32",
        "pictures_per_s": {name: round(rate, 1) for name, rate in per_s.items()},
        "cosines": {name: round(value, 5) for name, value in cosines.items()},
    }


def _rate(embed: Way, shown: NDArray[np.uint8]) -> float:
    start = time.perf_counter()
    embed(shown)
    return len(shown) / (time.perf_counter() - start)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a table, or with --json one object."""
    parser = argparse.ArgumentParser(description="Measure pictures to vectors.")
    parser.add_argument("--pictures", type=int, default=128, help="in a round (128)")
    parser.add_argument("--rounds", type=int, default=5, help="the median is taken (5)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    shown = pictures(max(options.pictures, LEAST_PICTURES))
    with made(shown) as model:
        found = measure(model, shown, options.rounds)
    if options.json:
        print(json.dumps(found))
        return 0
    for name, rate in found["pictures_per_s"].items():
        print(f"{name:10} {rate:8.1f} pictures/s   cosine {found['cosines'][name]:.5f}")
    print(f"ratio      {found['ratio']:8.1f} ({found['precision']})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
