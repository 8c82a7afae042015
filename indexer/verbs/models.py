"""The verb `models`: the models that can be named."""

import argparse
from dataclasses import asdict

from clipseek.config import Settings
from clipseek.embedding import models as known_models
from indexer.output import Column, emit, table


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Print the models that can be named, and which of them are installed."""
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
