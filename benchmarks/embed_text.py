"""One short sentence to a vector, compared with open_clip as its documentation runs it.

    python -m benchmarks.embed_text [--model NAME] [--keep DIR] [--rounds N] [--json]

A model with random weights (see `benchmarks.model`) and four sentences of up to seven words, one
at a time. The straightforward way: open_clip's tokenizer, which pads to 77 tokens, then
`encode_text` in torch fp32. Ours: `Embedder.embed_texts` in each precision of the text tower, which
stops at the end token. Both use all cores and take turns of sixteen sentences, so that the CPU
caches contain the weights of the model that runs, as in a server; each figure is the median over
rounds and sentences.

`ratio`: time of a sentence in the straightforward way, divided by that of the fastest precision
whose mean cosine with the straightforward vectors is at least 0.99.
`share`: what part of that time the tower's matrix products alone would take in that precision, for
a sentence of the middle length, as fast as this machine multiplies (see `benchmarks.chip`), timed
in the same rounds.
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

from benchmarks.chip import Floor, machine, products
from benchmarks.model import SENTENCES, Made, made, options_of, pictures
from clipseek.embedding.bundle import TEXT
from clipseek.embedding.precision import LEAST_COSINE, LEAST_PICTURES, cosine
from clipseek.embedding.tokens import Tokens
from clipseek.embedding.towers import on_cpu, text_on_cpu

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
    floors = floors_of(model)
    for _ in range(rounds):
        for name, embed in ways.items():
            times[name] += [_milliseconds(embed, sentence) for sentence in SENTENCES * _TURN]
        for floor in floors.values():
            floor.measure()
    ms = {name: statistics.median(found) for name, found in times.items()}
    ours = [name for name in ways if name != "open_clip" and cosines[name] >= LEAST_COSINE]
    best = min(ours, key=ms.__getitem__)
    shares = {name: 1000 * floor.seconds / ms[name] for name, floor in floors.items()}
    return {
        "name": "embed_text",
        "ratio": round(ms["open_clip"] / ms[best], 1),
        "model": f"{model.architecture}, random weights",
        "precision": best,
        "share": round(shares[best], 2),
        "cosine": round(cosines[best], 4),
        **{f"ratio_in_{name}": round(ms["open_clip"] / ms[name], 1) for name in ours},
        **{f"share_in_{name}": round(share, 2) for name, share in shares.items()},
        "cores": os.cpu_count(),
        **machine(),
        "compared": "embed_texts with open_clip's tokenizer and encode_text in torch fp32",
        "products_gflops": {name: round(each.gflops, 1) for name, each in floors.items()},
        "sentence_ms": {name: round(value, 2) for name, value in ms.items()},
        "cosines": {name: round(value, 5) for name, value in cosines.items()},
    }


def floors_of(model: Made) -> dict[str, Floor]:
    """Return what the products of a sentence of the middle length cost, by precision."""
    base = model.bundles["fp32"]
    encoded = Tokens(base).encode(SENTENCES)
    row = int(np.argsort(encoded.lengths, kind="stable")[len(SENTENCES) // 2])
    any_length = text_on_cpu(base, None).intake.any_length
    length = int(encoded.lengths[row]) if any_length else base.context_length
    found = products(base.path / TEXT, {"tokens": encoded.ids[row : row + 1, :length]})
    precisions = {bundle.text_precision for bundle in model.bundles.values()}
    return {name: Floor(found, name) for name in sorted(precisions)}


def _milliseconds(embed: Way, sentence: str) -> float:
    start = time.perf_counter()
    embed([sentence])
    return 1000 * (time.perf_counter() - start)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a table, or with --json one object."""
    options = options_of("Measure a sentence to a vector.", rounds=25).parse_args(arguments)
    with made(pictures(LEAST_PICTURES), options.model, kept=options.keep) as model:
        found = measure(model, options.rounds)
    if options.json:
        print(json.dumps(found))
        return 0
    for name, ms in found["sentence_ms"].items():
        print(f"{name:10} {ms:8.2f} ms   cosine {found['cosines'][name]:.5f}")
    print(f"ratio      {found['ratio']:8.1f} ({found['precision']})")
    print(f"share      {found['share']:8.2f} of {found['processor']}, {found['flags']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
