"""The verb `models`: the models that can be named, one for an inference server, or for words."""

import argparse
from dataclasses import asdict
from importlib.util import find_spec

from clipseek.config import Settings
from clipseek.embedding import models as known_models
from clipseek.embedding.towers.triton import write_repository
from clipseek.errors import ConfigError
from indexer.output import Column, emit, note, say, table


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Print the models that can be named, and which are installed, or export one of them."""
    if options.action == "export":
        return _export(settings, options)
    if options.action == "sentences":
        return _make(options)
    rows = known_models.listed(settings.data_dir)
    if options.json:
        for row in rows:
            emit(asdict(row))
        return 0
    table(
        [
            Column("model"),
            Column("dim", right=True),
            Column("licence"),
            Column("here"),
            Column("speed", right=True),
            Column("overlap", right=True),
            Column("note"),
        ],
        map(_cells, rows),
    )
    return 0


def _export(settings: Settings, options: argparse.Namespace) -> int:
    """Write the towers of a model, and print their names and versions."""
    bundle = known_models.resolve(options.name or settings.model, settings.data_dir, report=note)
    written = write_repository(
        bundle, options.triton, batch=settings.embedder_batch, instances=options.instances
    )
    for tower in written:
        folder = options.triton / tower.name
        if options.json:
            emit({"model": tower.name, "version": tower.version, "folder": str(folder)})
        else:
            say(f"{folder}: version {tower.version}")
    return 0


def _make(options: argparse.Namespace) -> int:
    """Make a sentence model, and say how it is set."""
    missing = [name for name in ("onnx", "safetensors", "torch") if not find_spec(name)]
    if missing:
        raise ConfigError(
            f"making a sentence model needs {', '.join(missing)}: pip install 'clipseek[models]'"
        )
    # torch takes seconds to import, and a table of models does not need it.
    from clipseek.embedding.export.sentences import export_sentences

    bundle = export_sentences(options.folder, options.out)
    if options.json:
        emit({"folder": str(bundle.path), "name": bundle.manifest.name, "dim": bundle.manifest.dim})
    else:
        say(f"{bundle.path}: set CLIPSEEK_SENTENCE_MODEL={bundle.path} for indexer and API")
    return 0


def _cells(row: known_models.ListedModel) -> tuple[str, ...]:
    """Return a row of the table; speed and overlap are those that were measured against fp32."""
    measured = row.measured
    return (
        row.name,
        str(row.dim),
        row.licence,
        "yes" if row.installed else "no",
        f"{measured.speedup:.1f}x" if measured else "",
        f"{measured.overlap:.3f}" if measured else "",
        row.note,
    )
