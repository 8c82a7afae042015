"""The vectors of BundleEmbedder are, bit for bit, what plain calls of the runtimes return.

That is what collections were indexed with before preparing and batching had a place of their own:
a vector that moves, be it by rounding, is another model's.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer

from clipseek.embedding import models
from clipseek.embedding.bundle import TEXT, TOKENIZER, VISUAL, Bundle
from clipseek.embedding.embedder import BundleEmbedder, blocks
from clipseek.embedding.pixels import normalise, prepare
from clipseek.embedding.precision import variant
from clipseek.embedding.towers import on_cpu, openvino
from clipseek.errors import ConfigError
from clipseek.protocols import Intake
from clipseek.testing import ToyTower

SENTENCES = ["a red car", "", "a blue ball rolls over a field", "two dogs", "many words " * 80] * 9


def shown(count: int, height: int = 90, width: int = 120) -> NDArray[np.uint8]:
    """Return pictures of one colour with noise, all different."""
    random = np.random.default_rng(3)
    colours = random.integers(0, 200, (count, 1, 1, 3))
    return (colours + random.integers(0, 55, (count, height, width, 3))).astype(np.uint8)


@pytest.fixture(scope="module", params=["fp32", "int8 on onnxruntime", "int8 on openvino"])
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Return the demo model in each precision."""
    folder = tmp_path_factory.mktemp("data")
    base = models.resolve("demo", folder)
    if request.param == "fp32":
        return base
    pytest.importorskip("onnx", reason="the extra `models` is not installed")
    captions = models.bank_captions()[:40]
    square = prepare(shown(48), base.recipe)
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "int8 on onnxruntime":
            patch.setattr(openvino, "is_installed", lambda: False)
        elif not openvino.is_installed():
            pytest.skip("the extra `openvino` is not installed")
        return variant.resolve(
            base, folder, "int8", captions=captions, pictures=lambda _: square, threads=1
        )


def session(file: Path) -> Any:
    """Load a tower as the product does, in one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide rows by their lengths."""
    found: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return found


def plain_images(bundle: Bundle, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Embed by 32 on onnxruntime, by 16 on OpenVINO."""
    square = prepare(pixels, bundle.recipe)
    if bundle.runtime == "onnxruntime":
        tower = session(bundle.path / VISUAL)
        parts = [normalise(square[at : at + 32], bundle.recipe) for at in range(0, len(square), 32)]
        return np.concatenate([unit(tower.run(["vectors"], {"pixels": part})[0]) for part in parts])
    graph = openvino.OpenVinoTower(bundle, 1)._compiled()
    request = graph.create_infer_request()
    found = []
    for at in range(0, len(square), 16):
        part = square[at : at + 16]
        full = np.concatenate([part, np.zeros((16 - len(part), *part.shape[1:]), np.uint8)])
        request.infer([full])
        found.append(request.get_output_tensor().data[: len(part)].copy())
    return unit(np.concatenate(found))


def plain_texts(bundle: Bundle) -> NDArray[np.float32]:
    """Embed sentences of like length together, in int8 each alone, cut behind the longest."""
    tower, tokenizer = (
        session(bundle.path / TEXT),
        Tokenizer.from_file(str(bundle.path / TOKENIZER)),
    )
    encoded = tokenizer.encode_batch(SENTENCES)
    ids = np.array([one.ids for one in encoded], np.int64)
    lengths = np.array([sum(one.attention_mask) for one in encoded])
    vectors = np.empty((len(ids), bundle.dim), np.float32)
    for rows in blocks(lengths, 1 if bundle.text_precision == "int8" else 32):
        tokens = ids[rows, : lengths[rows].max()]
        vectors[rows] = unit(tower.run(["vectors"], {"tokens": tokens})[0])
    return vectors


def test_pictures_have_the_numbers_of_the_plain_runtime(bundle: Bundle) -> None:
    """Over blocks that are full and one that is not."""
    pixels = shown(70)

    assert np.array_equal(
        on_cpu(bundle, threads=1).embed_images(pixels), plain_images(bundle, pixels)
    )


def test_sentences_have_the_numbers_of_the_plain_runtime(bundle: Bundle) -> None:
    """Of all lengths, more than one block of each."""
    assert np.array_equal(on_cpu(bundle, threads=1).embed_texts(SENTENCES), plain_texts(bundle))


class Recording(ToyTower):
    """Notes the shape of each run."""

    def __init__(self, dim: int, intake: Intake) -> None:
        super().__init__(dim)
        self.intake = intake
        self.shapes: list[tuple[int, ...]] = []

    def run(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Run as the toy does."""
        self.shapes.append(rows.shape)
        return super().run(rows)


@pytest.mark.parametrize(
    ("intake", "shape"),
    [(Intake(4), (64, 64, 3)), (Intake(4, normalised=True), (3, 64, 64))],
    ids=["bytes", "normalised"],
)
def test_pictures_come_as_a_tower_wants_them(
    intake: Intake, shape: tuple[int, ...], tmp_path: Path
) -> None:
    """So many at once, and in the form that it names."""
    demo = models.resolve("demo", tmp_path)
    tower = Recording(demo.dim, intake)

    BundleEmbedder(demo, tower, ToyTower(demo.dim)).embed_images(shown(10))

    assert tower.shapes == [(4, *shape), (4, *shape), (2, *shape)]


@pytest.mark.parametrize(("any_length", "longest"), [(True, 5), (False, 32)], ids=["cut", "padded"])
def test_sentences_come_as_a_tower_wants_them(
    any_length: bool, longest: int, tmp_path: Path
) -> None:
    """Cut behind the longest of a block, or whole."""
    demo = models.resolve("demo", tmp_path)
    tower = Recording(demo.dim, Intake(2, any_length=any_length))

    BundleEmbedder(demo, ToyTower(demo.dim), tower).embed_texts(["a red car"] * 3)

    assert tower.shapes == [(2, longest), (1, longest)]


class Another(ToyTower):
    """Returns what a tower of this model cannot return."""

    def __init__(self, dim: int, wrong: str) -> None:
        super().__init__(dim)
        self._wrong = wrong

    def run(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return vectors of another size or number, or without a length."""
        vectors = super().run(rows)
        made = {
            "size": vectors[:, 1:],
            "number": vectors[:1],
            "zero": np.zeros_like(vectors),
            "nan": np.full_like(vectors, np.nan),
        }
        return made[self._wrong]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("size", r"must return \(2, 384\) numbers for 2 rows, and returned \(2, 383\)"),
        ("number", r"and returned \(1, 384\); it runs another model"),
        ("zero", "a vector that is zero or is not finite"),
        ("nan", "a vector that is zero or is not finite"),
    ],
)
def test_vectors_of_another_model_are_refused(wrong: str, said: str, tmp_path: Path) -> None:
    """NumPy would spread one vector over all rows, and a catalog would keep it."""
    demo = models.resolve("demo", tmp_path)
    embedder = BundleEmbedder(demo, Another(demo.dim, wrong), Another(demo.dim, wrong))

    with pytest.raises(ConfigError, match=said):
        embedder.embed_images(shown(2))
    with pytest.raises(ConfigError, match=said):
        embedder.embed_texts(["a red car", "a dog"])
