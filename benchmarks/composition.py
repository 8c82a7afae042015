"""Which way to compose parts of a query finds what is asked for, with the demo model.

    python -m benchmarks.composition [--scenes N]

Draws N scenes and asks them in sentences. `without`: what is in a scene, but not a thing that
other such scenes show. `both`: two sentences that are true of one scene; `neither`: two sentences
each of which is true of some scene, and both of none. For each way it prints the share of queries
whose first hit is right, whose first hit does not show what is not wanted, the mean average
precision, and the shares of queries that are recognised by a relevance of 0.5 of the first hit: as
present if a scene is right, and as absent if none is.

Ways: `product` is `clipseek.composition`. `difference` subtracts the vector of what is not wanted,
times the number behind it, and searches with that. `drop` leaves out what shows the unwanted with a
relevance of 0.5. `sum` is the cosine of the normalised sum, and `mean` has the relevance of the
mean evidence.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray

from benchmarks.similar import embed, picture
from clipseek import calibration
from clipseek.composition import Curves, combined
from clipseek.demo.captions import partial_caption, phrase
from clipseek.demo.measure import MODEL
from clipseek.demo.truth import Facts, truth
from clipseek.demo.world import KINDS, Description, Item, Scene, sample_scene
from clipseek.embedding import bundle as bundles
from clipseek.embedding.towers import on_cpu

SEED, QUERIES = 7_200_001, 300
Floats = NDArray[np.float64]
Pair = tuple[Description, str, Description, str]
"""Two descriptions, each with its sentence."""
Judged = tuple[Floats, Floats]
"""By what scenes are ordered, and their relevance, each float64 (S,)."""


def main() -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description="Ways to compose parts of a query.")
    parser.add_argument("--scenes", type=int, default=2000, help="how many (2000)")
    found = measure(parser.parse_args().scenes)
    names = ("first right", "unwanted absent", "mAP", "present", "absent")
    sys.stdout.write(f"{'':24}" + "".join(f"{name:>17}" for name in names) + "\n")
    for way, figures in found.items():
        said = ("-" if np.isnan(figure) else f"{figure:.3f}" for figure in figures)
        sys.stdout.write(f"{way:24}" + "".join(f"{each:>17}" for each in said) + "\n")
    return 0


def measure(count: int) -> dict[str, tuple[float, ...]]:
    """Return the figures of each way."""
    rng = Random(SEED)
    scenes = [sample_scene(rng) for _ in range(count)]
    facts = Facts.of(scenes)
    bundle = bundles.load(MODEL)
    embedder = on_cpu(bundle, threads=2)
    pictures = embed(embedder, [picture(scene) for scene in scenes])
    biases = calibration.bias(pictures, bundle.bank(), bundle.logit_scale, bundle.logit_bias)
    curves = Curves(bundle.logit_scale, bundle.relevance, bundle.coherence)
    without, both, neither = asked(scenes, facts, rng)
    figures: dict[str, tuple[float, ...]] = {}

    def embedded(pairs: Sequence[Pair]) -> tuple[Floats, Floats]:
        texts = embedder.embed_texts([text for _, one, _, two in pairs for text in (one, two)])
        return texts[0::2].astype(np.float64), texts[1::2].astype(np.float64)

    def logits(cosines: Floats) -> Floats:
        return curves.logits(cosines, biases.astype(np.float64), is_sentence=True)

    ways: Mapping[str, Callable[[Floats, Floats], Judged]] = {
        "product": lambda one, two: _product(logits(one), logits(two), -1),
        "drop": lambda one, two: _drop(logits(one), logits(two)),
    }
    one, two = embedded(without)
    first, second = one @ pictures.T, two @ pictures.T
    right = truth([pair[0] for pair in without], facts)
    unwanted = truth([pair[2] for pair in without], facts)
    for way, judge in ways.items():
        judged = [judge(a, b) for a, b in zip(first, second, strict=True)]
        figures[f"without, {way}"] = _figures(judged, right & ~unwanted, unwanted)
    for times in (0.25, 0.5, 1.0):
        apart = one - times * two
        apart /= np.linalg.norm(apart, axis=1, keepdims=True)
        judged = [(row, _share(logits(row))) for row in apart @ pictures.T]
        figures[f"without, difference {times:g}"] = _figures(judged, right & ~unwanted, unwanted)
    for name, pairs in (("both", both), ("neither", neither)):
        one, two = embedded(pairs)
        first, second = one @ pictures.T, two @ pictures.T
        right = truth([pair[0] for pair in pairs], facts) & truth([p[2] for p in pairs], facts)
        judged = [_product(logits(a), logits(b), 1) for a, b in zip(first, second, strict=True)]
        figures[f"{name}, product"] = _figures(judged, right)
        mean = (first + second) / 2
        judged = [(row, _share(logits(row))) for row in mean]
        figures[f"{name}, mean"] = _figures(judged, right)
        together = (one + two) / np.linalg.norm(one + two, axis=1, keepdims=True)
        judged = [(row, _share(logits(row))) for row in together @ pictures.T]
        figures[f"{name}, sum"] = _figures(judged, right)
    return figures


def asked(
    scenes: Sequence[Scene], facts: Facts, rng: Random
) -> tuple[list[Pair], list[Pair], list[Pair]]:
    """Return queries of the three kinds, `QUERIES` of each."""
    without: list[Pair] = []
    both: list[Pair] = []
    neither: list[Pair] = []
    while min(len(without), len(both), len(neither)) < QUERIES:
        captions = [partial_caption(rng.choice(scenes), rng) for _ in range(2)]
        thing = Description((Item(rng.choice(KINDS), None),))
        one, other, unwanted = truth([*(c.description for c in captions), thing], facts)
        pair = (captions[0].description, captions[0].text)
        second = (captions[1].description, captions[1].text)
        if (one & unwanted).any() and (one & ~unwanted).any() and len(without) < QUERIES:
            without.append((*pair, thing, phrase(thing, rng)))
        kind = both if (one & other).any() else neither
        if len(kind) < QUERIES:
            kind.append((*pair, *second))
    return without, both, neither


def _product(one: Floats, two: Floats, sign: int) -> Judged:
    fit = combined(np.stack([one, two], axis=1), np.array([1.0, sign]))
    return fit, _share(fit)


def _drop(one: Floats, two: Floats) -> Judged:
    is_shown = _share(two) >= 0.5
    return np.where(is_shown, -np.inf, one), np.where(is_shown, 0, _share(one))


def _share(logits: Floats) -> Floats:
    return 0.5 * (1 + np.tanh(0.5 * logits))


def _figures(
    judged: Sequence[Judged], right: NDArray[np.bool_], unwanted: NDArray[np.bool_] | None = None
) -> tuple[float, ...]:
    """Return the figures of the table; NaN is one that does not apply."""
    orders = [np.argsort(-by, kind="stable") for by, _ in judged]
    first = np.array([order[0] for order in orders])
    rows = np.arange(len(first))
    best = np.array([relevance[at] for (_, relevance), at in zip(judged, first, strict=True)])
    is_there = right.any(axis=1)
    return (
        _mean(right[rows, first][is_there]),
        float("nan") if unwanted is None else _mean(~unwanted[rows, first]),
        _mean(
            [_precision(row[order]) for row, order in zip(right, orders, strict=True) if row.any()]
        ),
        _mean(best[is_there] >= 0.5),
        _mean(best[~is_there] < 0.5),
    )


def _precision(hits: NDArray[np.bool_]) -> float:
    """Return the average precision of one order."""
    places = np.flatnonzero(hits)
    return float((np.arange(1, len(places) + 1) / (places + 1)).mean())


def _mean(values: Sequence[float] | NDArray[np.bool_]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


if __name__ == "__main__":
    raise SystemExit(main())
