"""Noting in the audit which command changed something, and how it ended."""

import argparse
import getpass
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from clipseek.audit import Entry, stamp
from clipseek.config import Settings
from clipseek.errors import ClipseekError
from clipseek.jobs import Job
from indexer.output import note

if TYPE_CHECKING:
    from clipseek.catalog.audit import SqlAudit

WRITING = frozenset({"calibrate", "import", "ingest", "remove", "switch", "watch"})
"""The verbs that change the catalog whenever they are called."""


@contextmanager
def audited(settings: Settings, options: argparse.Namespace) -> Iterator[list[int]]:
    """Note what a command does in the audit, with the exit code that is put into the list."""
    code: list[int] = []
    outcome = "interrupted"
    try:
        yield code
        outcome = "done" if code == [0] else f"exit code {code[0]}"
    except Exception as error:
        outcome = f"failed: {type(error).__name__}"
        raise
    finally:
        if changes(options):
            _add(settings, options, outcome)


def note_job(audit: "SqlAudit", job: Job, keep_s: float) -> None:
    """Note how a job ended, by the name of the key that asked for it; prune old entries."""
    reason = f": {job.reason}" if job.reason else ""
    entry = Entry(
        at=stamp(datetime.now(UTC)),
        who=job.by,
        what=f"job {job.kind}",
        subject=f"{job.collection} {job.payload.get('video', '')} {job.id}",
        outcome=f"{job.state}{reason}",
        request_id=job.request_id,
    )
    try:
        audit.add([entry])
        audit.prune(keep_s)
    except ClipseekError as error:
        note(f"indexer: job {job.id} has ended, but it is not in the audit: {error}")


def changes(options: argparse.Namespace) -> bool:
    """Whether a command changes the catalog."""
    action = getattr(options, "action", None)
    return options.verb in WRITING or action in ("add", "remove", "revoke")


def user() -> str:
    """Return the name of the user who runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _add(settings: Settings, options: argparse.Namespace, outcome: str) -> None:
    from clipseek.ledgers import open_audit

    action = getattr(options, "action", None)
    entry = Entry(
        at=stamp(datetime.now(UTC)),
        who=user(),
        what=" ".join(filter(None, ("indexer", options.verb, action))),
        subject=getattr(options, "name", None)
        or getattr(options, "collection", None)
        or settings.collection,
        outcome=outcome,
    )
    try:
        with closing(open_audit(settings)) as audit:
            audit.add([entry])
            audit.prune(settings.keep_audit_s)
    except ClipseekError as error:
        if outcome == "done":
            note(f"indexer: this was done, but it is not in the audit: {error}")
