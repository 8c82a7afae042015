"""The verb `audit`: who changed what, or was refused, and when."""

import argparse
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime

from clipseek.audit import Entry, since, stamp
from clipseek.config import Settings
from clipseek.errors import ConfigError
from clipseek.ledgers import open_audit
from indexer.output import Column, emit, table

COLUMNS = ("at", "who", "what", "subject", "outcome", "address", "request_id")


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Print the entries, oldest first."""
    try:
        start = "" if options.since is None else stamp(since(options.since, datetime.now(UTC)))
    except ValueError as error:
        raise ConfigError(f"--since: {error}") from error
    with closing(open_audit(settings, read_only=True)) as audit:
        found = audit.entries(start)
        if options.json:
            for entry in found:
                emit(asdict(entry))
        else:
            table([Column(name) for name in COLUMNS], (_row(entry) for entry in found))
    return 0


def _row(entry: Entry) -> list[str]:
    return [str(getattr(entry, name)) for name in COLUMNS]
