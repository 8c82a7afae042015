"""The benchmarks of embedding run at a small size and say what they compare."""

from collections.abc import Iterator

import pytest

from clipseek.embedding.precision import cosine
from clipseek.embedding.towers import on_cpu
from tests.tiny_models import make_checkpoint

pytest.importorskip("torch", reason="the extra `models` is not installed")

from benchmarks import embed_images, embed_text, model


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
