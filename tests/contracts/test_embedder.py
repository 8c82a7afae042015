"""Every Embedder keeps the same promises."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek.embedding.precision import Choice
from clipseek.errors import ConfigError
from clipseek.protocols import Embedder
from clipseek.testing import ToyEmbedder, ToyTower
from tests.tiny_models import CAPTIONS, make_checkpoint

SENTENCES = [*CAPTIONS, "", "a blue ball", "Ünïcode 😀 &amp; entities", "many words " * 300]


def _toy(_: Path) -> Embedder:
    return ToyEmbedder()


def _onnx(folder: Path) -> Embedder:
    from clipseek.embedding.towers import on_cpu

    checkpoint = make_checkpoint("tiny-clip", folder)
    from clipseek.embedding.export import export_bundle

    bundle = export_bundle(
        "tiny-clip", folder / "bundle", checkpoint=checkpoint, bank_captions=CAPTIONS
    )
    return on_cpu(bundle, threads=2)


def _torch(folder: Path, device: str = "cpu") -> Embedder:
    checkpoint = make_checkpoint("tiny-clip", folder)
    from clipseek.embedding.export import export_bundle
    from clipseek.embedding.towers.torch import on_torch

    bundle = export_bundle(
        "tiny-clip", folder / "bundle", checkpoint=checkpoint, bank_captions=CAPTIONS
    )
    return on_torch(bundle, device=device, checkpoint=checkpoint)


def _torch_on_gpu(folder: Path) -> Embedder:
    torch = pytest.importorskip("torch", reason="the extra `models` is not installed")
    if not torch.cuda.is_available():
        pytest.skip("torch sees no GPU here")
    return _torch(folder, "cuda")


def _demo(folder: Path) -> Embedder:
    from clipseek.embedding import resolve
    from clipseek.embedding.towers import on_cpu

    try:
        return on_cpu(resolve("demo", folder), threads=2)
    except ConfigError as error:
        pytest.skip(f"the demo model is not there: {error}")


def _toy_towers(folder: Path) -> Embedder:
    from clipseek.embedding import resolve
    from clipseek.embedding.embedder import BundleEmbedder

    bundle = resolve("demo", folder)
    return BundleEmbedder(bundle, ToyTower(bundle.dim), ToyTower(bundle.dim), threads=2)


def _in_precision(precision: Choice, folder: Path) -> Embedder:
    from clipseek.embedding.export import export_bundle
    from clipseek.embedding.precision import variant
    from clipseek.embedding.towers import on_cpu

    checkpoint = make_checkpoint("tiny-clip", folder)
    base = export_bundle(
        "tiny-clip", folder / "bundle", checkpoint=checkpoint, bank_captions=CAPTIONS
    )
    try:
        made = variant.resolve(
            base, folder, precision, captions=CAPTIONS, pictures=lambda _: pictures(48, 32, 32)
        )
    except ConfigError as error:
        pytest.skip(f"no {precision} here: {error}")
    return on_cpu(made, threads=2)


MAKERS: dict[str, Callable[[Path], Embedder]] = {
    "toy": _toy,
    "toy-towers": _toy_towers,
    "onnx": _onnx,
    "int8": partial(_in_precision, "int8"),
    "bf16": partial(_in_precision, "bf16"),
    "torch": _torch,
    "gpu": _torch_on_gpu,
    "demo": _demo,
}


@pytest.fixture(scope="module", params=MAKERS.values(), ids=list(MAKERS))
def embedder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    """Return each embedder in turn, made once."""
    make: Callable[[Path], Embedder] = request.param
    return make(tmp_path_factory.mktemp("model"))


def pictures(count: int, height: int = 48, width: int = 80) -> NDArray[np.uint8]:
    """Return pictures of one colour with a little noise, all different."""
    random = np.random.default_rng(7)
    colours = random.integers(0, 200, (count, 1, 1, 3))
    noise = random.integers(0, 55, (count, height, width, 3))
    return (colours + noise).astype(np.uint8)


def test_it_says_what_it_is(embedder: Embedder) -> None:
    """Model and fingerprint are named, sizes are positive."""
    assert embedder.model
    assert embedder.fingerprint
    assert embedder.dim > 0
    assert embedder.image_size > 0


@pytest.mark.parametrize("count", [0, 1, 3], ids=["none", "one", "three"])
def test_pictures_become_unit_rows(embedder: Embedder, count: int) -> None:
    """Each picture gives one float32 row of length 1."""
    vectors = embedder.embed_images(pictures(count))

    assert vectors.shape == (count, embedder.dim)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, len(SENTENCES)], ids=["none", "one", "all"])
def test_sentences_become_unit_rows(embedder: Embedder, count: int) -> None:
    """Each sentence, also an empty or an overlong one, gives one float32 row of length 1."""
    vectors = embedder.embed_texts(SENTENCES[:count])

    assert vectors.shape == (count, embedder.dim)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.fixture
def near(request: pytest.FixtureRequest) -> float:
    """Return by how much a row may depend on its batch: a GPU computes in half precision."""
    return 5e-3 if "[gpu]" in request.node.name else 1e-4


def test_a_batch_of_pictures_equals_its_singles(embedder: Embedder, near: float) -> None:
    """A row does not depend on the rows beside it, past the size of an inner batch either."""
    batch = pictures(35)

    together = embedder.embed_images(batch)

    for row in (0, 17, 31, 32, 34):
        alone = embedder.embed_images(batch[row : row + 1])
        assert np.allclose(together[row], alone[0], atol=near)


def test_a_batch_of_sentences_equals_its_singles(embedder: Embedder, near: float) -> None:
    """A row does not depend on the sentences beside it."""
    batch = SENTENCES * 5

    together = embedder.embed_texts(batch)

    for row in (0, 4, 7, 33, len(batch) - 1):
        assert np.allclose(together[row], embedder.embed_texts([batch[row]])[0], atol=near)


@pytest.mark.parametrize(
    ("height", "width"), [(7, 9), (64, 20), (33, 200)], ids=["small", "tall", "wide"]
)
def test_pictures_may_have_any_size(embedder: Embedder, height: int, width: int) -> None:
    """Pictures smaller or larger than the model's, of any shape, are taken."""
    assert embedder.embed_images(pictures(2, height, width)).shape == (2, embedder.dim)


def test_fitted_pictures_have_the_size_of_the_model(embedder: Embedder) -> None:
    """Fitting gives squares of the model's size, still uint8."""
    fitted = embedder.prepare(pictures(2))

    assert fitted.shape == (2, embedder.image_size, embedder.image_size, 3)
    assert fitted.dtype == np.uint8


def test_no_pictures_can_be_fitted(embedder: Embedder) -> None:
    """An empty batch stays an empty batch."""
    side = embedder.image_size

    assert embedder.prepare(pictures(0)).shape == (0, side, side, 3)


def test_fitting_again_changes_nothing(embedder: Embedder) -> None:
    """Fitted pictures fit as they are."""
    fitted = embedder.prepare(pictures(2))

    assert np.array_equal(embedder.prepare(fitted), fitted)


def test_fitted_pictures_give_the_same_vectors(embedder: Embedder) -> None:
    """Fitting is the first part of embedding, and nothing else."""
    raw = pictures(3)

    assert np.allclose(
        embedder.embed_images(embedder.prepare(raw)), embedder.embed_images(raw), atol=1e-5
    )


def test_parts_of_a_picture_have_vectors(
    embedder: Embedder, request: pytest.FixtureRequest
) -> None:
    """They cover the picture evenly; a model in int8, or of other towers, has none."""
    picture = pictures(1)[0]
    found = embedder.patches(picture)

    if request.node.callspec.id in ("int8", "toy-towers"):
        assert found is None
        return
    assert found is not None
    rows, columns, dim = found.vectors.shape
    assert rows == columns > 1
    assert dim == embedder.dim
    assert found.vectors.dtype == np.float32
    assert np.isfinite(found.vectors).all()
    again = embedder.patches(picture)
    assert again is not None
    assert np.array_equal(again.vectors, found.vectors)
    other = embedder.patches(picture[:, ::-1])
    assert other is not None
    assert not np.allclose(other.vectors, found.vectors, atol=1e-3)


def test_it_can_be_used_by_several_threads(embedder: Embedder) -> None:
    """Threads that embed at once get what one thread gets."""
    batch = pictures(4)
    wanted = embedder.embed_images(batch), embedder.embed_texts(SENTENCES)

    def both(_: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return embedder.embed_images(batch), embedder.embed_texts(SENTENCES)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(both, range(8)))

    for images, texts in found:
        assert np.allclose(images, wanted[0], atol=1e-5)
        assert np.allclose(texts, wanted[1], atol=1e-5)


def test_different_pictures_have_different_vectors(embedder: Embedder) -> None:
    """The vectors say something about the pictures."""
    black_and_white = np.stack(
        [np.zeros((32, 32, 3), np.uint8), np.full((32, 32, 3), 255, np.uint8)]
    )
    left, right = embedder.embed_images(black_and_white)

    assert float(left @ right) < 0.9999


NOTHING = [
    "",
    "???",
    "!",
    ". . .",
    " \u3000",
    "\u200b",
    "\u0301",
    "\u3164",
    "\ufffd",
]


def test_signs_alone_are_not_read(embedder: Embedder) -> None:
    """Their vectors are of no sentence, also where a tokenizer has tokens for them."""
    assert embedder.read(NOTHING) == [0] * len(NOTHING)


@pytest.mark.parametrize("embedder", [_onnx, _torch], indirect=True, ids=["onnx", "torch"])
def test_entities_of_signs_are_not_read(embedder: Embedder) -> None:
    """Where a sentence is cleaned before the tokenizer sees it, that decides."""
    assert embedder.read(["&nbsp;", "&#63;&#63;", "a &amp; b"]) == [0, 0, 9]


def test_a_sentence_is_read_whole(embedder: Embedder) -> None:
    """Also one that ends in signs, and in whatever company."""
    texts = [*CAPTIONS, "a car?", "Two cats, one house.", " red ball "]
    assert embedder.read(["???", *texts]) == [0, *(len(text) for text in texts)]
    assert embedder.read([]) == []


def test_of_a_long_sentence_the_beginning_is_read(embedder: Embedder) -> None:
    """The part that is read is read whole when it is alone, and with the next word it is cut."""
    text = "a red car and a blue ball " * 30
    (end,) = embedder.read([text])
    assert 40 < end < len(text) / 2
    assert text[end] == " "
    following = text[: text.index(" ", end + 1)]
    assert embedder.read([text[:end], following]) == [end, end]


def test_words_past_the_end_change_nothing(embedder: Embedder) -> None:
    """That is what being cut means: sentences that differ only there have the same vector."""
    text = "a red car and a blue ball " * 30
    (end,) = embedder.read([text])
    cut = text.index(" ", end + 1)
    one, other = embedder.embed_texts([f"{text[:cut]} at night", f"{text[:cut]} a dog runs"])
    assert np.allclose(one, other, atol=1e-5)


def test_one_long_word_is_read_in_part(embedder: Embedder) -> None:
    """Languages without spaces have no words to cut between."""
    text = "猫" * 500
    (end,) = embedder.read([text])
    assert 0 < end <= len(text)
    assert embedder.read([text[:end]]) == [end]
