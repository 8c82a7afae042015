"""The audit: what commands, jobs and requests leave, in both kinds of database."""

import argparse
import gc
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from api.app import create_app
from api.auditing import MOST, Auditing
from clipseek.audit import Entry, since, stamp
from clipseek.catalog.audit import SqlAudit
from clipseek.catalog.database import Database
from clipseek.config import Settings
from clipseek.errors import ServiceUnavailable
from clipseek.service import Service
from clipseek.testing import MemoryCatalog
from indexer.cli import main
from indexer.noting import audited
from tests.api.library import Library
from tests.contracts.catalogs import sqlite_url
from tests.contracts.postgres import Server

NOON = Entry("2026-11-28T12:00:00Z", "ann", "job remove", "default a", "done", "192.0.2.1", "r1")
ONE = Entry("2026-11-28T13:00:00Z", "bob", "POST /v1/videos", "/v1/videos", "403", "", "r2")


@pytest.fixture
def audit(catalog_url: str) -> Iterator[SqlAudit]:
    """An empty audit in each kind of database."""
    with closing(SqlAudit.open(catalog_url)) as opened:
        yield opened


def test_entries_are_read_as_they_were_added(audit: SqlAudit) -> None:
    """Oldest first, and from a moment on."""
    audit.add([ONE, NOON])
    assert list(audit.entries()) == [NOON, ONE]
    assert list(audit.entries(ONE.at)) == [ONE]


def test_a_reader_that_stops_leaves_nothing_open(audit: SqlAudit) -> None:
    """As the command does whose output is closed, such as by `head`."""
    audit.add([NOON, ONE])
    assert next(audit.entries()) == NOON
    gc.collect()


def test_what_cannot_be_stored_is_replaced(audit: SqlAudit) -> None:
    """A subject comes from strangers, and must not keep an entry out."""
    audit.add([Entry(NOON.at, "a\0", "b", "\ud800", "d")])
    assert [(entry.who, entry.subject) for entry in audit.entries()] == [("a\ufffd", "\ufffd")]


def test_old_entries_are_pruned(audit: SqlAudit) -> None:
    """Those of the last day stay."""
    audit.add(
        [
            Entry("2020-01-01T00:00:00Z", "x", "x", "x", "x"),
            Entry(stamp(datetime.now(UTC)), "y", "y", "y", "y"),
        ]
    )
    audit.prune(86400.0)
    assert [entry.who for entry in audit.entries()] == ["y"]


def test_the_api_needs_only_the_right_to_insert(postgres_url: str, postgres_server: Server) -> None:
    """As api/README.md grants it."""
    url = postgres_server.url_of_role(postgres_url, "SELECT ON ALL TABLES IN SCHEMA public")
    with closing(SqlAudit.open(url)) as opened, pytest.raises(ServiceUnavailable, match="lacks a"):
        opened.add([NOON])
    database, role = url.rpartition("/")[2], url.partition("//")[2].partition("@")[0]
    postgres_server.run(f"GRANT INSERT ON audit TO {role}", database)
    with closing(SqlAudit.open(url)) as opened:
        opened.add([NOON])
        assert list(opened.entries()) == [NOON]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", "2026-11-28T10:00:00Z"),
        ("30m", "2026-11-28T11:30:00Z"),
        ("7d", "2026-11-21T12:00:00Z"),
        ("2026-11-27", "2026-11-27T00:00:00Z"),
        ("2026-11-28T13:00:00+02:00", "2026-11-28T11:00:00Z"),
    ],
)
def test_a_time_is_so_long_ago_or_a_date(text: str, expected: str) -> None:
    """In UTC unless the date says otherwise."""
    assert stamp(since(text, datetime.fromisoformat(NOON.at))) == expected


def _scope(path: str = "/v1/videos", method: str = "POST") -> dict[str, object]:
    state = {"request_id": "r"}
    return {"method": method, "path": path, "state": state, "client": ("192.0.2.7", 5)}


class Stored:
    """Stores entries in a list, unless it is away."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.is_away = False

    def add(self, entries: Sequence[Entry]) -> None:
        """Store, or fail as a database does."""
        if self.is_away:
            raise ServiceUnavailable("the user of the database lacks a right")
        self.entries += entries


def test_too_many_entries_are_dropped_and_counted() -> None:
    """A request never waits; a metric and an entry say how many are missing."""
    stored = Stored()
    counted: list[int] = []
    auditing = Auditing(stored.add, counted.append)
    for _ in range(MOST + 3):
        auditing.request(_scope(), "/v1/videos", 403)
    auditing.close()
    assert len(stored.entries) == MOST + 1
    assert stored.entries[-1].outcome.startswith("3 entries were dropped")
    assert counted == [1, 1, 1]


def test_without_the_right_entries_are_logged_and_that_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A server that only searches works by SELECT alone."""
    caplog.set_level("INFO", "clipseek.audit")
    stored = Stored()
    stored.is_away = True
    auditing = Auditing(stored.add, lambda _: None)
    for _ in range(2):
        auditing.request(_scope(), "/v1/videos", 403)
        auditing.close()
    said = [record.levelname for record in caplog.records]
    assert said == ["WARNING", "INFO", "INFO"]
    stored.is_away = False
    auditing.request(_scope(), "/v1/videos", 403)
    auditing.close()
    assert len(stored.entries) == 1


@pytest.mark.parametrize(
    ("method", "path", "status", "is_noted"),
    [
        ("POST", "/v1/search", 200, False),
        ("POST", "/root/v1/search/batch", 200, False),
        ("POST", "/v1/search", 429, True),
        ("POST", "/v1/edit-lists", 200, False),
        ("POST", "/v1/edit-lists", 403, True),
        ("GET", "/v1/videos", 200, False),
        ("GET", "/v1/videos", 401, True),
        ("GET", "/", 421, True),
        ("DELETE", "/v1/videos/a", 202, True),
        ("POST", "/v1/videos", 422, True),
        ("PATCH", "/v1/uploads/u", 204, False),
        ("PATCH", "/v1/uploads/u", 409, True),
    ],
)
def test_writes_and_refusals_are_noted(method: str, path: str, status: int, is_noted: bool) -> None:
    """Searches are not, and neither is each part of an upload."""
    stored = Stored()
    auditing = Auditing(stored.add, lambda _: None)
    auditing.request(_scope(path, method), path, status)
    auditing.close()
    assert len(stored.entries) == is_noted


def _service(tmp_path: Path) -> Service:
    sqlite_url(tmp_path)
    library = Library(tmp_path, MemoryCatalog())
    library.add("sea.mp4", ["blue"])
    return library.service()


def test_requests_and_commands_are_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A job that was asked for, a host that is not allowed, and a command."""
    with TestClient(create_app(_service(tmp_path)), client=("192.0.2.9", 1)) as client:
        assert client.delete("/v1/videos/sea", headers={"X-Request-ID": "r7"}).status_code == 202
        assert client.get("/v1/videos", headers={"Host": "evil.example"}).status_code == 421
    command = ["--data-dir", str(tmp_path)]
    assert main([*command, "keys", "add", "ann", "--scope", "search", "--collection", "*"]) == 0
    capsys.readouterr()
    assert main([*command, "audit", "--json"]) == 0
    written, refused, made = map(json.loads, capsys.readouterr().out.splitlines())
    assert (written["who"], written["what"]) == ("anonymous", "DELETE /v1/videos/{video_id}")
    assert (written["outcome"], written["request_id"]) == ("202", "r7")
    assert (written["subject"], written["address"]) == ("/v1/videos/sea", "192.0.2.9")
    assert (refused["who"], refused["outcome"]) == ("", "421")
    assert (made["what"], made["subject"], made["outcome"]) == ("indexer keys add", "ann", "done")
    assert main([*command, "audit", "--since", "never"]) == 2
    assert "such as 7d, 2h or 30m" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ServiceUnavailable("away"), "failed: ServiceUnavailable"),
        (OSError("no space"), "failed: OSError"),
        (KeyboardInterrupt(), "interrupted"),
    ],
)
def test_the_audit_says_how_a_command_ended(
    catalog_url: str, tmp_path: Path, error: BaseException, outcome: str
) -> None:
    """By an error of any kind, or by Ctrl-C; the error itself goes on."""
    settings = Settings.load(data_dir=tmp_path, database_url=catalog_url)
    options = argparse.Namespace(verb="calibrate")
    with pytest.raises(type(error)), audited(settings, options):
        raise error
    with closing(SqlAudit.open(catalog_url, read_only=True)) as audit:
        (entry,) = audit.entries()
    assert (entry.what, entry.outcome) == ("indexer calibrate", outcome)
    assert entry.work is None


def test_a_command_is_done_although_its_entry_cannot_be_stored(
    postgres_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says so, and does not wait for as long as the lock is held."""
    settings = Settings.load(data_dir=tmp_path, database_url=postgres_url)
    with closing(Database.at(postgres_url)) as database, database.writing() as connection:
        connection.execute(text("LOCK TABLE audit IN EXCLUSIVE MODE"))
        with audited(settings, argparse.Namespace(verb="calibrate")) as code:
            code.append(0)
    assert "this was done, but it is not in the audit" in capsys.readouterr().err


def test_noting_never_waits_for_the_database() -> None:
    """Requests are answered while an earlier batch is being stored."""
    entered, going_on = threading.Event(), threading.Event()

    def slow(_entries: Sequence[Entry]) -> None:
        entered.set()
        going_on.wait(30)

    auditing = Auditing(slow, lambda _: None)
    auditing.request(_scope(), "/v1/videos", 403)
    storing = threading.Thread(target=auditing.close)
    storing.start()
    assert entered.wait(30)
    auditing.request(_scope(), "/v1/videos", 403)  # would wait, if a lock were held meanwhile
    assert storing.is_alive()
    going_on.set()
    storing.join()
