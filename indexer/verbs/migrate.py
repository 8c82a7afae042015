"""The verb `migrate`: the only thing that changes the schema of a catalog."""

import argparse

from clipseek.assembly import migrate as bring
from clipseek.assembly import revisions
from clipseek.catalog.migrating import Revisions
from clipseek.config import Settings
from indexer.output import emit, say


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Bring the catalog to this release's revision; with `--check`, exit 1 if that is needed."""
    seen = revisions(settings) if options.check else bring(settings)
    if options.json:
        emit({"catalog": seen.place, "from": seen.before, "to": seen.now})
    else:
        say(_needed(seen) if options.check else _done(seen))
    return 1 if options.check and seen.before != seen.now else 0


def _done(seen: Revisions) -> str:
    if seen.before is None:
        return f"the catalog {seen.place} is new, at revision {seen.now}"
    if seen.before == seen.now:
        return f"the catalog {seen.place} is at revision {seen.now} already"
    return f"the catalog {seen.place} was migrated from revision {seen.before} to {seen.now}"


def _needed(seen: Revisions) -> str:
    if seen.before is None:
        return f"there is no catalog in {seen.place}; `indexer migrate` makes an empty one"
    if seen.before == seen.now:
        return f"the catalog {seen.place} is at revision {seen.now}, which this release needs"
    return (
        f"the catalog {seen.place} is at revision {seen.before}, and this release needs "
        f"{seen.now}; run `indexer migrate`"
    )


__all__ = ["run"]
