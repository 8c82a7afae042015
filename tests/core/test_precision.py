"""Models in other precisions: how they are made and measured, and which one `auto` takes."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek import sessions
from clipseek.embedding import bundle as bundles
from clipseek.embedding import models
from clipseek.embedding.bundle import MANIFEST, TEXT, VISUAL, Bundle
from clipseek.embedding.precision import Measured, cosine, joined, overlap, split
from clipseek.embedding.towers import on_cpu, onnxruntime, openvino
from clipseek.embedding.towers.onnxruntime import OnnxTower
from clipseek.errors import ConfigError
from clipseek.sessions import Session
from tests.tiny_models import CAPTIONS, make_checkpoint

pytest.importorskip("torch", reason="the extra `models` is not installed")

from clipseek.embedding.export import export_bundle
from clipseek.embedding.precision import Choice, variant
from clipseek.embedding.precision.quantise import quantise_text

GOOD = Measured(images=0.999, texts=0.999, overlap=0.97, pictures=96, speedup=2.0)


def shown(count: int, side: int = 32) -> NDArray[np.uint8]:
    """Return pictures of one colour with noise, all different."""
    random = np.random.default_rng(3)
    colours = random.integers(0, 200, (count, 1, 1, 3))
    return (colours + random.integers(0, 55, (count, side, side, 3))).astype(np.uint8)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Return a small CLIP with random weights, in fp32."""
    folder = tmp_path_factory.mktemp("base")
    checkpoint = make_checkpoint("tiny-clip", folder)
    return export_bundle(
        "tiny-clip", folder / "bundle", checkpoint=checkpoint, bank_captions=CAPTIONS
    )


def made(
    base: Bundle, data_dir: Path, choice: Choice, *, count: int = 48, steps: list[str] | None = None
) -> Bundle:
    """Return a variant of the small CLIP, measured on pictures of noise."""
    return variant.resolve(
        base,
        data_dir,
        choice,
        captions=CAPTIONS,
        pictures=lambda _: shown(count),
        threads=1,
        report=(steps if steps is not None else []).append,
    )


def with_openvino(monkeypatch: pytest.MonkeyPatch, capabilities: list[str]) -> None:
    """Put an openvino in place that says what the processor can do."""
    fake = ModuleType("openvino")
    core = SimpleNamespace(get_property=lambda *_: capabilities)
    fake.Core = lambda: core  # type: ignore[attr-defined]  # a module made up here
    monkeypatch.setitem(sys.modules, "openvino", fake)
    monkeypatch.setattr(openvino, "is_installed", lambda: True)


def test_an_int8_model_is_a_bundle_of_its_own(base: Bundle, tmp_path: Path) -> None:
    """It has a name and fingerprint of its own, and says what it costs."""
    found = made(base, tmp_path, "int8")

    assert found.name == "tiny-clip/tiny-clip@int8"
    assert found.path == tmp_path / "models" / "tiny-clip--tiny-clip@int8"
    assert (found.precision, found.base) == ("int8", base.fingerprint)
    assert found.fingerprint != base.fingerprint
    assert found.measured is not None
    assert found.measured.images > 0.9
    assert found.measured.pictures == 36


def test_attention_itself_is_not_quantised(base: Bundle, tmp_path: Path) -> None:
    """Weights are int8; a product of two activations takes numbers as they come."""
    onnx = pytest.importorskip("onnx")
    graph = onnx.load(made(base, tmp_path, "int8").path / VISUAL).graph
    made_by = {name: node for node in graph.node for name in node.output}

    products = [
        [made_by[name].op_type for name in node.input]
        for node in graph.node
        if node.op_type == "MatMul"
    ]

    assert ["DequantizeLinear", "DequantizeLinear"] in products
    assert any("DequantizeLinear" not in kinds for kinds in products)
    assert not any(kinds.count("DequantizeLinear") == 1 for kinds in products)


def test_without_openvino_int8_runs_on_onnxruntime(
    base: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its vectors are near those of fp32, and no neighbour in a batch moves them."""
    monkeypatch.setattr(openvino, "is_installed", lambda: False)
    embedder = on_cpu(found := made(base, tmp_path, "int8"))
    pictures = shown(7)

    together = embedder.embed_images(pictures)

    assert found.runtime == "onnxruntime"
    assert cosine(together, on_cpu(base).embed_images(pictures)) > 0.9
    for row in range(7):
        assert (
            np.abs(embedder.embed_images(pictures[row : row + 1])[0] - together[row]).max() < 1e-6
        )


def test_neighbours_do_not_move_int8_sentences(base: Bundle, tmp_path: Path) -> None:
    """Ranges are taken from a run: each sentence has one of its own."""
    embedder = on_cpu(replace(made(base, tmp_path, "int8"), text_precision="int8"))
    together = embedder.embed_texts(CAPTIONS)

    for row, caption in enumerate(CAPTIONS):
        assert np.abs(embedder.embed_texts([caption])[0] - together[row]).max() < 1e-6


def test_a_text_tower_that_loses_too_much_stays_in_fp32(
    base: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the variant has the text tower of its base."""
    monkeypatch.setattr(variant, "LEAST_COSINE", 1.1)

    found = made(base, tmp_path, "int8")

    assert found.text_precision == "fp32"
    assert (found.path / TEXT).read_bytes() == (base.path / TEXT).read_bytes()
    assert found.measured is not None
    assert found.measured.texts == pytest.approx(1, abs=1e-6)


@pytest.mark.skipif(not openvino.is_installed(), reason="openvino is not installed")
@pytest.mark.parametrize("fast", ["openvino", "onnxruntime"])
def test_int8_runs_on_the_runtime_that_is_faster_here(
    base: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fast: str
) -> None:
    """Which one it is depends on the processor, so both are timed; another run keeps it."""
    timed = variant._timed

    def seconds(embedder: Any, pictures: Any) -> tuple[NDArray[np.float32], float]:
        vectors, _ = timed(embedder, pictures)
        is_openvino = isinstance(embedder._visual, openvino.OpenVinoTower)
        return vectors, 1.0 if is_openvino == (fast == "openvino") else 2.0

    monkeypatch.setattr(variant, "_timed", seconds)

    found = made(base, tmp_path, "int8")

    assert found.runtime == fast
    assert made(base, tmp_path, "int8", count=0) == found


def test_a_runtime_that_is_not_as_good_is_not_taken(
    base: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However fast it is, if the other one gives the vectors of fp32."""
    pytest.importorskip("openvino", reason="it is an extra")
    timed = variant._timed

    def worse(embedder: Any, pictures: Any) -> tuple[NDArray[np.float32], float]:
        vectors, _ = timed(embedder, pictures)
        if isinstance(embedder._visual, openvino.OpenVinoTower):
            return -vectors, 0.1
        return vectors, 2.0

    monkeypatch.setattr(variant, "_timed", worse)
    monkeypatch.setattr(variant, "overlap", lambda *_: 1.0)  # pictures of noise are all alike
    monkeypatch.setattr(variant, "cosine", lambda found, wanted: float(np.sum(found * wanted) > 0))

    assert made(base, tmp_path, "int8", count=80).runtime == "onnxruntime"


def test_a_variant_is_made_once(base: Bundle, tmp_path: Path) -> None:
    """The second time it is read from the data folder, and no picture is asked for."""
    first = made(base, tmp_path, "int8")

    assert made(base, tmp_path, "int8", count=0) == first


def test_other_weights_make_the_variant_anew(base: Bundle, tmp_path: Path) -> None:
    """A variant belongs to the very weights it was made from."""
    made(base, tmp_path, "int8")
    other = replace(base, fingerprint="0" * 64)

    assert made(other, tmp_path, "int8").base == other.fingerprint


def test_the_base_stays_as_it_is(base: Bundle, tmp_path: Path) -> None:
    """Files are shared with the variant, never written to."""
    made(base, tmp_path, "int8")

    assert bundles.load(base.path) == base


def test_fp32_is_the_bundle_itself(base: Bundle, tmp_path: Path) -> None:
    """Nothing is made, and nothing measured."""
    assert made(base, tmp_path, "fp32", count=0) is base
    assert list(tmp_path.iterdir()) == []


def test_too_few_pictures_measure_nothing(base: Bundle, tmp_path: Path) -> None:
    """The sentence says how many are needed and what to do."""
    with pytest.raises(ConfigError, match=r"at least 40, and 39 were found; name more videos"):
        made(base, tmp_path, "int8", count=39)


def test_auto_falls_back_to_fp32(base: Bundle, tmp_path: Path) -> None:
    """Where nothing can be measured, nothing is taken on trust, and it is said."""
    steps: list[str] = []

    assert made(base, tmp_path, "auto", count=3, steps=steps) is base
    assert any(step.startswith("using fp32") for step in steps)


CHOICES: dict[str, tuple[dict[str, Measured], str]] = {
    "the fastest": ({"bf16": GOOD, "int8": replace(GOOD, speedup=3.0)}, "int8"),
    "the next slower": ({"bf16": GOOD, "int8": replace(GOOD, speedup=3.0, overlap=0.94)}, "bf16"),
    "pictures too far off": ({"int8": replace(GOOD, images=0.98)}, "fp32"),
    "sentences too far off": ({"int8": replace(GOOD, texts=0.98)}, "fp32"),
    "slower than fp32": ({"bf16": replace(GOOD, speedup=0.9)}, "fp32"),
    "nothing": ({}, "fp32"),
}


@pytest.mark.parametrize(("measured", "wanted"), CHOICES.values(), ids=list(CHOICES))
def test_auto_takes_the_fastest_that_is_as_good(
    base: Bundle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    measured: dict[str, Measured],
    wanted: str,
) -> None:
    """Mean cosines of 0.99 and a top-10 overlap of 0.95 are asked for, and that it is faster."""

    def known(_: Any, precision: Any, *__: Any) -> Bundle:
        if precision not in measured:
            raise ConfigError("this processor lacks it")
        return replace(base, precision=precision, measured=measured[precision])

    monkeypatch.setattr(variant._Maker, "variant", known)

    assert made(base, tmp_path, "auto").precision == wanted


def test_a_processor_without_bf16_is_told_what_to_do(
    base: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence, and nothing is made."""
    with_openvino(monkeypatch, ["FP32", "INT8"])

    with pytest.raises(
        ConfigError, match=r"this processor does not support bf16; use `--precision"
    ):
        made(base, tmp_path, "bf16")
    assert list(tmp_path.iterdir()) == []


def test_bf16_without_openvino_names_the_extra(
    base: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where openvino is not installed, the message says what to install."""
    monkeypatch.setattr(openvino, "is_installed", lambda: False)

    with pytest.raises(ConfigError, match=r"pip install 'clipseek\[openvino\]'"):
        made(base, tmp_path, "bf16")


def test_a_bundle_for_openvino_says_so_where_it_is_missing(
    base: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sentences can be embedded all the same: who searches needs no visual tower."""
    monkeypatch.setattr(openvino, "is_installed", lambda: False)
    embedder = on_cpu(replace(base, precision="bf16", runtime="openvino"))

    assert embedder.embed_texts(["a dog"]).shape == (1, base.dim)
    with pytest.raises(ConfigError, match="openvino, which is not installed"):
        embedder.embed_images(shown(1))


def test_a_missing_variant_is_not_taken_for_an_architecture(tmp_path: Path) -> None:
    """The message names the command that makes it."""
    with pytest.raises(ConfigError, match=r"--model RN50/openai --precision int8"):
        models.resolve("RN50/openai@int8", tmp_path)


def test_an_unknown_precision_in_a_name_is_refused(tmp_path: Path) -> None:
    """The known ones are listed."""
    with pytest.raises(ConfigError, match=r"unknown precision 'int3'; it is one of fp32, bf16"):
        models.resolve("demo@int3", tmp_path)


NAMES = {
    "demo": ("demo", None),
    "demo@int8": ("demo", "int8"),
    "ViT-B-32/openai@bf16": ("ViT-B-32/openai", "bf16"),
    "/home/me@work/bundle": ("/home/me@work/bundle", None),
    "./bundle@old": ("./bundle@old", None),
}


@pytest.mark.parametrize(("name", "parts"), NAMES.items(), ids=list(NAMES))
def test_a_name_carries_its_precision(name: str, parts: tuple[str, Any]) -> None:
    """The text after the last @ of a name; a path has none."""
    assert split(name) == parts
    assert joined(parts[0], parts[1] or "fp32") == name


def test_the_overlap_is_the_share_of_the_ten_best() -> None:
    """Of twenty pictures, one of the ten best changed places with the eleventh."""
    wanted = np.arange(20, 0, -1, dtype=np.float32)[None]
    found = wanted.copy()
    found[0, [9, 10]] = found[0, [10, 9]]

    assert overlap(found, wanted) == pytest.approx(0.9)
    assert overlap(wanted, wanted) == 1


def test_scores_that_are_all_but_equal_count_as_found() -> None:
    """Frames of one scene may change places, less than 0.001 apart in fp32, and no others."""
    wanted = np.linspace(0.3, 0.1, 20, dtype=np.float32)[None]
    found = wanted.copy()
    found[0, [9, 10]] = found[0, [10, 9]]

    for apart, share in ((0.0009, 1.0), (0.002, 0.9)):
        wanted[0, 10] = wanted[0, 9] - np.float32(apart)
        assert overlap(found, wanted) == pytest.approx(share)


def test_the_manifest_says_what_was_measured(base: Bundle, tmp_path: Path) -> None:
    """Other programs can read it."""
    found = made(base, tmp_path, "int8")

    content = json.loads((found.path / MANIFEST).read_text())

    assert content["precision"] == "int8"
    assert set(content["measured"]) == set(Measured.__dataclass_fields__)


def test_a_bundle_of_a_former_release_is_fp32(base: Bundle, tmp_path: Path) -> None:
    """Its manifest lacks what came later, and its fingerprint holds."""
    content = json.loads((base.path / MANIFEST).read_text())
    for name in ("text_precision", "runtime", "base", "measured"):
        del content[name]
    former = tmp_path / "former"
    former.mkdir()
    for file in base.files:
        (former / file).symlink_to(base.path / file)
    (former / MANIFEST).write_text(json.dumps(content))

    assert bundles.load(former).fingerprint == base.fingerprint


def test_an_int8_text_tower_has_its_weights_where_those_of_fp32_are(
    base: Bundle, tmp_path: Path
) -> None:
    """Weights apart are mapped, not read; the sentences of both forms have the same vectors."""
    onnx = pytest.importorskip("onnx")
    apart, inside = tmp_path / "apart" / TEXT, tmp_path / "inside" / TEXT
    for file in (apart, inside):
        file.parent.mkdir()
    onnx.save(
        onnx.load(base.path / TEXT),
        tmp_path / TEXT,
        save_as_external_data=True,
        location=f"{TEXT}.data",
        size_threshold=0,
    )

    quantise_text(tmp_path / TEXT, apart)
    quantise_text(base.path / TEXT, inside)

    assert apart.with_name(f"{TEXT}.data").stat().st_size > apart.stat().st_size
    assert not inside.with_name(f"{TEXT}.data").exists()
    tokens = np.zeros((1, base.context_length), np.int64)
    mapped, read = (
        OnnxTower(lambda file=file: file, "tokens", [base.context_length], base.dim).run(tokens)  # type: ignore[misc]
        for file in (apart, inside)
    )
    np.testing.assert_array_equal(mapped, read)


@pytest.mark.parametrize(("choice", "packs"), [("int8", False), ("fp32", True)])
def test_a_brief_process_leaves_int8_weights_as_they_are(
    base: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choice: Choice, packs: bool
) -> None:
    """The vectors are the same to the bit, which those of fp32 would not be."""
    bundle, opened = made(base, tmp_path, choice), []

    def noting(file: Path, **options: Any) -> Session:
        opened.append(options["packs"])
        return sessions.opened(file, **options)

    monkeypatch.setattr(onnxruntime, "opened", noting)
    brief, whole = on_cpu(bundle, threads=1, is_brief=True), on_cpu(bundle, threads=1)

    np.testing.assert_array_equal(brief.embed_texts(CAPTIONS), whole.embed_texts(CAPTIONS))

    assert opened == [packs, True]


def test_a_brief_process_loads_its_text_tower_ahead(
    base: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the tokenizer and the index are read; others wait for the first sentence."""
    loading, checked = Event(), Event()

    def noting(file: Path, **options: Any) -> Session:
        loading.set()
        assert checked.wait(60)
        return sessions.opened(file, **options)

    monkeypatch.setattr(onnxruntime, "opened", noting)

    on_cpu(base, threads=1).check_texts()
    assert not loading.is_set()
    brief = on_cpu(base, threads=1, is_brief=True)
    brief.check_texts()
    assert loading.wait(60)
    checked.set()

    assert brief.embed_texts(CAPTIONS).shape == (len(CAPTIONS), base.dim)


def test_a_tower_that_cannot_be_loaded_ahead_is_an_error_of_the_first_sentence(
    base: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread says nothing."""

    def failing(*_: Any, **__: Any) -> Session:
        raise ConfigError("no such tower")

    monkeypatch.setattr(onnxruntime, "_session", failing)
    brief = on_cpu(base, threads=1, is_brief=True)
    brief.check_texts()

    with pytest.raises(ConfigError, match="no such tower"):
        brief.embed_texts(CAPTIONS)
