"""How well rules tag segments of the demo world: F1 per object, place and relation.

    python -m benchmarks.tags [--videos N] [--seed S] [--relations [--margin M]] [--json]

Draws the sampled frames of N videos (one a second, as an ingest takes them), embeds them with the
demo model, and forms the segments that an ingest stores. A segment shows the scene of its
`best_time`. Half of the videos are of the seed S, on which F1 is measured; the others, of the next
seed, were reviewed by somebody: thresholds are fitted to them as `indexer tags fit` does.

`object`: one rule for each kind of thing. `place`, `weather`: one rule for each. `relation`: one
rule for each two kinds of thing ("a cat left of a dog"); F1 is over all pairs of a rule and a
segment, and one threshold is fitted for all rules of a relation, because each pair of things is
rare. `opposite excluded` adds the opposite relation as an exclusion.

`--relations` measures rules of the same relations by the boxes of the demo detector instead, on the
segments of the seed S, as `benchmarks.relations` explains.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from benchmarks import relations
from benchmarks.samples import Drawn, drawn
from clipseek import calibration
from clipseek.composition import Curves
from clipseek.demo.measure import MODEL
from clipseek.demo.truth import Facts, truth
from clipseek.demo.world import KINDS, OPPOSITE, PLACES, RELATIONS, WEATHERS, Description, Item
from clipseek.embedding import bundle as bundles
from clipseek.embedding.towers import on_cpu
from clipseek.protocols import Embedder
from clipseek.rules import THRESHOLD, Rule
from clipseek.tagging.fits import Asked, Seen, relevance
from clipseek.tagging.fitting import Quality, fitted, quality

SEED, VIDEOS = 77_001, 120
_AT = {"beach": "on the beach", "lake": "on the lake", "road": "on the road"}
_WHEN = {"day": "on a sunny day", "night": "at night", "rain": "in the rain", "snow": "in the snow"}
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Classes = Mapping[str, Sequence[tuple[Rule, Description]]]
"""The rules of each class, each with what must be true of a scene."""


def main() -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description="How well rules tag segments.")
    parser.add_argument("--videos", type=int, default=VIDEOS, help=f"of each half ({VIDEOS})")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the videos ({SEED})")
    parser.add_argument("--relations", action="store_true", help="relations of place by boxes")
    parser.add_argument("--margin", type=float, help="of these (that of the demo world)")
    parser.add_argument("--json", action="store_true", help="as one JSON object a line")
    options = parser.parse_args()
    rows = (
        relations.measure(options.videos, options.seed, options.margin)
        if options.relations
        else measure(options.videos, options.seed)
    )
    for row in rows:
        if options.json:
            sys.stdout.write(json.dumps(row) + "\n")
            continue
        figures = (f"{value:>10}" for name, value in row.items() if name not in ("kind", "class"))
        sys.stdout.write(f"{row['kind']:30}{row['class']:12}{''.join(figures)}\n")
    return 0


def measure(videos: int, seed: int) -> list[dict[str, object]]:
    """Return one row for each class: F1 at the usual threshold and at a fitted one."""
    bundle = bundles.load(MODEL)
    embedder = on_cpu(bundle, threads=2)
    curves = Curves(bundle.logit_scale, bundle.relevance, bundle.coherence)
    asked, reviewed = (drawn(videos, each, embedder, bundle.coherence) for each in (seed, seed + 1))
    halves = []
    for half in (asked, reviewed):
        biases = calibration.bias(
            half.vectors, bundle.bank(), bundle.logit_scale, bundle.logit_bias
        )
        halves.append((half, Seen(_spans(half), biases, half.vectors), Facts.of(half.scenes)))
    rows = []
    for kind, classes in _kinds().items():
        for name, rules in classes.items():
            vectors = [_asked(rule, embedder) for rule, _ in rules]
            fits, right = zip(
                *(
                    (
                        np.concatenate([relevance(each, seen, curves) for each in vectors]),
                        truth([said for _, said in rules], facts).ravel(),
                    )
                    for _, seen, facts in halves
                ),
                strict=True,
            )
            rows.append({"kind": kind, "class": name, **_figures(fits, right)})
    return rows


def _figures(fits: Sequence[Floats], right: Sequence[Bools]) -> dict[str, object]:
    """Return F1 on the first half, with the usual threshold and with that of the second one."""
    usual = quality(fits[0], right[0], THRESHOLD)
    threshold = fitted(fits[1], right[1]).threshold
    better = quality(fits[0], right[0], threshold)
    return {
        "there": usual.recall.count,
        "f1": round(usual.f1, 3),
        "fitted at": round(threshold, 3),
        "f1 fitted": round(better.f1, 3),
        "precision": _share(better, "precision"),
        "recall": _share(better, "recall"),
    }


def _share(found: Quality, name: str) -> float:
    return round((found.precision if name == "precision" else found.recall).share, 3)


def _spans(half: Drawn) -> Floats:
    """Return spans that no two segments share: only their number counts here."""
    starts = np.arange(len(half.vectors), dtype=np.float64)
    return np.stack([starts, starts + 1], axis=1)


def _asked(rule: Rule, embedder: Embedder) -> Asked:
    rows = embedder.embed_texts([*rule.prompts, *rule.exclusions])
    count = len(rule.prompts)
    return Asked(rule, rows[:count], rows[count:], rows[:0])


def _kinds() -> dict[str, Classes]:
    """Return the rules of each kind of class."""
    related: dict[str, Classes] = {}
    for kind, excludes in (("relation", False), ("relation, opposite excluded", True)):
        related[kind] = {
            relation: [
                (
                    Rule(
                        f"{one} {relation} {two}",
                        (f"{_a(one)} {relation} {_a(two)}",),
                        (f"{_a(one)} {OPPOSITE[relation]} {_a(two)}",) if excludes else (),
                    ),
                    Description((Item(one), Item(two)), relation=relation),
                )
                for one, two in permutations(KINDS, 2)
            ]
            for relation in RELATIONS
        }
    return {
        "object": {kind: [(Rule(kind, (_a(kind),)), Description((Item(kind),)))] for kind in KINDS},
        "place": {
            place: [(Rule(place, (_AT.get(place, f"in the {place}"),)), Description(place=place))]
            for place in PLACES
        },
        "weather": {
            weather: [(Rule(weather, (_WHEN[weather],)), Description(weather=weather))]
            for weather in WEATHERS
        },
        **related,
    }


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


if __name__ == "__main__":
    raise SystemExit(main())
