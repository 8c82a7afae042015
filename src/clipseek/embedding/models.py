"""The models that can be named: which are known, where their bundles are, and how to get one."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from clipseek.embedding import bundle as bundles
from clipseek.embedding.bundle import MANIFEST, Bundle
from clipseek.embedding.precision import Measured, Precision, split
from clipseek.embedding.verified import Verified
from clipseek.errors import ConfigError

DEFAULT_MODEL = "PE-Core-B-16/meta"
DEMO = "demo"

_NAME = re.compile(r"[A-Za-z0-9][\w.+-]*(/[A-Za-z0-9][\w.+-]*)?(@\w+)?")
_RESEARCH = "research only: never a default"


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model that is known to fit, and what to know before taking it.

    `dim` and `image_size` (pixels) are open_clip's; `licence` is that of the weights.
    """

    name: str
    dim: int
    image_size: int
    licence: str
    note: str


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A row of `indexer models`: a known model and whether its bundle is on this machine.

    measured: What its precision costs against fp32, as its bundle says; None if it is not known.
    """

    name: str
    dim: int
    image_size: int
    licence: str
    note: str
    installed: bool
    precision: Precision = "fp32"
    measured: Measured | None = None


# Licences as the model cards state them. R@1 is zero-shot text-to-video retrieval on MSR-VTT
# (perception_models, apps/pe/README.md, column VTT-T2I). SigLIP 2 needs `transformers` to export.
KNOWN = (
    KnownModel(DEFAULT_MODEL, 1024, 224, "Apache-2.0", "default; MSR-VTT R@1 47.6"),
    KnownModel("PE-Core-L-14-336/meta", 1024, 336, "Apache-2.0", "for a GPU; MSR-VTT R@1 50.3"),
    KnownModel("ViT-B-32/laion2b_s34b_b79k", 512, 224, "MIT", "light"),
    KnownModel("ViT-B-16/laion2b_s34b_b88k", 512, 224, "MIT", ""),
    KnownModel("ViT-L-14/datacomp_xl_s13b_b90k", 768, 224, "MIT", "large"),
    KnownModel(
        "ViT-B-16-SigLIP2/webli", 768, 224, "Apache-2.0", "many languages; needs transformers"
    ),
    KnownModel("ViT-B-16/dfn2b", 512, 224, "apple-amlr", _RESEARCH),
    KnownModel("MobileCLIP2-S3/dfndr2b", 768, 256, "apple-amlr", _RESEARCH),
)


def listed(data_dir: Path) -> list[ListedModel]:
    """Return the known models, the demo's, and every other one installed under `data_dir`."""
    rows = [
        ListedModel(
            known.name,
            known.dim,
            known.image_size,
            known.licence,
            known.note,
            _installed(data_dir, known.name),
        )
        for known in KNOWN
    ]
    names = {row.name for row in rows}
    others = [_listed_bundle(folder, "installed here") for folder in _folders(data_dir)]
    demo = [_listed_bundle(_demo_folder(), "bundled; knows the demo's cartoon world only")]
    return [*rows, *(row for row in [*others, *demo] if row and row.name not in names)]


def bundle_folder(data_dir: Path, model: str) -> Path:
    """Return where the bundle of a model is: one folder under `data_dir`/models.

    Raises:
        ConfigError: the name is not `ARCHITECTURE` or `ARCHITECTURE/PRETRAINED`.
    """
    if not _NAME.fullmatch(model):
        raise ConfigError(
            f"{model!r} is not a model name; use ARCHITECTURE/PRETRAINED as in {DEFAULT_MODEL!r}, "
            "or demo, or the path of a model bundle"
        )
    return data_dir / "models" / model.replace("/", "--")


def bank_captions() -> list[str]:
    """Return the everyday sentences of the relevance bank (see `calibration`)."""
    text = resources.files("clipseek").joinpath("bank.txt").read_text(encoding="utf-8")
    return text.splitlines()


def resolve(
    model: str,
    data_dir: Path,
    *,
    checkpoint: Path | None = None,
    export: bool = True,
    report: Callable[[str], None] = lambda _: None,
) -> Bundle:
    """Return the bundle of a model, exported first if it is not on this machine yet.

    Its files are hashed when they are used, and only if the data folder does not know them.

    Args:
        model: "demo", the path of a bundle, or `ARCHITECTURE/PRETRAINED`.
        data_dir: Exported bundles are in its folder `models`.
        checkpoint: A local file of weights of the architecture that `model` names.
        export: False if a missing bundle is an error.
        report: Is called with each step of an export, in a few words.

    Raises:
        ConfigError: there is no such model, or it cannot be downloaded or exported.
    """
    verified = Verified(data_dir)
    if checkpoint is not None:
        return _from_checkpoint(model, data_dir, checkpoint, report)
    if model == DEMO:
        return _demo(verified)
    if _is_path(model):
        return bundles.load_lazily(Path(model).expanduser(), verified)
    folder = bundle_folder(data_dir, model)
    if (folder / MANIFEST).is_file():
        return bundles.load_lazily(folder, verified)
    base, precision = split(model)
    if precision is not None:
        raise ConfigError(
            f"model {model!r} is not on this machine: there is no bundle in {folder}; copy that "
            f"folder from where the videos were indexed, or make it for a new collection with "
            f"`indexer ingest PATH --model {base} --precision {precision}`"
        )
    if not export:
        raise ConfigError(
            f"model {model!r} is not on this machine: there is no bundle in {folder}; copy that "
            f"folder from where the videos were indexed, or export it with "
            f"`indexer ingest PATH --model {model}`"
        )
    return _export(model, folder, None, report)


def damage(model: str, data_dir: Path) -> str:
    """Return what is wrong with a model's bundle, all of it read; empty also if it is not here."""
    if model == DEMO:
        folder = _demo_folder()
    else:
        folder = Path(model).expanduser() if _is_path(model) else bundle_folder(data_dir, model)
    return bundles.damage(folder) if (folder / MANIFEST).is_file() else ""


def _from_checkpoint(
    model: str, data_dir: Path, checkpoint: Path, report: Callable[[str], None]
) -> Bundle:
    if model == DEMO or _is_path(model):
        raise ConfigError(
            f"--checkpoint needs the architecture of its weights, as in `--model ViT-B-32 "
            f"--checkpoint {checkpoint}`, and {model!r} names a finished bundle"
        )
    if not checkpoint.is_file():
        raise ConfigError(f"no file {checkpoint}; give --checkpoint the weights of {model}")
    if "/" not in model:
        model = f"{model}/{re.sub(r'[^A-Za-z0-9.+-]+', '_', checkpoint.stem).strip('_.+-')}"
    folder = bundle_folder(data_dir, model)
    if (folder / MANIFEST).is_file():
        bundle = bundles.load_lazily(folder, Verified(data_dir))
        if bundle.source == _checkpoint_source(checkpoint):
            return bundle
    return _export(model, folder, checkpoint, report)


def _export(
    model: str, folder: Path, checkpoint: Path | None, report: Callable[[str], None]
) -> Bundle:
    try:
        from clipseek.embedding.export import export_bundle
    except ImportError as error:
        raise ConfigError(
            f"model {model!r} is not on this machine, and exporting it needs the package "
            f"{error.name}: run `pip install 'clipseek[models]'`, or use `--model demo` or "
            "`--model FOLDER` with a bundle exported on another machine"
        ) from error
    architecture, _, pretrained = model.partition("/")
    licences = {known.name: known.licence for known in KNOWN}
    return export_bundle(
        architecture,
        folder,
        pretrained=pretrained or None,
        checkpoint=checkpoint,
        bank_captions=bank_captions(),
        name=model,
        licence="unknown" if checkpoint else licences.get(model, "unknown"),
        source=_checkpoint_source(checkpoint) if checkpoint else None,
        report=report,
    )


def _checkpoint_source(checkpoint: Path) -> str:
    with checkpoint.open("rb") as stream:
        return f"{checkpoint.name} sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"


def _is_path(model: str) -> bool:
    return model.startswith((".", "/", "~")) or (Path(model) / MANIFEST).is_file()


def _demo(verified: Verified) -> Bundle:
    folder = _demo_folder()
    if not (folder / MANIFEST).is_file():
        raise ConfigError(
            "this installation of clipseek has no demo model; install clipseek again from its "
            f"wheel, or name another model, as in `--model {DEFAULT_MODEL}`"
        )
    return bundles.load_lazily(folder, verified)


def _demo_folder() -> Path:
    # A regular installation unpacks its files, so this is a folder on disk.
    return Path(str(resources.files("clipseek"))) / "demo" / "model"


def _folders(data_dir: Path) -> list[Path]:
    return sorted(file.parent for file in (data_dir / "models").glob(f"[!.]*/{MANIFEST}"))


def _installed(data_dir: Path, model: str) -> bool:
    return (bundle_folder(data_dir, model) / MANIFEST).is_file()


def _listed_bundle(folder: Path, note: str) -> ListedModel | None:
    """Return the row of a bundle, or None if there is none or its manifest cannot be read."""
    try:
        manifest = bundles.peek(folder)
    except ConfigError:
        return None
    return ListedModel(
        manifest.name,
        manifest.dim,
        manifest.image_size,
        manifest.licence,
        note,
        installed=True,
        precision=manifest.precision,
        measured=manifest.measured,
    )
