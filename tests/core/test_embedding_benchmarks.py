"""The benchmarks of embedding run at a small size and say what they compare."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import av
import pytest

from clipseek.embedding.precision import cosine
from clipseek.embedding.towers import on_cpu
from tests.tiny_models import make_checkpoint

pytest.importorskip("torch", reason="the extra `models` is not installed")

from benchmarks import embed_images, embed_text, model, shapes
from benchmarks.indexing import loaded_from


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[model.Made]:
    """Return a model of a small architecture, as the benchmarks make theirs."""
    make_checkpoint("tiny-clip", tmp_path_factory.mktemp("weights"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "ARCHITECTURE", "tiny-clip")
        with model.made(model.pictures(40)) as found:
            yield found


def test_pictures_are_compared_with_open_clip(small: model.Made) -> None:
    """The ratio is that of a precision whose cosine is stated."""
    found = embed_images.measure(small, model.pictures(5), rounds=1)

    assert found["name"] == "embed_images"
    assert found["ratio"] > 0
    assert found["cosine"] >= 0.99
    assert found["precision"] in small.bundles
    assert {"open_clip", "fp32"} <= set(found["pictures_per_s"])


def test_sentences_are_compared_with_open_clip(small: model.Made) -> None:
    """The ratio is that of a precision whose cosine is stated."""
    found = embed_text.measure(small, rounds=1)

    assert found["name"] == "embed_text"
    assert found["ratio"] > 0
    assert found["cosine"] >= 0.99
    assert {"open_clip", "fp32"} <= set(found["sentence_ms"])


def test_the_straightforward_way_gives_the_same_vectors(small: model.Made) -> None:
    """What is compared does the same work."""
    shown = model.pictures(3)
    vectors = embed_images.straightforward(small)(shown)

    assert cosine(on_cpu(small.bundles["fp32"]).embed_images(shown), vectors) == pytest.approx(
        1, abs=1e-4
    )


def test_videos_of_3_s_are_indexed_in_both_ways(small: model.Made, tmp_path: Path) -> None:
    """All of them, and a picture a second at least is embedded."""
    bundle = small.bundles["fp32"]
    found = shapes.measured(
        small, loaded_from(bundle, on_cpu(bundle)), shapes.short(tmp_path, count=2)
    )
    assert (found["videos"], found["frames"]) == (2, 6)
    assert found["embedded"] >= 6
    assert found["ratio"] > 0


def test_a_long_video_is_a_short_one_several_times(tmp_path: Path) -> None:
    """Its times go on, and all of it can be decoded."""
    second, whole = tmp_path / "second.mp4", tmp_path / "whole.mp4"
    shapes.write(second, shapes.scenes(Random(0), (64, 48), 1), (64, 48), "h264")
    shapes.repeat(second, whole, times=3, seconds=1)
    with av.open(str(whole)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx([number / shapes.RATE for number in range(75)])
