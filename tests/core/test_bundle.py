"""Bundles on disk: what is written, what is refused, and how a model's name finds one."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clipseek.embedding import bundle as bundles
from clipseek.embedding import models
from clipseek.embedding.bundle import BANK, MANIFEST, TEXT, TOKENIZER, VISUAL, Bundle, Manifest
from clipseek.embedding.verified import RECORD, Verified
from clipseek.errors import ConfigError
from clipseek.types import Relevance

MADE = Manifest(
    name="Some-Model/some-weights",
    dim=4,
    image_size=8,
    mean=(0.1, 0.2, 0.3),
    std=(0.4, 0.5, 0.6),
    interpolation="bicubic",
    resize="longest",
    fill=7,
    context_length=5,
    clean="lower",
    logit_scale=12.5,
    coherence=0.85,
    relevance=Relevance(1.0, -2.0, fitted=False),
    licence="MIT",
    source="drawn at random",
)


def fill(folder: Path) -> None:
    """Put files into a folder that look like a model's from the outside."""
    (folder / VISUAL).write_bytes(b"visual tower")
    (folder / TEXT).write_bytes(b"text tower")
    (folder / f"{TEXT}.data").write_bytes(b"weights of the text tower")
    (folder / TOKENIZER).write_text("{}")
    np.save(folder / BANK, np.eye(4, dtype=np.float16))


def write(out: Path, manifest: Manifest = MADE) -> Bundle:
    """Write the bundle of MADE."""
    return bundles.write(out, manifest, fill)


def edit(folder: Path, **values: Any) -> None:
    """Change fields of a manifest without a word to its fingerprint."""
    file = folder / MANIFEST
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    """Loading gives every field that was written."""
    written = write(tmp_path / "model")

    loaded = bundles.load(tmp_path / "model")

    assert loaded == written
    assert replace(MADE) == Manifest(
        **{name: getattr(loaded, name) for name in Manifest.__dataclass_fields__}
    )


def _corrupt(file: Path, *, keep_time: bool = False) -> None:
    """Change one byte in place."""
    before = file.stat()
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    with file.open("r+b") as opened:
        opened.write(content)
    shift = 0 if keep_time else 1_000_000_000
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + shift))


@pytest.mark.parametrize(
    ("damaged", "used"),
    [
        pytest.param(VISUAL, VISUAL, id="a tower"),
        pytest.param(f"{TEXT}.data", TEXT, id="the weights of a tower"),
        pytest.param(TOKENIZER, TOKENIZER, id="the tokenizer"),
        pytest.param(BANK, BANK, id="the bank"),
    ],
)
def test_a_file_is_checked_when_it_is_used(tmp_path: Path, damaged: str, used: str) -> None:
    """Damage of one file keeps nobody from using the others, and is found before it is read."""
    folder = write(tmp_path / "model").path
    _corrupt(folder / damaged)
    bundle = bundles.load_lazily(folder, Verified(tmp_path))
    for name in {VISUAL, TEXT, TOKENIZER, BANK} - {used}:
        assert bundle.file(name) == folder / name
    with pytest.raises(ConfigError, match=f"{damaged} is not the file"):
        bundle.file(used)


def test_a_file_that_was_verified_is_not_read_again(tmp_path: Path) -> None:
    """Its size, time and inode say that it is the same; `damage` reads it all the same."""
    folder = write(tmp_path / "model").path
    bundles.load_lazily(folder, Verified(tmp_path)).file(TEXT)
    _corrupt(folder / TEXT, keep_time=True)
    assert bundles.load_lazily(folder, Verified(tmp_path)).file(TEXT) == folder / TEXT
    assert "text.onnx is not the file" in bundles.damage(folder)


def _replace(file: Path) -> None:
    """Put another file in the place of one, of the same size and time."""
    before = file.stat()
    other = file.with_name("other")
    other.write_bytes(bytes(before.st_size))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(file)


@pytest.mark.parametrize("change", [_corrupt, _replace], ids=["written to", "another inode"])
def test_a_verified_file_that_changed_is_read_again(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    """The record is of a file as it was then."""
    folder = write(tmp_path / "model").path
    bundles.load_lazily(folder, Verified(tmp_path)).file(TEXT)
    change(folder / TEXT)
    with pytest.raises(ConfigError, match=r"text\.onnx is not the file"):
        bundles.load_lazily(folder, Verified(tmp_path)).file(TEXT)


RECORDS = {
    "no JSON": b"\xff{",
    "a list": b"[1]",
    "of another hash": b'{"%s": [10, 0, 0, 0, "0"]}',
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=list(RECORDS))
def test_a_record_that_says_nothing_is_made_anew(tmp_path: Path, record: bytes) -> None:
    """Files are hashed then, and noted."""
    folder = write(tmp_path / "model").path
    (tmp_path / RECORD).write_bytes(record.replace(b"%s", bytes(folder / TEXT)))
    bundles.load_lazily(folder, Verified(tmp_path)).file(TEXT)
    assert Verified(tmp_path).has(folder / TEXT, bundles.peek(folder).files[TEXT])


def test_a_data_folder_is_not_made_for_a_record(tmp_path: Path) -> None:
    """A model that is looked at leaves nothing behind."""
    folder = write(tmp_path / "model").path
    bundles.load_lazily(folder, Verified(tmp_path / "data")).file(TEXT)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_the_bank_is_read_as_unit_rows(tmp_path: Path) -> None:
    """The bank comes as float32 rows of length 1."""
    bank = write(tmp_path / "model").bank()

    assert bank.dtype == np.float32
    assert np.allclose(np.linalg.norm(bank, axis=1), 1)


def test_the_picture_recipe_is_the_manifests(tmp_path: Path) -> None:
    """The recipe holds what the manifest says of pictures."""
    recipe = write(tmp_path / "model").recipe

    assert (recipe.image_size, recipe.resize, recipe.fill) == (8, "longest", 7)


def test_every_file_is_readable_by_others(tmp_path: Path) -> None:
    """A bundle that one user wrote can be read by the user of a service."""
    folder = write(tmp_path / "model").path

    modes = {file.stat().st_mode & 0o044 for file in [folder, *folder.iterdir()]}

    assert modes == {0o044}


VECTOR_CHANGES: dict[str, dict[str, Any]] = {
    "mean": {"mean": (0.0, 0.0, 0.0)},
    "std": {"std": (1.0, 1.0, 1.0)},
    "interpolation": {"interpolation": "bilinear"},
    "resize": {"resize": "squash"},
    "fill": {"fill": 8},
    "context_length": {"context_length": 6},
    "clean": {"clean": "none"},
    "image_size": {"image_size": 9},
}


@pytest.mark.parametrize("change", VECTOR_CHANGES.values(), ids=list(VECTOR_CHANGES))
def test_the_fingerprint_moves_with_what_changes_vectors(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    """Another way to prepare pictures or sentences is another fingerprint."""
    first = write(tmp_path / "first")
    second = write(tmp_path / "second", replace(MADE, **change))

    assert first.fingerprint != second.fingerprint


def test_the_fingerprint_moves_with_the_weights(tmp_path: Path) -> None:
    """Other weights, beside the graph or in it, are another fingerprint."""

    def heavier(folder: Path) -> None:
        fill(folder)
        (folder / f"{TEXT}.data").write_bytes(b"other weights")

    other = bundles.write(tmp_path / "other", MADE, heavier)

    assert other.fingerprint != write(tmp_path / "first").fingerprint


def test_the_fingerprint_stays_with_what_does_not_change_vectors(tmp_path: Path) -> None:
    """Name, licence, relevance, coherence and bank can change under the same vectors."""
    other = replace(
        MADE,
        name="another/name",
        licence="",
        coherence=0.5,
        relevance=Relevance(2.0, 1.0, fitted=True),
    )

    assert write(tmp_path / "first").fingerprint == write(tmp_path / "second", other).fingerprint


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    """Where the files cannot be made, no folder appears."""

    def fail(folder: Path) -> None:
        fill(folder)
        raise ConfigError("the towers disagree")

    with pytest.raises(ConfigError, match="disagree"):
        bundles.write(tmp_path / "model", MADE, fail)

    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_old_bundle(tmp_path: Path) -> None:
    """A bundle that is there stays as it is when its successor cannot be made."""
    old = write(tmp_path / "model")

    with pytest.raises(ConfigError):
        bundles.write(tmp_path / "model", MADE, lambda _: None)

    assert bundles.load(tmp_path / "model") == old
    assert list(tmp_path.iterdir()) == [tmp_path / "model"]


def test_a_bundle_is_replaced_whole(tmp_path: Path) -> None:
    """Writing again gives the new bundle and nothing of the old one."""
    write(tmp_path / "model")

    new = write(tmp_path / "model", replace(MADE, name="new/one"))

    assert bundles.load(tmp_path / "model") == new
    assert list(tmp_path.iterdir()) == [tmp_path / "model"]


def test_a_folder_of_something_else_is_not_replaced(tmp_path: Path) -> None:
    """Other files are not a bundle and stay."""
    (tmp_path / "letters.txt").write_text("dear ...")

    with pytest.raises(ConfigError, match="not a model bundle"):
        write(tmp_path)

    assert (tmp_path / "letters.txt").is_file()


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no manifest": (lambda f: (f / MANIFEST).unlink(), r"no readable bundle\.json"),
    "no JSON": (lambda f: (f / MANIFEST).write_text("{"), "not JSON"),
    "a list": (lambda f: (f / MANIFEST).write_text("[]"), "format None"),
    "newer format": (lambda f: edit(f, format=2), "format 2"),
    "no tower": (lambda f: (f / VISUAL).unlink(), "visual.onnx is missing"),
    "no weights": (lambda f: (f / f"{TEXT}.data").unlink(), "text.onnx.data is missing"),
    "other tower": (lambda f: (f / TEXT).write_bytes(b"x"), "text.onnx is not the file"),
    "other bank": (lambda f: np.save(f / BANK, np.eye(3)), "bank.npy is not the file"),
    "other recipe": (lambda f: edit(f, resize="squash"), "fingerprint"),
    "unknown resize": (lambda f: edit(f, resize="stretch"), "resize must be one of"),
    "unknown precision": (lambda f: edit(f, precision="int3"), "precision must be one of"),
    "dim of nothing": (lambda f: edit(f, dim=0), "dim must be a whole number"),
    "dim of text": (lambda f: edit(f, dim="4"), "dim must be a whole number"),
    "two means": (lambda f: edit(f, mean=[0.5, 0.5]), "missing or wrong field"),
    "negative scale": (lambda f: edit(f, logit_scale=-1), "logit_scale must be > 0"),
    "odd coherence": (lambda f: edit(f, coherence=3), "coherence must be in"),
    "odd relevance": (lambda f: edit(f, relevance={"a": 1}), "missing or wrong field"),
    "file elsewhere": (lambda f: edit(f, files={"../x": "0"}), "missing or wrong field"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=list(DAMAGES))
def test_a_damaged_bundle_is_refused(
    tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    """What is wrong is named, in a ConfigError."""
    folder = write(tmp_path / "model").path
    damage(folder)

    with pytest.raises(ConfigError, match=message):
        bundles.load(folder)


BANKS: dict[str, np.ndarray[Any, Any]] = {
    "other dim": np.eye(3, dtype=np.float16),
    "other type": np.eye(4, dtype=np.float32),
    "no rows": np.empty((0, 4), np.float16),
    "one row only": np.ones(4, np.float16),
}


@pytest.mark.parametrize("bank", BANKS.values(), ids=list(BANKS))
def test_a_bank_of_another_shape_is_refused(tmp_path: Path, bank: np.ndarray[Any, Any]) -> None:
    """A bank is float16 (B, dim), and has a row at least."""

    def odd(folder: Path) -> None:
        fill(folder)
        np.save(folder / BANK, bank)

    with pytest.raises(ConfigError, match=r"bank\.npy must be float16 \(B, 4\)"):
        bundles.write(tmp_path / "model", MADE, odd)


@pytest.mark.parametrize(
    "model",
    ["..", "../x", "a/../b", "a/b/c", "", "/etc", ".hidden", "a b", "a\\b", "x/.y"],
    ids=repr,
)
def test_a_name_cannot_leave_the_models_folder(tmp_path: Path, model: str) -> None:
    """Names that are not model names are refused before they become a path."""
    with pytest.raises(ConfigError, match="not a model name"):
        models.bundle_folder(tmp_path, model)


def test_each_model_has_one_folder(tmp_path: Path) -> None:
    """A bundle lies right under the data folder's models."""
    folder = models.bundle_folder(tmp_path, "ViT-B-32/laion2b_s34b_b79k")

    assert folder == tmp_path / "models" / "ViT-B-32--laion2b_s34b_b79k"


def test_an_installed_model_is_found_by_its_name(tmp_path: Path) -> None:
    """A bundle in the data folder is what its name stands for."""
    made = write(models.bundle_folder(tmp_path, MADE.name))

    assert models.resolve(MADE.name, tmp_path) == made


def test_a_bundle_is_found_by_its_path(tmp_path: Path) -> None:
    """The path of a bundle names it."""
    made = write(tmp_path / "elsewhere")

    assert models.resolve(str(tmp_path / "elsewhere"), tmp_path / "data") == made


def test_a_path_without_a_bundle_is_refused(tmp_path: Path) -> None:
    """A path that holds no bundle is not taken for the name of a model to export."""
    with pytest.raises(ConfigError, match="not a model bundle"):
        models.resolve(str(tmp_path), tmp_path)


def test_a_missing_model_is_not_exported_unasked(tmp_path: Path) -> None:
    """Without leave to export, a missing model is an error that names the way out."""
    with pytest.raises(ConfigError, match=r"indexer ingest PATH --model ViT-B-32/openai"):
        models.resolve("ViT-B-32/openai", tmp_path, export=False)


def test_exporting_without_the_extra_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where torch is not installed, the message says what to install."""
    monkeypatch.setitem(sys.modules, "clipseek.embedding.export", None)

    with pytest.raises(ConfigError, match=r"pip install 'clipseek\[models\]'"):
        models.resolve("ViT-B-32/openai", tmp_path)


@pytest.mark.parametrize("model", ["demo", "./bundle"], ids=["demo", "path"])
def test_a_checkpoint_needs_an_architecture(tmp_path: Path, model: str) -> None:
    """A checkpoint beside the name of a finished bundle makes no sense."""
    with pytest.raises(ConfigError, match="names a finished bundle"):
        models.resolve(model, tmp_path, checkpoint=tmp_path / "weights.pt")


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    """A file that is not there is an error before anything is loaded."""
    with pytest.raises(ConfigError, match=r"no file .*weights\.pt"):
        models.resolve("ViT-B-32", tmp_path, checkpoint=tmp_path / "weights.pt")


def test_listing_says_what_is_installed(tmp_path: Path) -> None:
    """Known models come first, each with whether it is here."""
    write(models.bundle_folder(tmp_path, models.DEFAULT_MODEL))

    installed = {row.name: row.installed for row in models.listed(tmp_path)}

    assert installed[models.DEFAULT_MODEL]
    assert not installed["ViT-B-32/laion2b_s34b_b79k"]


def test_listing_has_the_models_that_only_this_machine_knows(tmp_path: Path) -> None:
    """An export from a checkpoint is listed by its name, a damaged folder is not."""
    write(models.bundle_folder(tmp_path, "Mine/weights"), replace(MADE, name="Mine/weights"))
    broken = write(models.bundle_folder(tmp_path, "Broken/weights")).path
    (broken / MANIFEST).write_text("{}")

    names = [row.name for row in models.listed(tmp_path)]

    assert "Mine/weights" in names
    assert "Broken/weights" not in names


def test_the_default_may_be_used_in_products() -> None:
    """No model with a licence for research only is the default."""
    (default,) = [known for known in models.KNOWN if known.name == models.DEFAULT_MODEL]

    assert default.licence in ("Apache-2.0", "MIT")


def test_the_bank_has_some_two_thousand_sentences() -> None:
    """The bank covers what videos show; its size is a constant of relevance."""
    assert 1900 <= len(models.bank_captions()) <= 2400


def test_no_sentence_of_the_bank_comes_twice() -> None:
    """A sentence that comes twice would weigh twice."""
    captions = models.bank_captions()

    assert len(set(captions)) == len(captions)


def test_every_sentence_of_the_bank_is_short_and_plain() -> None:
    """Three to twelve words, lower case, no stray blanks."""
    odd = [
        caption
        for caption in models.bank_captions()
        if not 3 <= len(caption.split()) <= 12
        or caption != caption.lower()
        or caption != " ".join(caption.split())
    ]

    assert odd == []
