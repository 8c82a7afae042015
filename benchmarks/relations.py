"""How well rules of place by boxes tag segments of the demo world: `benchmarks.tags --relations`.

The objects are found in the sampled frames by the demo detector, and followed, as `indexer objects`
does. A segment shows the scene of its `best_time`, and has a tag if that time is in a span of it.
F1 is over all pairs of a rule and a segment, at the usual threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from random import Random

import numpy as np
from numpy.typing import NDArray

from benchmarks.samples import sampled
from benchmarks.similar import embed, picture
from clipseek import segments
from clipseek.demo.measure import MODEL
from clipseek.demo.shots import Plan, plan_video
from clipseek.demo.truth import Facts, truth
from clipseek.demo.world import KINDS, RELATIONS, Description, Item, Scene
from clipseek.embedding import bundle as bundles
from clipseek.embedding.towers import on_cpu
from clipseek.frames import FrameBatch
from clipseek.model import Model
from clipseek.objects.finding import Finder
from clipseek.objects.opening import DEMO, open_detector
from clipseek.objects.rules import Rules
from clipseek.protocols.detectors import Detector
from clipseek.relations import PLACES, Relation, held
from clipseek.rules import THRESHOLD
from clipseek.tagging.fitting import quality
from clipseek.tracked import Track

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """One video: what it shows at the best time of each segment, these times, and its objects."""

    scenes: Sequence[Scene]
    times: NDArray[np.float64]
    tracks: Sequence[Track]


def measure(videos: int, seed: int, margin: float) -> list[dict[str, object]]:
    """Return one row for each relation."""
    bundle = bundles.load(MODEL)
    embedder = on_cpu(bundle, threads=2)
    known = bundle.logit_scale, bundle.coherence, bundle.relevance, bundle.bank()
    model = Model(bundle.name, embedder, *known, bundle.logit_bias)
    detector, rng = open_detector(DEMO, threads=2), Random(seed)
    looked = [looked_at(plan_video(rng), model, detector) for _ in range(videos)]
    facts = [Facts.of(each.scenes) for each in looked]
    pairs = list(permutations(KINDS, 2))
    rows: list[dict[str, object]] = []
    for relation, place in zip(RELATIONS, PLACES, strict=True):
        said = [Description((Item(one), Item(two)), relation=relation) for one, two in pairs]
        rules = [Relation(one, two, place, margin) for one, two in pairs]
        right = np.concatenate([truth(said, each) for each in facts], axis=1).ravel()
        given = np.concatenate(
            [np.stack([tagged(rule, each) for rule in rules]) for each in looked], axis=1
        ).ravel()
        found = quality(given.astype(np.float64), right, THRESHOLD)
        shares = {"precision": found.precision.share, "recall": found.recall.share}
        figures = {"there": found.recall.count, "f1": round(found.f1, 3)}
        rounded = {name: round(share, 3) for name, share in shares.items()}
        rows.append({"kind": "relation by boxes", "class": relation, **figures, **rounded})
    return rows


def looked_at(plan: Plan, model: Model, detector: Detector) -> Looked:
    """Draw a video, form its segments, and find its objects."""
    shown, times, cuts = sampled(plan)
    pictures = [picture(scene) for scene in shown]
    duration = plan.seconds(plan.frames)
    vectors = embed(model.embedder, pictures)
    formed = segments.form(times, vectors, cuts, duration, coherence=model.coherence)
    batch = FrameBatch(np.stack(pictures), times, cuts)
    tracks = Finder(detector, model, Rules(), period_s=1.0).find([batch], duration)
    best = formed.best.tolist()
    return Looked([shown[row] for row in best], times[best], tracks)


def tagged(rule: Relation, looked: Looked) -> Bools:
    """Return which of the times have the tag, bool (S,)."""
    found = np.zeros(len(looked.times), np.bool_)
    for start, end, sure in held(rule, looked.tracks):
        if sure >= THRESHOLD:
            found |= (looked.times >= start - 1e-3) & (looked.times < end - 1e-3)
    return found
