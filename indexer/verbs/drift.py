"""The verb `drift`: which cameras and folders have changed, by week."""

import argparse
from contextlib import closing
from dataclasses import asdict

from clipseek.assembly import open_existing
from clipseek.config import Settings
from clipseek.drifts import Compared, Drift
from clipseek.errors import ConfigError
from clipseek.ledgers import open_drifts
from indexer import drifting
from indexer.output import Column, counted, emit, note, say, table

_COLUMNS = (
    Column("what", shrinks=True),
    Column("week"),
    Column("frames", right=True),
    Column("content", right=True),
    Column("view", right=True),
    Column("bright", right=True),
    Column("sharp", right=True),
    Column("still", right=True),
    Column("repeats", right=True),
    Column("found"),
)


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Measure, store and print; a fault that is found is an answer, not a failure."""
    if not 1 <= options.weeks <= 520:
        raise ConfigError(f"--weeks must be from 1 to 520, got {options.weeks}; 2 is usual")
    found: list[Drift] = []
    with open_existing(settings) as service, closing(open_drifts(settings)) as store:
        groups = drifting.groups(service, options.by)
        if len(groups) > drifting.MOST_GROUPS:
            raise ConfigError(
                f"--by {options.by or 'folder'}: {len(groups)} cameras and folders, and at most "
                f"{drifting.MOST_GROUPS} are measured; use --by camera or --by collection"
            )
        for group, videos in groups.items():
            weeks = drifting.measure(service, group, videos, options.weeks)
            store.store(settings.collection, weeks)
            found += weeks
    if options.json:
        for each in found:
            emit(asdict(each))
    elif not found:
        say(f"nothing to measure in collection {settings.collection}; run `indexer ingest PATH`")
    else:
        table(_COLUMNS, map(_cells, found))
        _notes(found)
    return 0


def _cells(found: Drift) -> list[str]:
    return [
        found.group,
        found.week,
        str(found.frames),
        _p(found.content),
        _p(found.view),
        f"{found.brightness:.2f}",
        f"{found.sharpness:.1f}",
        f"{found.still:.0%}",
        f"{found.repeats:.0%}",
        ", ".join(found.faults) or "-",
    ]


def _p(compared: Compared | None) -> str:
    """Write a p-value; "?" if there is too little to tell."""
    if compared is None:
        return "-"
    return f"{compared.p:.1g}" if compared.can_tell else "?"


def _notes(found: list[Drift]) -> None:
    first = sum(each.content is None for each in found)
    few = sum(each.content is not None and not each.content.can_tell for each in found)
    if first:
        note(f"{counted(first, 'week')} with nothing before to compare with")
    if few:
        note(
            f"{counted(few, 'week')} with too few videos or hours to tell (?): chance alone could "
            "divide them so; measure larger groups with --by collection, or wait"
        )
