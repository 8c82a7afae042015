"""Noting in the audit which command or job changed something, how it ended, and its figures."""

import argparse
import getpass
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from clipseek.audit import Entry, Work, stamp, work_of
from clipseek.config import Settings
from clipseek.errors import ClipseekError
from clipseek.jobs import Job
from indexer.output import note

if TYPE_CHECKING:
    from clipseek.catalog.audit import SqlAudit
    from indexer.reports import Reports

WRITING = frozenset({"calibrate", "drift", "import", "remove", "retain", "switch", "watch"})
"""The verbs that change the catalog whenever they are called, but `ingest`, which notes itself."""
CHANGING = frozenset(
    {"add", "apply", "change", "fit", "pause", "redact", "remove", "reseal", "resume", "revoke"}
)
"""The actions of verbs that do."""
INTERRUPTED = 130
"""The exit code of a command that a signal has ended."""
_UNTOLD = "the command itself said why; ask the operator of the server"


@contextmanager
def audited(settings: Settings, options: argparse.Namespace) -> Iterator[list[int]]:
    """Note what a command does in the audit, with the exit code that is put into the list."""
    code: list[int] = []
    error: BaseException | None = None
    try:
        yield code
    except BaseException as raised:
        error = raised
        raise
    finally:
        if changes(options):
            _add(settings, options, _outcome(code[0] if code else None, error))


def _outcome(code: int | None, error: BaseException | None) -> str:
    """Return how a command ended, by its exit code or by an error."""
    if isinstance(error, Exception):
        return f"failed: {type(error).__name__}"
    if error is not None or code is None:
        return "interrupted"
    return "done" if code == 0 else f"exit code {code}"


@dataclass
class Ingest:
    """An ingest of a command: what it tells its user, and the exit code that it ends with."""

    reports: "Reports | None" = None
    code: int | None = None


@contextmanager
def noted(settings: Settings, options: argparse.Namespace) -> Iterator[Ingest]:
    """Note an ingest in the audit, with its figures, whatever ends it."""
    ingest = Ingest()
    error: BaseException | None = None
    try:
        yield ingest
    except BaseException as raised:
        error = raised
        raise
    finally:
        _add(settings, options, _outcome(ingest.code, error), _work(settings, ingest, error))


def _work(settings: Settings, ingest: Ingest, error: BaseException | None) -> Work:
    """Return the figures of an ingest that has ended."""
    work = Work(settings.collection, "ingest")
    if ingest.reports is not None:
        work = ingest.reports.work(settings.collection)
    if isinstance(error, ClipseekError):
        return replace(work, state="failed", reason=error.told or _UNTOLD)
    if isinstance(error, Exception):
        return replace(work, state="failed", reason=_UNTOLD)
    if error is not None or ingest.code == INTERRUPTED:
        return replace(work, state="interrupted")
    return work


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
        work=work_of(job),
    )
    try:
        audit.add([entry])
        audit.prune(keep_s)
    except ClipseekError as error:
        note(f"indexer: job {job.id} has ended, but it is not in the audit: {error}")


def changes(options: argparse.Namespace) -> bool:
    """Whether a command changes the catalog."""
    action = getattr(options, "action", None)
    is_list = getattr(options, "review", None) is not None  # `sample --list`
    return is_list or options.verb in WRITING or action in CHANGING


def user() -> str:
    """Return the name of the user who runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _add(
    settings: Settings, options: argparse.Namespace, outcome: str, work: Work | None = None
) -> None:
    from clipseek.ledgers import open_audit

    action = getattr(options, "action", None)
    kinds = getattr(options, "kinds", None)  # what is redacted, or off
    entry = Entry(
        at=stamp(datetime.now(UTC)),
        who=user(),
        what=" ".join(filter(None, ("indexer", options.verb, action, kinds))),
        subject=getattr(options, "name", None)
        or getattr(options, "collection", None)
        or settings.collection,
        outcome=outcome,
        work=work,
    )
    try:
        with closing(open_audit(settings)) as audit:
            audit.add([entry])
            audit.prune(settings.keep_audit_s)
    except ClipseekError as error:
        if outcome == "done":
            note(f"indexer: this was done, but it is not in the audit: {error}")
