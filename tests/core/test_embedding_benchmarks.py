"""The benchmarks of embedding run at a small size and say what they compare."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import av
import numpy as np
import pytest
from PIL import Image

from clipseek.embedding.bundle import MANIFEST, VISUAL
from clipseek.embedding.openclip import load_open_clip
from clipseek.embedding.pixels import normalise, prepare
from clipseek.embedding.precision import Precision, cosine
from clipseek.embedding.towers import on_cpu
from tests.tiny_models import make_checkpoint

pytest.importorskip("torch", reason="the extra `models` is not installed")

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import chip, embed_images, embed_text, model, one_search, shapes
from benchmarks.indexing import loaded_from
from benchmarks.matrices import Product, ways


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[model.Made]:
    """Return a model of a small architecture, as the benchmarks make theirs."""
    make_checkpoint("tiny-clip", tmp_path_factory.mktemp("weights"))
    kept = tmp_path_factory.mktemp("kept")
    with model.made(model.pictures(40), "tiny-clip", kept=kept) as found:
        yield found


def test_pictures_are_compared_with_open_clip(small: model.Made) -> None:
    """The ratio is that of a precision whose cosine is stated."""
    found = embed_images.measure(small, model.pictures(5), rounds=1)

    assert found["name"] == "embed_images"
    assert found["ratio"] > 0
    assert found["cosine"] >= 0.99
    assert found["precision"] in small.bundles
    assert {"open_clip", "fp32"} <= set(found["pictures_per_s"])
    assert found["share"] == found[f"share_in_{found['precision']}"] > 0
    assert found["model"] == "tiny-clip, random weights"
    assert {"processor", "flags", "date"} <= set(found)


def test_sentences_are_compared_with_open_clip(small: model.Made) -> None:
    """The ratio is that of a precision whose cosine is stated."""
    found = embed_text.measure(small, rounds=1)

    assert found["name"] == "embed_text"
    assert found["ratio"] > 0
    assert found["cosine"] >= 0.99
    assert {"open_clip", "fp32"} <= set(found["sentence_ms"])
    assert found["share"] == found[f"share_in_{found['precision']}"] > 0


def test_the_straightforward_way_gives_the_same_vectors(small: model.Made) -> None:
    """What is compared does the same work."""
    shown = model.pictures(3)
    vectors = embed_images.straightforward(small)(shown)

    assert cosine(on_cpu(small.bundles["fp32"]).embed_images(shown), vectors) == pytest.approx(
        1, abs=1e-4
    )


def test_videos_of_3_s_are_indexed_in_both_ways(small: model.Made, tmp_path: Path) -> None:
    """Two of three are compared; a picture a second at least is embedded."""
    bundle = small.bundles["fp32"]
    videos = shapes.short(tmp_path, count=3)
    found = shapes.measured(small, loaded_from(bundle, on_cpu(bundle)), videos, compared=2)
    assert (found["videos"], found["compared"], found["frames"]) == (3, 2, 6)
    assert found["embedded"] >= 9
    assert found["ratio"] > 0


def test_a_long_video_is_a_short_one_several_times(tmp_path: Path) -> None:
    """Its times go on, and all of it can be decoded."""
    second, whole = tmp_path / "second.mp4", tmp_path / "whole.mp4"
    shapes.write(second, shapes.scenes(Random(0), (64, 48), 1), (64, 48), "h264")
    shapes.repeat(second, whole, times=3, seconds=1)
    with av.open(str(whole)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx([number / shapes.RATE for number in range(75)])


def test_the_products_of_a_tower_are_those_that_torch_counts(small: model.Made) -> None:
    """As many multiplications and additions as open_clip's own model needs."""
    pixels = np.zeros((2, 3, 32, 32), np.float32)

    found = chip.products(small.bundles["fp32"].path / VISUAL, {"pixels": pixels})

    counter = FlopCounterMode(display=False)
    with counter, torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        small.model.encode_image(torch.from_numpy(pixels))
    assert sum(each.flops * count for each, count in found.items()) == counter.get_total_flops()


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("has_weights", [True, False], ids=["weights", "two activations"])
def test_products_are_timed_in_every_runtime(precision: Precision, has_weights: bool) -> None:
    """The floor is the fastest of them, for as many products as the tower has."""
    product = Product(1 if has_weights else 4, 6, 8, 10, has_weights)
    floor = chip.Floor(chip.Products({product: 3}), precision)
    floor.measure()

    assert set(floor.of(product)) == set(ways(product, 3, precision))
    assert "onnxruntime" in floor.of(product)
    assert floor.seconds == 3 * min(floor.of(product).values())


def test_pictures_are_prepared_as_published_weights_want_it(small: model.Made) -> None:
    """Not as those of CLIP, if the recipe of the bundle is another one."""
    squashed = replace(small.bundles["fp32"], mean=(0.5,) * 3, std=(0.5,) * 3, resize="squash")
    transform = model._transform(load_open_clip(), squashed)
    (shown,) = model.pictures(1)

    wanted = normalise(prepare(shown[None], squashed.recipe), squashed.recipe)[0]

    assert np.abs(transform(Image.fromarray(shown)).numpy() - wanted).mean() < 0.02


def test_kept_bundles_are_used_again(small: model.Made) -> None:
    """Another run with the same folder writes none of them."""
    manifests = [bundle.path / MANIFEST for bundle in small.bundles.values()]
    written = [each.stat().st_mtime_ns for each in manifests]
    kept = small.bundles["fp32"].path.parents[1]

    with model.made(model.pictures(1), "tiny-clip", kept=kept) as again:
        assert {name: bundle.path for name, bundle in again.bundles.items()} == {
            name: bundle.path for name, bundle in small.bundles.items()
        }

    assert [each.stat().st_mtime_ns for each in manifests] == written


def test_one_search_is_measured(small: model.Made, tmp_path: Path) -> None:
    """With times, with what the tower takes of them, and with memory that is its own."""
    bundle = next(reversed(small.bundles.values()))

    found = one_search.measure(bundle, tmp_path / "library", segments=20, rounds=1)

    assert min(found.values()) > 0
    assert found["load_s"] + found["sentence_s"] < found["warm_s"]
    assert 20 < found["tower_mb"] < 400
    assert 20 < found["peak_mb"] < 600


def test_a_search_that_fails_is_not_measured(tmp_path: Path) -> None:
    """Its time says nothing."""
    with pytest.raises(subprocess.CalledProcessError):
        one_search.ran(["-m", "indexer", "--data-dir", str(tmp_path), "search", "a"])


def test_what_an_ingest_costs_beside_its_model_is_measured(tmp_path: Path) -> None:
    """With a model that costs nothing."""
    found = shapes.own(shapes.short(tmp_path, count=1))
    assert found["videos"] == 1
    assert found["frames"] >= 3
    assert found["cpu_ms"] > 0
