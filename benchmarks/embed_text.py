"""One short sentence to a vector, compared with open_clip as its documentation runs it.

    python -m benchmarks.embed_text [--rounds N] [--json]

A ViT-B-32 with random weights (see `benchmarks.model`) and four sentences of up to seven words, one
at a time. The straightforward way: open_clip's tokenizer, which pads to 77 tokens, then
`encode_text` in torch fp32. Ours: `Embedder.embed_texts` in each precision of the text tower, which
stops at the end token. Both use all cores and take turns of sixteen sentences, so that the CPU
caches contain the weights of the model that runs, as in a server; each figure is the median over
rounds and sentences.

`ratio`: time of a sentence in the straightforward way, divided by that of the fastest precision
whose mean cosine with the straightforward vectors is at least 0.99.
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

from benchmarks.model import ARCHITECTURE, SENTENCES, Made, made, pictures
from clipseek.embedding.precision import LEAST_COSINE, LEAST_PICTURES, cosine
from clipseek.embedding.towers import on_cpu

_TURN = 4

Way = Callable[[list[str]], NDArray[np.float32]]


def straightforward(model: Made) -> Way:
    """Return open_clip's own way, unit rows."""

    @torch.inference_mode()
    def embed(texts: list[str]) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = model.model.encode_text(
            model.tokenize(texts), normalize=True
        ).numpy()
        return vectors

    return embed


def measure(model: Made, rounds: int) -> dict[str, Any]:
    """Time every way in turns and return the object that is printed."""
    ways: dict[str, Way] = {"open_clip": straightforward(model)}
    for bundle in model.bundles.values():
        ways.setdefault(bundle.text_precision, on_cpu(bundle).embed_texts)
    wanted = ways["open_clip"](list(SENTENCES))
    cosines = {name: cosine(embed(list(SENTENCES)), wanted) for name, embed in ways.items()}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, embed in ways.items():
            times[name] += [_milliseconds(embed, sentence) for sentence in SENTENCES * _TURN]
    ms = {name: statistics.median(found) for name, found in times.items()}
    ours = [name for name in ways if name != "open_clip" and cosines[name] >= LEAST_COSINE]
    best = min(ours, key=ms.__getitem__)
    return {
        "name": "embed_text",
        "ratio": round(ms["open_clip"] / ms[best], 1),
        "model": f"{ARCHITECTURE}, random weights",
        "precision": best,
        "cosine": round(cosines[best], 4),
        **{f"ratio_in_{name}": round(ms["open_clip"] / ms[name], 1) for name in ours},
        "cores": os.cpu_count(),
        "compared": "embed_texts with open_clip's tokenizer and encode_text in torch fp32",
        "sentence_ms": {name: round(value, 2) for name, value in ms.items()},
        "cosines": {name: round(value, 5) for name, value in cosines.items()},
    }


def _milliseconds(embed: Way, sentence: str) -> float:
    start = time.perf_counter()
    embed([sentence])
    return 1000 * (time.perf_counter() - start)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a table, or with --json one object."""
    parser = argparse.ArgumentParser(description="Measure a sentence to a vector.")
    parser.add_argument("--rounds", type=int, default=25, help="the median is taken (25)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    with made(pictures(LEAST_PICTURES)) as model:
        found = measure(model, options.rounds)
    if options.json:
        print(json.dumps(found))
        return 0
    for name, ms in found["sentence_ms"].items():
        print(f"{name:10} {ms:8.2f} ms   cosine {found['cosines'][name]:.5f}")
    print(f"ratio      {found['ratio']:8.1f} ({found['precision']})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
