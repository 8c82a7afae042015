"""The history: what ingests and jobs have done, in both kinds of database."""

import argparse
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from clipseek.audit import Entry, Work, work_of
from clipseek.catalog import SqlCatalog
from clipseek.catalog.audit import SqlAudit
from clipseek.config import Settings
from clipseek.errors import ConfigError, QueryNotRead
from clipseek.ingest import Report
from clipseek.jobs import Job
from clipseek.ledgers import open_audit
from indexer.discover import Found
from indexer.noting import INTERRUPTED, noted
from indexer.reports import Reports

AT = "2026-11-28T12:00:00Z"
WORK = Work("default", "ingest", "done", "sea", 12.5, 60.0, 3, 1, 2, 4, 60, 9, "b.mp4: \ud800")
DONE = Job(
    "j",
    "ingest",
    "default",
    {"name": "sea.mp4", "title": "The sea"},
    state="done",
    outcome={"videos": ["v"], "fate": "indexed", "frames": 61, "segments": 7, "video_s": 60.5},
    started_at="2026-11-28T12:00:00Z",
    ended_at="2026-11-28T12:00:21Z",
)


def entry(collection: str | None, what: str = "job ingest") -> Entry:
    """Return an entry of an ingest of a collection, or of something else."""
    work = None if collection is None else replace(WORK, collection=collection)
    return Entry(AT, "ann", what, "", "done", work=work)


@pytest.fixture
def audit(catalog_url: str) -> Iterator[SqlAudit]:
    """An empty audit in each kind of database."""
    with closing(SqlAudit.open(catalog_url)) as opened:
        yield opened


def test_figures_are_read_as_they_were_added(audit: SqlAudit) -> None:
    """What a database cannot store is replaced; other entries have none."""
    audit.add([entry("default"), entry(None)])
    told, other = audit.entries()
    assert told.work == replace(WORK, reason="b.mp4: \ufffd")
    assert other.work is None


def test_the_history_has_ingests_and_jobs_alone(audit: SqlAudit) -> None:
    """The newest first; of some collections, page by page."""
    audit.add([entry("a"), entry(None), entry("b"), entry("a"), entry("c")])
    found = audit.history()
    assert [told.work and told.work.collection for _, told in found] == ["c", "a", "b", "a"]
    (newest, _), *others = audit.history(limit=2)
    assert [number for number, _ in others] == [number for number, _ in found[1:2]]
    assert audit.history(before=newest) == found[1:]
    some = audit.history(collections=["a", "b"])
    assert some == found[1:]
    assert audit.history(collections=[]) == []
    assert audit.history(before=found[-1][0]) == []


def test_without_a_catalog_there_is_no_history(tmp_path: Path) -> None:
    """A server may start before anything is indexed."""
    with closing(SqlAudit.open(f"sqlite:///{tmp_path / 'none.db'}", read_only=True)) as opened:
        assert opened.history() == []


def test_the_figures_of_a_job_are_those_of_its_outcome() -> None:
    """It is called by its title, and counts one video."""
    assert work_of(DONE) == Work(
        "default", "ingest", "done", "The sea", 21.0, 60.5, indexed=1, frames=61, segments=7
    )


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        pytest.param(
            replace(DONE, state="failed", outcome=None, reason="no video"),
            Work("default", "ingest", "failed", "The sea", 21.0, failed=1, reason="no video"),
            id="failed",
        ),
        pytest.param(
            replace(DONE, state="cancelled", outcome=None, started_at=""),
            Work("default", "ingest", "cancelled", "The sea"),
            id="never begun",
        ),
        pytest.param(
            Job("j", "remove", "default", {"video": "v"}, state="failed", reason="no such video"),
            Work("default", "remove", "failed", "v", reason="no such video"),
            id="no ingest",
        ),
        pytest.param(
            replace(DONE, payload={}, outcome={"fate": "unchanged"}),
            Work("default", "ingest", "done", "", 21.0, unchanged=1),
            id="unchanged",
        ),
    ],
)
def test_the_figures_of_other_jobs(job: Job, expected: Work) -> None:
    """A job that failed has a reason, and only an ingest counts videos."""
    assert work_of(job) == expected


@pytest.fixture
def reports() -> Reports:
    """A run that has told what became of three videos."""
    told = Reports(Found(["/x/a.mp4", "/x/b.mp4", "/x/c.mp4"], []), json=False, quiet=True)
    with told:
        told.report(Report("/x/a.mp4", "indexed", "a", duration=30.0, frames=31, segments=4))
        told.report(Report("/x/b.mp4", "failed", reason="it is damaged"))
        told.report(Report("/x/c.mp4", "unchanged", "c", duration=99.0))
    return told


def test_the_figures_of_a_run_are_those_of_its_videos(reports: Reports) -> None:
    """The first failure is named by its file; a folder of the server is not told."""
    work = reports.work("default")
    assert replace(work, seconds=0.0) == Work(
        "default",
        "ingest",
        video_s=30.0,
        indexed=1,
        unchanged=1,
        failed=1,
        frames=31,
        segments=4,
        reason="b.mp4: it is damaged",
    )
    assert 0 <= work.seconds < 60
    assert reports.work("default") == work  # the time ends with the run


def test_a_run_of_failures_failed() -> None:
    """One video that was indexed, or is indexed already, makes it done."""
    told = Reports(Found(["/x/a.mp4"], []), json=False, quiet=True)
    assert told.work("default").state == "done"
    told.report(Report("/x/a.mp4", "failed", reason="it is damaged"))
    assert told.work("default").state == "failed"


@pytest.fixture
def noting(tmp_path: Path) -> Settings:
    """The settings of a command; how a database stores figures is tested above, in each kind."""
    settings = Settings.load(data_dir=tmp_path)
    SqlCatalog.open(settings.catalog_url).close()
    return settings


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        pytest.param(QueryNotRead("?", "m"), "failed", str(QueryNotRead("?", "m")), id="told"),
        pytest.param(ConfigError("/secret/path"), "failed", "the command itself said", id="untold"),
        pytest.param(OSError("no space"), "failed", "the command itself said", id="of the system"),
        pytest.param(KeyboardInterrupt(), "interrupted", "b.mp4: it is damaged", id="a signal"),
    ],
)
def test_an_ingest_is_noted_whatever_ends_it(
    noting: Settings,
    reports: Reports,
    error: BaseException,
    state: str,
    reason: str,
) -> None:
    """With the figures up to then; the error itself goes on."""
    options = argparse.Namespace(verb="ingest")

    def ingested() -> None:
        with noted(noting, options) as ingest:
            ingest.reports = reports
            raise error

    with pytest.raises(type(error)):
        ingested()
    with closing(open_audit(noting, read_only=True)) as audit:
        ((_, told),) = audit.history()
    assert told.what == "indexer ingest"
    assert told.work is not None
    assert (told.work.state, told.work.indexed) == (state, 1)
    assert told.work.reason.startswith(reason)


@pytest.mark.parametrize(
    ("code", "outcome", "state"),
    [
        (0, "done", "done"),
        (1, "exit code 1", "done"),
        (INTERRUPTED, "exit code 130", "interrupted"),
    ],
)
def test_an_ingest_is_noted_with_its_exit_code(
    noting: Settings, reports: Reports, code: int, outcome: str, state: str
) -> None:
    """A run in which some videos failed is done, and says which was the first."""
    with noted(noting, argparse.Namespace(verb="watch")) as ingest:
        ingest.reports, ingest.code = reports, code
    with closing(open_audit(noting, read_only=True)) as audit:
        ((_, told),) = audit.history()
    assert (told.what, told.outcome) == ("indexer watch", outcome)
    assert told.work is not None
    assert told.work.state == state
