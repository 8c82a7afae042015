"""How well rules of place by boxes tag segments of the demo world: `benchmarks.tags --relations`.

The objects are found in the sampled frames by the demo detector, and followed, as `indexer objects`
does with rules of the threshold `SURE`. A segment shows the scene of its `best_time`, and has a tag
if that time is in a part of the segment that the rule gives it to. F1 is over all pairs of a rule
and a segment, at the usual threshold. Margins are those from which on the demo world speaks of a
relation. `boxes`: rules of the relation alone. `boxes, pictures`: rules whose relation also has
a sentence for each thing, such as "a cat", which pictures must fit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from random import Random

import numpy as np
from numpy.typing import NDArray

from benchmarks.samples import SENTENCES, sampled
from benchmarks.similar import embed, picture
from clipseek import calibration, segments
from clipseek.composition import Curves
from clipseek.demo.measure import MODEL
from clipseek.demo.shots import Plan, plan_video
from clipseek.demo.truth import Facts, truth
from clipseek.demo.world import ABOVE, ASIDE, KINDS, RELATIONS, Description, Item, Scene
from clipseek.detecting.opening import DEMO, open_detector
from clipseek.embedding import bundle as bundles
from clipseek.embedding.towers import on_cpu
from clipseek.frames import FrameBatch
from clipseek.model import Model
from clipseek.objects.finding import Finder
from clipseek.objects.rules import Rules
from clipseek.protocols import Embedder
from clipseek.protocols.detectors import Detector
from clipseek.relations import PLACES, Place, Relation
from clipseek.rules import THRESHOLD, Rule
from clipseek.tagging.fits import Asked, Seen, judged
from clipseek.tagging.fitting import quality
from clipseek.testing import ToyEmbedder
from clipseek.types import Relevance

Bools = NDArray[np.bool_]

SURE = 0.3
"""Confidence from which on boxes are kept; of 0.1, 0.2, 0.3 and 0.4 the best on 40 videos of
the seed 501."""


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """One video: what it shows at the best time of each segment, these times, and its segments."""

    scenes: Sequence[Scene]
    times: NDArray[np.float64]
    seen: Seen


def measure(videos: int, seed: int, margin: float | None) -> list[dict[str, object]]:
    """Return one row for each relation and kind of rule."""
    bundle = bundles.load(MODEL)
    embedder = on_cpu(bundle, threads=2)
    known = bundle.logit_scale, bundle.coherence, bundle.relevance, bundle.bank()
    model = Model(bundle.name, embedder, *known, bundle.logit_bias)
    curves = Curves(bundle.logit_scale, bundle.relevance, bundle.coherence)
    detector, rng = open_detector(DEMO, threads=2), Random(seed)
    looked = [looked_at(plan_video(rng), model, detector) for _ in range(videos)]
    facts = [Facts.of(each.scenes) for each in looked]
    rows: list[dict[str, object]] = []
    for name, place in zip(RELATIONS, PLACES, strict=True):
        said = [
            Description((Item(one), Item(two)), relation=name)
            for one, two in permutations(KINDS, 2)
        ]
        right = np.concatenate([truth(said, each) for each in facts], axis=1).ravel()
        for kind, is_shown in (("boxes", False), ("boxes, pictures", True)):
            asked = list(rules(embedder, place, margin, is_shown=is_shown))
            given = [np.stack([tagged(each, one, curves) for each in asked]) for one in looked]
            fits = np.concatenate(given, axis=1).ravel().astype(np.float64)
            found = quality(fits, right, THRESHOLD)
            shares = {"precision": found.precision.share, "recall": found.recall.share}
            figures = {"there": found.recall.count, "f1": round(found.f1, 3)}
            rounded = {each: round(share, 3) for each, share in shares.items()}
            rows.append({"kind": f"relation: {kind}", "class": name, **figures, **rounded})
    return rows


def rules(
    embedder: Embedder, place: Place, margin: float | None, *, is_shown: bool
) -> Iterator[Asked]:
    """Yield a rule for each two kinds of thing, with the vectors of its sentences."""
    usual = ASIDE if place in ("left_of", "right_of") else ABOVE
    apart = usual if margin is None else margin
    vectors = dict(zip(KINDS, embedder.embed_texts(list(SENTENCES.values())), strict=True))
    nothing = np.empty((0, embedder.dim), np.float32)
    for one, two in permutations(KINDS, 2):
        shows = (SENTENCES[one], SENTENCES[two]) if is_shown else ()
        rule = Rule("", (), relation=Relation(one, two, place, apart, shows))
        both = np.stack([vectors[one], vectors[two]]) if is_shown else nothing
        yield Asked(rule, nothing, nothing, both)


def looked_at(plan: Plan, model: Model, detector: Detector) -> Looked:
    """Draw a video, form its segments, and find its objects."""
    shown, times, cuts = sampled(plan)
    pictures = [picture(scene) for scene in shown]
    duration = plan.seconds(plan.frames)
    vectors = embed(model.embedder, pictures)
    formed = segments.form(times, vectors, cuts, duration, coherence=model.coherence)
    biases = calibration.bias(formed.vectors, model.bank, model.logit_scale, model.logit_bias)
    batch = FrameBatch(np.stack(pictures), times, cuts)
    # The vectors of objects play no part here, so they are those of a model that costs nothing.
    toy = ToyEmbedder()
    quick = Model("toy", toy, 100.0, 0.9, Relevance(1, 0, fitted=False), toy.embed_texts(["red"]))
    tracks = Finder(detector, quick, Rules(SURE), period_s=1.0).find([batch], duration)
    best = formed.best.tolist()
    seen = Seen(formed.spans, biases, formed.vectors, tracks)
    return Looked([shown[row] for row in best], times[best], seen)


def tagged(asked: Asked, looked: Looked, curves: Curves) -> Bools:
    """Return which of the times have the tag, bool (S,)."""
    found = np.zeros(len(looked.times), np.bool_)
    relation = asked.rule.relation
    assert relation is not None
    if not {relation.of, relation.to} <= {track.label for track in looked.seen.tracks}:
        return found
    spans, fits = judged(asked, looked.seen, curves)
    for (start, end), fit in zip(spans.tolist(), fits.tolist(), strict=True):
        if fit >= THRESHOLD:
            found |= (looked.times >= start - 1e-3) & (looked.times < end - 1e-3)
    return found
