"""The committed demo model: what it finds among scenes, and what it knows is not there.

Full figures over several seeds: `python -m clipseek.demo.measure`.
"""

from random import Random

import numpy as np
import pytest

from clipseek import calibration
from clipseek.demo.drawing import draw
from clipseek.demo.measure import (
    MODEL,
    Library,
    bank_captions,
    best_evidence,
    make_library,
    recall,
    sample,
)
from clipseek.demo.otherworld import HELD_OUT
from clipseek.demo.shots import plan_video
from clipseek.demo.world import Scene, Thing
from clipseek.embedding.bundle import Bundle, load
from clipseek.embedding.embedder import BundleEmbedder
from clipseek.embedding.towers import on_cpu

SEED = 7_100_001  # no seed of training, of fitting or of the full figures


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """Return the committed bundle, checked."""
    return load(MODEL)


@pytest.fixture(scope="module")
def embedder(bundle: Bundle) -> BundleEmbedder:
    """Return its embedder."""
    return on_cpu(bundle, threads=1)


@pytest.fixture(scope="module")
def library(embedder: BundleEmbedder, bundle: Bundle) -> Library:
    """Return thirty videos as an index holds them."""
    return make_library(embedder, seed=SEED, videos=30, coherence=bundle.coherence)


def test_the_bundle_is_small() -> None:
    """The model fits into a repository: 20 MB in all, no file over 12 MB."""
    sizes = [file.stat().st_size for file in MODEL.iterdir()]
    assert sum(sizes) <= 20_000_000
    assert max(sizes) <= 12_000_000


def test_the_bank_is_of_bank_captions(bundle: Bundle, embedder: BundleEmbedder) -> None:
    """The bundle's bank holds the vectors of the sentences that the code says."""
    captions = bank_captions()
    assert len(bundle.bank()) == len(captions)
    rows = embedder.embed_texts(captions[:5])
    np.testing.assert_allclose(bundle.bank()[:5], rows, atol=2e-3)


def test_recall_among_a_thousand_scenes(embedder: BundleEmbedder) -> None:
    """At least nine of ten full captions find their scene first among 1000 held-out ones."""
    assert recall(embedder, seed=SEED) >= 0.9


def test_a_scene_is_described_by_its_own_sentence(embedder: BundleEmbedder) -> None:
    """Of sentences that differ in one word each, the true one is nearest to the picture."""
    scene = Scene(
        "road", "night", (Thing("car", "red", 0.2, 0.7), Thing("tree", "green", 0.8, 0.7))
    )
    sentences = [
        "a red car left of a green tree at night on the road",
        "a green car left of a red tree at night on the road",
        "a red boat left of a green tree at night on the road",
        "a red car left of a green tree in the rain on the road",
        "a red car left of a green tree at night on the beach",
    ]
    image = embedder.embed_images(draw(scene, 384, 216, oversampling=2)[None])
    assert int((embedder.embed_texts(sentences) @ image[0]).argmax()) == 0


def test_unheard_of_words_matter(embedder: BundleEmbedder) -> None:
    """A sentence with an unknown noun is far from one with a known noun in its place."""
    known, strange = embedder.embed_texts(["a red car at night", "a red submarine at night"])
    assert float(known @ strange) < 0.8


def test_what_is_there_is_told_from_what_is_not(
    bundle: Bundle, embedder: BundleEmbedder, library: Library
) -> None:
    """By the best hit, relevance is above one half for present queries and below for absent."""
    present, absent = best_evidence(embedder, library, bundle, seed=SEED, strangers=HELD_OUT)
    assert calibration.auc(present, absent) >= 0.97
    assert (calibration.relevance(present, bundle.relevance) >= 0.5).mean() >= 0.9
    assert (calibration.relevance(absent, bundle.relevance) < 0.5).mean() >= 0.9


def test_segments_are_fewer_than_sampled_frames(library: Library) -> None:
    """Frames of one moment share a segment: at most half as many segments as sampled frames."""
    assert len(library.vectors) <= library.frames / 2


def test_a_video_is_sampled_each_second_and_at_each_cut() -> None:
    """The frames looked at are those shown at whole seconds, and the first of each shot."""
    plan = plan_video(Random(1))
    times, scenes, cuts = sample(plan)
    assert len(times) == len(scenes) == len(cuts)
    assert int(cuts.sum()) == len(plan.shots)
    assert np.diff(times).max() <= 1.1
    seconds = np.arange(0, plan.seconds(plan.frames))
    shown = times[np.searchsorted(times, seconds, side="right") - 1]
    assert (seconds - shown < 0.1).all()
