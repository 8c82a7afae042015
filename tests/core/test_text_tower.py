"""Text towers without padding: which are cut at the end token, and that no vector moves by it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.embedding.bundle import ANY_LENGTH, TEXT, Bundle
from clipseek.embedding.embedder import blocks
from clipseek.embedding.towers import on_cpu
from tests.tiny_models import CAPTIONS, make_checkpoint

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

from clipseek.embedding.export import export_bundle  # noqa: E402
from clipseek.embedding.export import model as export  # noqa: E402
from clipseek.embedding.export.text import CutText, cut  # noqa: E402
from clipseek.embedding.openclip.weights import load_weights  # noqa: E402

SENTENCES = [*CAPTIONS, "", "night", "word " * 20, "word " * 40, "many words " * 300]


def exported(name: str, folder: Path) -> Bundle:
    """Export a small architecture with random weights."""
    checkpoint = make_checkpoint(name, folder)
    return export_bundle(name, folder / "bundle", checkpoint=checkpoint, bank_captions=CAPTIONS)


def length_of(bundle: Bundle) -> int | str:
    """Return the length of a sentence that the text tower says it takes."""
    session = onnxruntime.InferenceSession(str(bundle.path / TEXT))
    length: int | str = session.get_inputs()[0].shape[1]
    return length


@pytest.fixture(scope="module")
def cut_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Return the small CLIP's bundle, its text tower cut."""
    return exported("tiny-clip", tmp_path_factory.mktemp("cut"))


@pytest.fixture(scope="module")
def whole_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Return the same, its text tower whole: as bundles were before towers were cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "cut", lambda _: None)
        return exported("tiny-clip", tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize(
    ("name", "length"),
    [("tiny-resnet", ANY_LENGTH), ("tiny-rope", ANY_LENGTH), ("tiny-sigmoid", 16)],
    ids=["clip", "custom-text", "no-causal-mask"],
)
def test_a_tower_is_cut_where_its_architecture_allows_it(
    name: str, length: int | str, tmp_path: Path
) -> None:
    """Causal towers that are read at the end token take any length, others stay whole."""
    assert length_of(exported(name, tmp_path)) == length


def test_cutting_moves_no_vector(cut_bundle: Bundle, whole_bundle: Bundle) -> None:
    """Sentences of every length have the vectors of the whole tower."""
    assert (length_of(cut_bundle), length_of(whole_bundle)) == (ANY_LENGTH, 77)
    embedder, whole = on_cpu(cut_bundle), on_cpu(whole_bundle)

    assert np.abs(embedder.embed_texts(SENTENCES) - whole.embed_texts(SENTENCES)).max() <= 1e-5


def test_neighbours_change_nothing(cut_bundle: Bundle) -> None:
    """A sentence among longer ones has the vector that it has alone, in its own place."""
    embedder = on_cpu(cut_bundle)
    together = embedder.embed_texts(SENTENCES * 5)

    alone = np.concatenate([embedder.embed_texts([sentence]) for sentence in SENTENCES * 5])

    assert np.abs(together - alone).max() <= 1e-6


def test_the_demos_text_tower_is_cut(tmp_path: Path) -> None:
    """open_clip's CustomTextCLIP with 32 tokens, read at the highest id."""
    from clipseek.demo import tower
    from clipseek.demo.words import make_tokenizer

    tokenizer = make_tokenizer()
    bundle = export.export_model(
        tower.create(tokenizer.get_vocab_size()),
        tower.PREPROCESSING,
        tokenizer,
        tmp_path / "bundle",
        name="demo",
        bank_captions=CAPTIONS,
        licence="",
        source="",
    )

    assert length_of(bundle) == ANY_LENGTH


def test_a_cut_tower_that_differs_is_left_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not the model's own vector to 1e-5 is not written."""

    def blind(model: Any) -> CutText | None:
        shorter = cut(model)
        assert shorter is not None
        shorter.end_id = 0  # no token of any sentence but padding: the first one is read
        return shorter

    monkeypatch.setattr(export, "cut", blind)
    steps: list[str] = []
    checkpoint = make_checkpoint("tiny-clip", tmp_path)

    bundle = export_bundle(
        "tiny-clip",
        tmp_path / "bundle",
        checkpoint=checkpoint,
        bank_captions=CAPTIONS,
        report=steps.append,
    )

    assert length_of(bundle) == 77
    assert "sentences are padded to 77 tokens, as this model needs them" in steps


CHANGES: dict[str, Callable[[Any], object]] = {
    "no mask": lambda model: setattr(model, "attn_mask", None),
    "a mask of its own": lambda model: model.attn_mask.fill_(0),
    "pooled at the last token": lambda model: setattr(model, "text_pool_type", "last"),
    "a class token": lambda model: setattr(model, "cls_emb", torch.nn.Parameter(torch.ones(32))),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_other_towers_are_not_cut(change: Callable[[Any], object], tmp_path: Path) -> None:
    """Where a token may see what follows it, or the end token is not read, all is computed."""
    model = load_weights("tiny-clip", checkpoint=make_checkpoint("tiny-clip", tmp_path)).model
    assert cut(model) is not None

    change(model)

    assert cut(model) is None


@given(st.lists(st.integers(1, 77), max_size=200), st.integers(1, 40))
def test_blocks_hold_every_row_once(lengths: list[int], most: int) -> None:
    """No row is lost or doubled, no block is too large, and lengths ascend."""
    found = blocks(np.array(lengths, np.int64), most)

    rows = np.concatenate([np.empty(0, np.int64), *found]).tolist()
    assert sorted(rows) == [*range(len(lengths))]
    assert [lengths[row] for row in rows] == sorted(lengths)
    assert all(1 <= len(block) <= most for block in found)


def test_a_long_sentence_has_a_block_of_its_own() -> None:
    """Thirty short ones are not computed at the length of one long one."""
    found = blocks(np.array([5] * 15 + [77] + [6] * 15), 32)

    assert [len(block) for block in found] == [30, 1]


def test_small_differences_share_a_block() -> None:
    """A run of their own would cost more than the padding."""
    assert len(blocks(np.array([4, 5, 6, 7]), 32)) == 1
