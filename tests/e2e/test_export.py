"""`indexer export` and `indexer import`: libraries move between databases, and answers stay."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from api.app import create_app
from clipseek.assembly import open_service
from clipseek.catalog.redactions import SqlRedactions
from clipseek.config import Settings
from clipseek.decisions import Decision
from clipseek.ledgers import open_curating
from clipseek.rules import Rule
from tests.api.server import serving
from tests.chaos.program import wait_until
from tests.e2e.conftest import Library

Capture = pytest.CaptureFixture[str]
QUERIES = ("a balloon", "a red car at night", "a boat in the rain")


def said(library: Library, capsys: Capture, *arguments: str) -> list[dict[str, object]]:
    """Return the objects that a command prints."""
    capsys.readouterr()
    assert library.run(*arguments, "--json") == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def state(library: Library, capsys: Capture, collection: str) -> list[object]:
    """Return what is listed and what is found."""
    named = ("--collection", collection)
    listed = said(library, capsys, "list", *named)
    found = [said(library, capsys, "search", query, *named) for query in QUERIES]
    for hit in (hit for hits in found for hit in hits):
        del hit["segment_id"]  # segments get other ids
    return [listed, *found]


def work(settings: Settings, collection: str, *, decide: bool = False) -> tuple[object, ...]:
    """Return what people have said of a collection, and what is blurred; let somebody do both."""
    with (
        closing(open_curating(settings)) as store,
        closing(SqlRedactions.open(settings.catalog_url)) as redactions,
    ):
        if decide:
            redactions.redact(collection, ["faces"])
            store.put_rules(collection, [Rule("car", ("a red car",))], "ann")
            video = store.facts(collection)[0].video_id
            store.decide(collection, Decision("s1", video, 0.0, 1.0, "car", "accept", "ann"))
        decisions = [replace(each, number=0) for each in store.decisions(collection)]
        tags = [(tag.id, tag.state) for tag in store.tags(collection)]
        return store.said(collection).rules, decisions, tags, redactions.of(collection)


def test_a_collection_moves_between_sqlite_and_postgresql_and_back(
    library: Library,
    tmp_path: Path,
    capsys: Capture,
    bare_postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With equal lists and equal answers, and everything agrees with everything."""
    kept = work(Settings(data_dir=library.data_dir), "default", decide=True)
    before = state(library, capsys, "default")
    assert library.run("export", str(tmp_path / "there")) == 0
    monkeypatch.setenv("CLIPSEEK_DATABASE_URL", bare_postgres_url)
    other = Library(library.videos, tmp_path / "other")
    assert other.run("import", str(tmp_path / "there")) == 0
    assert state(other, capsys, "default") == before
    assert other.run("verify") == 0
    assert other.run("export", str(tmp_path / "back")) == 0
    monkeypatch.delenv("CLIPSEEK_DATABASE_URL")
    assert library.run("import", str(tmp_path / "back"), "--collection", "again") == 0
    assert state(library, capsys, "again") == before
    assert work(Settings(data_dir=library.data_dir), "again") == kept
    assert library.run("verify") == 0
    for name in ("there", "back"):
        content = (tmp_path / name / "part-00000.zip").read_bytes()
        assert content == (tmp_path / "there" / "part-00000.zip").read_bytes()


@contextmanager
def running(library: Library, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a command in a process of its own."""
    command = [sys.executable, "-m", "indexer", "--data-dir", str(library.data_dir), *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as program:
        yield program


def test_an_import_that_is_killed_continues(
    library: Library, tmp_path: Path, capsys: Capture
) -> None:
    """The same command ends it well."""
    before = state(library, capsys, "default")
    assert library.run("export", str(tmp_path / "archive")) == 0
    with running(library, "import", str(tmp_path / "archive"), "--collection", "new") as program:
        assert program.stderr is not None
        assert program.stderr.readline().startswith("checked")
        program.send_signal(signal.SIGKILL)
    assert library.run("import", str(tmp_path / "archive"), "--collection", "new") == 0
    assert state(library, capsys, "new") == before
    assert library.run("verify") == 0


def test_answers_of_a_restored_collection_never_mix_with_those_of_the_one_before(
    library: Library, tmp_path: Path, capsys: Capture
) -> None:
    """Although its version was reached before with other videos, and a replica has cached that."""
    first = str(said(library, capsys, "list")[0]["id"])
    assert library.run("export", str(tmp_path / "archive")) == 0
    settings = Settings.load(data_dir=library.data_dir)
    body = {"query": "a balloon", "limit": 100}
    with serving(create_app(open_service(settings))) as url, httpx2.Client(base_url=url) as client:
        old = client.post("/v1/search", json=body)
        assert library.run("remove", first) == 0
        assert library.run("collections", "remove", "default") == 0
        assert library.run("import", str(tmp_path / "archive")) == 0
        version = said(library, capsys, "status")[0]["version"]
        headers = {"If-None-Match": old.headers["ETag"]}

        def answered() -> bool:
            new = client.post("/v1/search", json=body, headers=headers)
            return new.status_code == 200 and new.json()["version"] == version

        wait_until(answered, "an answer of the imported collection", deadline_s=60)
        new = client.post("/v1/search", json=body)
        assert new.headers["ETag"] != old.headers["ETag"]
        assert {hit["segment_id"] for hit in new.json()["hits"]}.isdisjoint(
            hit["segment_id"] for hit in old.json()["hits"]
        )
        for hit in new.json()["hits"]:
            assert client.get(f"/v1/segments/{hit['segment_id']}/thumbnail").status_code == 200


def test_the_audit_names_the_collection_that_was_imported(
    library: Library, tmp_path: Path, capsys: Capture
) -> None:
    """Also if the command names none, because the exported one had a name."""
    assert library.run("export", str(tmp_path / "first")) == 0
    assert library.run("import", str(tmp_path / "first"), "--collection", "holidays") == 0
    assert library.run("export", str(tmp_path / "second"), "--collection", "holidays") == 0
    other = Library(library.videos, tmp_path / "other")
    assert other.run("import", str(tmp_path / "second")) == 0
    (entry,) = said(other, capsys, "audit")
    assert (entry["what"], entry["subject"]) == ("indexer import", "holidays")


def test_an_import_needs_the_model_only_to_search(
    library: Library, tmp_path: Path, capsys: Capture
) -> None:
    """A damaged folder changes nothing, and the sentence says what to do."""
    assert library.run("export", str(tmp_path / "archive")) == 0
    with (tmp_path / "archive" / "part-00000.zip").open("r+b") as file:
        file.seek(1000)
        file.write(b"\0\1\2\3")
    fresh = Library(library.videos, tmp_path / "fresh")
    capsys.readouterr()
    assert fresh.run("import", str(tmp_path / "archive")) == 2
    assert "copy or export the folder again" in capsys.readouterr().err
    assert said(fresh, capsys, "collections") == []
