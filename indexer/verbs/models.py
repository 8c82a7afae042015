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
            Column("note"),
        ],
        ((r.name, str(r.dim), r.licence, "yes" if r.installed else "no", r.note) for r in rows),
    )
    return 0
