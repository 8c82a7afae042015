"""Whether samples find errors and kinds of scene with fewer frames than random ones.

    python -m benchmarks.samples [--videos N] [--seed S] [--draws N] [--json]

Draws the sampled frames of N videos of the demo world (one a second, as an ingest takes them),
embeds them with the demo model, and forms the segments that an ingest stores. A sample takes
segments, and its frames are those of their `best_time`.

`hard`: a tag for each kind of thing ("a cat") is proposed from relevance 0.5 on. An error is a
segment and a tag that the scene contradicts. The share of errors in a hard sample is compared with
that in all pairs of a segment and a tag, which is what a random one has on average.

`diverse`: how many frames it takes until each kind of scene was seen once, for a diverse sample
and for the median of random ones. `thing in place`: a kind of scene is one of 12 kinds of thing in
one of 8 places, 96 in all; a frame can show several. `place, weather, number`: one of 8 places in
one of 4 weathers with 1, 2 or 3 things, also 96. Kinds that the videos do not have do not count.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks.similar import embed, picture
from clipseek import calibration, samples, segments
from clipseek.demo.measure import MODEL
from clipseek.demo.shots import Plan, plan_video
from clipseek.demo.world import KINDS, Scene
from clipseek.embedding import bundle as bundles
from clipseek.embedding.towers import on_cpu
from clipseek.protocols import Embedder

SEED, VIDEOS, DRAWS, BUDGET = 20_391, 120, 50, 200
SENTENCES = {kind: f"an {kind}" if kind[0] in "aeiou" else f"a {kind}" for kind in KINDS}

Seen = Sequence[frozenset[object]]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Segments of drawn videos, rows together: their vectors, and the scenes of their frames."""

    vectors: NDArray[np.float32]
    scenes: Sequence[Scene]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Whether samples are better than random ones.")
    parser.add_argument("--videos", type=int, default=VIDEOS, help=f"how many ({VIDEOS})")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the videos ({SEED})")
    parser.add_argument("--draws", type=int, default=DRAWS, help=f"random samples ({DRAWS})")
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    options = parser.parse_args()
    found = measure(options.videos, options.seed, options.draws)
    lines = [f"{name:40} {value}" for name, value in found.items()]
    sys.stdout.write((json.dumps(found) if options.json else "\n".join(lines)) + "\n")
    return 0


def measure(videos: int, seed: int, draws: int) -> dict[str, object]:
    """Return the figures of both kinds of sample."""
    bundle = bundles.load(MODEL)
    embedder = on_cpu(bundle, threads=2)
    made = drawn(videos, seed, embedder, bundle.coherence)
    biases = calibration.bias(made.vectors, bundle.bank(), bundle.logit_scale, bundle.logit_bias)
    sentences = embedder.embed_texts(list(SENTENCES.values()))
    evidence = calibration.evidence(sentences @ made.vectors.T, biases, bundle.logit_scale)
    relevance = calibration.relevance(evidence, bundle.relevance)
    return {"segments": len(made.scenes), **errors(made, relevance), **kinds(made, seed, draws)}


def drawn(videos: int, seed: int, embedder: Embedder, coherence: float) -> Drawn:
    """Draw videos, and form their segments."""
    rng = Random(seed)
    vectors, scenes = [], []
    for plan in [plan_video(rng) for _ in range(videos)]:
        shown, times, cuts = sampled(plan)
        frames = embed(embedder, [picture(scene) for scene in shown])
        duration = plan.seconds(plan.frames)
        formed = segments.form(times, frames, cuts, duration, coherence=coherence)
        vectors.append(formed.vectors)
        scenes += [shown[best] for best in formed.best.tolist()]
    return Drawn(np.concatenate(vectors), scenes)


def sampled(plan: Plan) -> tuple[list[Scene], NDArray[np.float64], NDArray[np.bool_]]:
    """Return the scene of the first frame of each shot and of each second, with its time."""
    scenes, times, cuts = [], [], []
    for shot in plan.shots:
        begin, end = plan.seconds(shot.first), plan.seconds(shot.first + shot.frames)
        for time in (begin, *(second for second in range(int(end) + 1) if begin < second < end)):
            scenes.append(shot.scene(time - begin))
            times.append(time)
            cuts.append(time == begin)
    return scenes, np.array(times, np.float64), np.array(cuts)


def errors(made: Drawn, relevance: NDArray[np.float64]) -> dict[str, object]:
    """Return the share of wrong tags in a hard sample, and in all; relevance is (Q, S)."""
    right = np.array([[_shows(scene, kind) for scene in made.scenes] for kind in KINDS])
    wrong = (relevance >= 0.5) != right
    margins = samples.margins(relevance, np.full(len(KINDS), 0.5))
    rows, questions = samples.hard(margins)
    taken = set(samples.chosen(rows, made.vectors, BUDGET).rows.tolist())
    pairs = [(q, r) for q, r in zip(questions.tolist(), rows.tolist(), strict=True) if r in taken]
    share = float(np.mean([wrong[pair] for pair in pairs]))
    everywhere = float(wrong.mean())
    return {
        "errors in a hard sample": round(share, 4),
        "errors in random samples": round(everywhere, 4),
        "times as many": round(share / everywhere, 1),
    }


def _shows(scene: Scene, kind: str) -> bool:
    return any(thing.kind == kind and thing.visible for thing in scene.things)


def kinds(made: Drawn, seed: int, draws: int) -> dict[str, object]:
    """Return how many frames it takes to see each kind of scene."""
    diverse = samples.chosen(
        samples.diverse(made.vectors, len(made.vectors), seed=seed), made.vectors, len(made.vectors)
    ).rows
    rows = [samples.shuffled(len(made.vectors), seed=seed + draw) for draw in range(draws)]
    random = [samples.chosen(order, made.vectors, len(made.vectors)).rows for order in rows]
    found: dict[str, object] = {}
    for name, seen in (
        ("thing in place", [_placed(scene) for scene in made.scenes]),
        ("place, weather, number", [_numbered(scene) for scene in made.scenes]),
    ):
        there = len(frozenset().union(*seen))
        ours = needed(diverse.tolist(), seen)
        theirs = [needed(order.tolist(), seen) for order in random]
        found |= {
            f"{name}: kinds": there,
            f"{name}: frames, diverse": ours,
            f"{name}: frames, random": median(theirs),
            f"{name}: share": round(ours / median(theirs), 3),
        }
    return found


def needed(order: Sequence[int], seen: Seen) -> float:
    """Return how many frames of an order show all kinds that there are; infinite if not all do."""
    left = set().union(*seen)
    for count, row in enumerate(order, 1):
        left -= seen[row]
        if not left:
            return count
    return float("inf")


def _placed(scene: Scene) -> frozenset[object]:
    return frozenset((thing.kind, scene.place) for thing in scene.things if thing.visible)


def _numbered(scene: Scene) -> frozenset[object]:
    number = sum(thing.visible for thing in scene.things)
    return frozenset([(scene.place, scene.weather, number)] if number else [])


if __name__ == "__main__":
    raise SystemExit(main())
