"""The model bundle: the folder that a model runs from, without torch.

A bundle is one folder of these files:

    bundle.json      the manifest, below
    visual.onnx      input "pixels" float32 (N, 3, S, S), normalised; output "vectors" (N, dim)
    text.onnx        input "tokens" int64 (N, L); output "vectors" (N, dim). If its second axis
                     is named "L" instead of having a size, rows may be cut after the end token
    tokenizer.json   Hugging Face `tokenizers` format, with truncation and padding to L in it
    bank.npy         float16 (B, dim), unit rows: the captions of bank.txt through text.onnx
    patches.onnx     missing if the model has none; input "pixels", output "patches" (N, R, C, dim)
                     (see `patches.Patches`); weights may be in visual.onnx
    *.onnx.data      the weights of a large tower, beside its graph

N is any number, the towers need not normalise their vectors. `bundle.json` contains:

    format           1; a reader refuses any other
    name             the model's name, `ARCHITECTURE/PRETRAINED` or "demo"
    dim              length of a vector
    image_size       S, side of the square picture in pixels
    mean, std        three numbers each, of channel values in [0, 1]
    interpolation    "bicubic" or "bilinear"
    resize           "shortest" (then centre crop), "longest" (then pad) or "squash"
    fill             0 to 255, the padding of "longest"
    context_length   L, tokens of a sentence
    clean            what is done to a sentence before the tokenizer (see `words.clean`)
    precision        "fp32", "bf16" or "int8": of the visual tower
    text_precision   "fp32" or "int8"; "fp32" if it is missing
    runtime          what the visual tower needs, "onnxruntime" (also if it is missing) or
                     "openvino"; the text tower runs on onnxruntime
    base             fingerprint of the fp32 bundle that this one was made from, or null
    measured         what the precision costs against fp32 (see `precision.Measured`), or null
    logit_scale      t, what the model multiplies a cosine with (already exponentiated)
    logit_bias       what a model trained with a sigmoid (SigLIP) adds to that product; null or
                     missing for one trained with a softmax (see `calibration`)
    coherence        cosine below which a frame does not belong to the running segment
    relevance        {scale, offset, fitted}: the curve from evidence to relevance
    licence, source  of the weights, for people
    files            {file name: SHA-256 in hex} of every other file
    fingerprint      SHA-256 over what determines a vector: the hashes of visual.onnx, text.onnx
                     and the tokenizer, and the fields named in `_VECTOR_FIELDS`
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from clipseek.embedding.pixels import Interpolation, Recipe
from clipseek.embedding.precision import PRECISIONS, Measured, Precision, Runtime
from clipseek.embedding.verified import Verified
from clipseek.embedding.words import CLEANS, Clean
from clipseek.errors import ConfigError
from clipseek.files import open_regular
from clipseek.types import Relevance, Resize

FORMAT = 1
MANIFEST = "bundle.json"
ANY_LENGTH = "L"
VISUAL, TEXT, TOKENIZER, BANK = "visual.onnx", "text.onnx", "tokenizer.json", "bank.npy"
PATCHES = "patches.onnx"

# A manifest has some 3 kB.
_MANIFEST_BYTES = 1 << 20

# For models for which the likeness of neighbouring frames of one scene was not measured.
DEFAULT_COHERENCE = 0.85

_VECTOR_FIELDS = (
    "dim",
    "image_size",
    "mean",
    "std",
    "interpolation",
    "resize",
    "fill",
    "context_length",
    "clean",
    "precision",
)
# Fields that were added later: they count if they differ from what older bundles mean without them.
_LATER_VECTOR_FIELDS = {"text_precision": "fp32", "runtime": "onnxruntime"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a bundle says about its model; the fields are explained at the top of this file."""

    name: str
    dim: int
    image_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: Interpolation
    resize: Resize
    fill: int
    context_length: int
    clean: Clean
    logit_scale: float
    coherence: float
    relevance: Relevance
    licence: str
    source: str
    precision: Precision = "fp32"
    text_precision: Precision = "fp32"
    runtime: Runtime = "onnxruntime"
    logit_bias: float | None = None
    base: str | None = None
    measured: Measured | None = None

    @property
    def recipe(self) -> Recipe:
        """How pictures are prepared for this model."""
        return Recipe(
            self.image_size, self.mean, self.std, self.interpolation, self.resize, self.fill
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle(Manifest):
    """A bundle on disk. Its files were checked, or are when they are used: see `verified`."""

    path: Path
    files: dict[str, str]
    fingerprint: str
    verified: Verified | None = field(default=None, compare=False, repr=False)

    def file(self, name: str) -> Path:
        """Return the path of a file that is about to be read, checked with what belongs to it.

        A tower may keep its weights in other files, so those are checked with it.

        Raises:
            ConfigError: it is not the file that the manifest describes.
        """
        if self.verified is not None:
            for each in read_with(name, self.files):
                _check_file(self, each, self.verified)
        return self.path / name

    def check(self) -> None:
        """Check every file, before another bundle is made from them.

        Raises:
            ConfigError: one is not the file that the manifest describes.
        """
        for name in self.files:
            self.file(name)

    def bank(self) -> NDArray[np.float32]:
        """Read the bank's vectors, float32 (B, dim), unit rows."""
        rows = np.load(self.file(BANK), allow_pickle=False).astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)  # type: ignore[no-any-return]


def load(path: Path) -> Bundle:
    """Open and check a bundle: every file, every hash, every field.

    Raises:
        ConfigError: it is not a bundle, is damaged, or has a format that this release cannot read.
    """
    bundle = peek(path)
    _check_files(bundle)
    _check_bank(bundle)
    return bundle


def load_lazily(path: Path, verified: Verified) -> Bundle:
    """Open a bundle whose files are hashed when they are used, unless `verified` has them.

    Raises:
        ConfigError: as `load`, except for the hashes.
    """
    bundle = replace(peek(path), verified=verified)
    _check_names(bundle)
    _check_bank(bundle)
    return bundle


def damage(path: Path) -> str:
    """Return what is wrong with a bundle after hashing every file; empty if nothing is."""
    try:
        load(path)
    except ConfigError as error:
        return str(error)
    return ""


def peek(path: Path) -> Bundle:
    """Read what a bundle says about itself, without a look at its other files.

    Raises:
        ConfigError: it is not a bundle, or its manifest is damaged or has another format.
    """
    raw = _read_manifest(path)
    try:
        return _parse(path, raw)
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, f"{MANIFEST} has a missing or wrong field ({error})") from error


def write(out: Path, manifest: Manifest, fill: Callable[[Path], Manifest | None]) -> Bundle:
    """Make a bundle at `out`, replacing one that is there; it appears whole or not at all.

    Args:
        out: The bundle's folder; its parents are made.
        manifest: What `bundle.json` will say.
        fill: Puts every other file of the bundle into the folder that it is given, and may return
            another manifest to write. If it raises, nothing is left behind.

    Raises:
        ConfigError: `out` contains something that is not a bundle, or cannot be written.
    """
    if out.exists() and not (out / MANIFEST).is_file() and (out.is_file() or any(out.iterdir())):
        raise ConfigError(
            f"{out} contains something that is not a model bundle; name another folder"
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise ConfigError(f"cannot write a model bundle in {out.parent}: {error}") from error
    try:
        _seal(work, fill(work) or manifest)
        bundle = load(work)
        _publish(work, out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return replace(bundle, path=out)


def draft(path: Path, manifest: Manifest) -> Bundle:
    """Treat a folder that is not sealed yet as a bundle, unchecked and without a fingerprint."""
    said = {field.name: getattr(manifest, field.name) for field in fields(Manifest)}
    return Bundle(**said, path=path, files={}, fingerprint="")


def _seal(folder: Path, manifest: Manifest) -> None:
    # mkdtemp and onnx write for their user alone, and a bundle is read by other users too.
    folder.chmod(0o755)
    for file in folder.iterdir():
        if file.stat().st_mode & 0o777 != 0o644:  # a link to another bundle's file has it already
            file.chmod(0o644)
    files = {file.name: _sha256(file) for file in sorted(folder.iterdir())}
    content = {"format": FORMAT, **asdict(manifest), "files": files}
    content["fingerprint"] = _fingerprint(manifest, files)
    (folder / MANIFEST).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _publish(work: Path, out: Path) -> None:
    """Move the finished folder into place; a folder can only replace an empty one, so swap."""
    if not out.exists():
        work.replace(out)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{out.name}-old-", dir=out.parent))
    out.replace(old)
    work.replace(out)
    shutil.rmtree(old, ignore_errors=True)


def _read_manifest(path: Path) -> dict[str, Any]:
    file = path / MANIFEST
    try:
        with open_regular(file) as opened:
            text = opened.read(_MANIFEST_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"{path} is not a model bundle: it has no readable {MANIFEST}; `indexer models` prints "
            "the models that can be named"
        ) from error
    if len(text) > _MANIFEST_BYTES:
        raise _damaged(path, f"{MANIFEST} has more than {_MANIFEST_BYTES} bytes")
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"{MANIFEST} is not JSON") from error
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        found = raw.get("format") if isinstance(raw, dict) else None
        raise ConfigError(
            f"{path} is a model bundle of format {found!r}, and this release reads format "
            f"{FORMAT}; export the model again with this release"
        )
    return raw


def _parse(path: Path, raw: dict[str, Any]) -> Bundle:
    later = {**_LATER_VECTOR_FIELDS, "logit_bias": None, "base": None, "measured": None}
    values = {field.name: (later | raw)[field.name] for field in fields(Manifest)}
    values |= {"mean": _triple(raw["mean"]), "std": _triple(raw["std"])}
    values["relevance"] = Relevance(**raw["relevance"])
    if values["measured"] is not None:
        values["measured"] = Measured(**values["measured"])
    bundle = Bundle(**values, path=path, files=dict(raw["files"]), fingerprint=raw["fingerprint"])
    _check_values(bundle)
    if _fingerprint(bundle, bundle.files) != bundle.fingerprint:
        raise ValueError("fingerprint does not match the files and fields")
    return bundle


def _triple(values: list[float]) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


def _check_values(manifest: Manifest) -> None:
    choices: dict[str, tuple[str, ...]] = {
        "interpolation": get_args(Interpolation),
        "resize": get_args(Resize),
        "clean": CLEANS,
        "precision": PRECISIONS,
        "text_precision": PRECISIONS,
        "runtime": get_args(Runtime),
    }
    for name, allowed in choices.items():
        if getattr(manifest, name) not in allowed:
            raise ValueError(f"{name} must be one of {allowed}, got {getattr(manifest, name)!r}")
    for name in ("dim", "image_size", "context_length"):
        value = getattr(manifest, name)
        if type(value) is not int or value < 1:
            raise ValueError(f"{name} must be a whole number > 0, got {value!r}")
    if not manifest.logit_scale > 0:
        raise ValueError(f"logit_scale must be > 0, got {manifest.logit_scale!r}")
    if not -1 <= manifest.coherence <= 1:
        raise ValueError(f"coherence must be in [-1, 1], got {manifest.coherence!r}")


def _check_files(bundle: Bundle) -> None:
    _check_names(bundle)
    for name in bundle.files:
        _check_file(bundle, name)


def _check_names(bundle: Bundle) -> None:
    for name in {VISUAL, TEXT, TOKENIZER, BANK} | bundle.files.keys():
        if name not in bundle.files or Path(name).name != name:
            raise _damaged(bundle.path, f"{MANIFEST} has no hash of a file {name}")
        if not (bundle.path / name).is_file():
            raise _damaged(bundle.path, f"{name} is missing")


def _check_file(bundle: Bundle, name: str, verified: Verified | None = None) -> None:
    file, expected = bundle.path / name, bundle.files[name]
    if not file.is_file():
        raise _damaged(bundle.path, f"{name} is missing")
    if verified is not None and verified.has(file, expected):
        return
    if _sha256(file) != expected:
        raise _damaged(bundle.path, f"{name} is not the file that {MANIFEST} describes")
    if verified is not None:
        verified.add(file, expected)


def read_with(name: str, files: Iterable[str]) -> list[str]:
    """Return a file and those that may be read with it: all that no other file is known to need."""
    if name not in (VISUAL, TEXT):
        own = [each for each in files if each.startswith(name)]
        return [*own, *read_with(VISUAL, files)] if name == PATCHES else own
    others = {VISUAL, TEXT, TOKENIZER, BANK, PATCHES} - {name}
    return [each for each in files if not any(each.startswith(other) for other in others)]


def _check_bank(bundle: Bundle) -> None:
    try:
        rows = np.load(bundle.path / BANK, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise _damaged(bundle.path, f"{BANK} is not a NumPy array") from error
    if rows.ndim != 2 or len(rows) == 0 or rows.shape[1] != bundle.dim or rows.dtype != np.float16:
        raise _damaged(
            bundle.path,
            f"{BANK} must be float16 (B, {bundle.dim}), got {rows.dtype} {rows.shape}",
        )


def _damaged(path: Path, what: str) -> ConfigError:
    return ConfigError(
        f"the model bundle {path} cannot be used: {what}; delete the folder and export the model "
        "again, or copy the bundle again from its source"
    )


def _fingerprint(manifest: Manifest, files: dict[str, str]) -> str:
    known = (BANK, PATCHES)
    towers = {name: digest for name, digest in files.items() if not name.startswith(known)}
    facts = {name: getattr(manifest, name) for name in _VECTOR_FIELDS}
    later = {name: getattr(manifest, name) for name in _LATER_VECTOR_FIELDS}
    facts |= {name: later[name] for name in later if later[name] != _LATER_VECTOR_FIELDS[name]}
    content = json.dumps({"files": towers, "fields": facts}, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
