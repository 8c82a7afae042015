"""The verb `report`: what is in a library, how it changes and what it costs, as one HTML file."""

import argparse
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from clipseek import __version__
from clipseek.assembly import open_existing
from clipseek.audit import since
from clipseek.config import Settings
from clipseek.curation.report import Facts, page, sections
from clipseek.curation.report.costs import read_prices
from clipseek.errors import ConfigError
from clipseek.service import Service
from indexer import prometheus, reporting
from indexer.captions import read_captions
from indexer.output import emit, note, say, size
from indexer.unanswered import asked_again
from indexer.verbs.evaluate import figures_of

_DAYS = 7
"""The days before now that the service is looked at, as is usual for a weekly report."""


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Gather, write and print where; exit 0 also if a Prometheus was not read: the page says so."""
    now = datetime.now(UTC)
    start = _start(options.since, now)
    prices = None if options.prices is None else read_prices(options.prices)
    url = None if options.prometheus is None else prometheus.checked(options.prometheus)
    if not 0 < options.target <= 3600:
        raise ConfigError(f"--target must be more than 0 and at most 3600, got {options.target:g}")
    _require_file(options.out)
    with open_existing(settings) as service:
        facts = reporting.gather(service, since=start, prices=prices, now=now)
        facts = _evaluated(service, facts, options.captions)
        facts = replace(facts, unanswered=asked_again(service, options.queries))
    facts = _served(facts, url, options.target)
    text = page(_title(settings), _lead(now, start), sections(facts))
    _write(options.out, text)
    if options.json:
        emit({"file": str(options.out), "bytes": len(text.encode())})
    else:
        say(f"wrote {options.out} ({size(len(text.encode()))})")
    return 0


def _start(said: str | None, now: datetime) -> float | None:
    try:
        return None if said is None else since(said, now).timestamp()
    except ValueError as error:
        raise ConfigError(f"--since: {error}") from error


def _require_file(path: Path) -> None:
    """Raise ConfigError at once, before minutes of work, if no file can be written there."""
    if path.is_dir():
        raise ConfigError(f"--out {path} is a folder; name a file in it, such as report.html")
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"--out {path}: there is no folder {path.parent}; make it first")


def _evaluated(service: Service, facts: Facts, captions: Path | None) -> Facts:
    if captions is None:
        return facts
    figures: Mapping[str, object] = figures_of(service, read_captions(captions))
    return replace(facts, evaluated=figures, captions=captions.name)


def _served(facts: Facts, url: str | None, target_s: float) -> Facts:
    if url is None:
        return replace(
            facts,
            no_service="Not measured: name the Prometheus of the API with `--prometheus URL`.",
        )
    try:
        found = prometheus.figures(url, days=_DAYS, target_s=target_s)
    except prometheus.Unread as unread:
        note(f"indexer: --prometheus {url}: {unread}; the report says so")
        return replace(facts, no_service=f"The Prometheus at {url} was not read: {unread}.")
    return replace(facts, service=found)


def _title(settings: Settings) -> str:
    return f"The library {settings.collection}"


def _lead(now: datetime, start: float | None) -> str:
    made = f"Made by clipseek {__version__} on {now:%Y-%m-%d at %H:%M} UTC"
    if start is None:
        return f"{made}, of all its videos."
    return f"{made}, of its videos since {datetime.fromtimestamp(start, UTC):%Y-%m-%d}."


def _write(path: Path, text: str) -> None:
    """Write the file so that readers see the whole of it, or what was there before."""
    handle, temporary = tempfile.mkstemp(dir=path.absolute().parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError:
        with suppress(OSError):
            Path(temporary).unlink()
        raise
