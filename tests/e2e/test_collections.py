"""The verb `collections`: what it lists and removes, and what an open API answers then."""

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from clipseek.assembly import open_service
from clipseek.brought import Brought
from clipseek.catalog import SqlCatalog
from clipseek.config import Settings
from tests.e2e.conftest import Library

ASKED = {"query": "a red car", "limit": 50}


@pytest.fixture(scope="session")
def shared_library(tiny_library: Library) -> Library:
    """Use tiny videos, because most tests index some again."""
    return tiny_library


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def kept(
    request: pytest.FixtureRequest,
    empty: Library,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Library:
    """Two videos in each of the collections `default` and `other`, in each kind of database."""
    if request.param == "postgres":
        monkeypatch.setenv("CLIPSEEK_DATABASE_URL", request.getfixturevalue("postgres_url"))
    videos = tmp_path / "two"
    videos.mkdir()
    for path in sorted(empty.videos.glob("*.mp4"))[:2]:
        shutil.copyfile(path, videos / path.name)
    library = Library(videos, empty.data_dir)
    index(library)
    index(library, "--collection", "other")
    with closing(SqlCatalog.open(Settings.load(data_dir=library.data_dir).catalog_url)) as catalog:
        catalog.set_alias("shown", "other")
    return library


def index(library: Library, *options: str) -> None:
    """Ingest the videos one after the other."""
    command = ["ingest", str(library.videos), "--model", "demo", "--workers", "1", "--quiet"]
    assert library.run(*command, *options) == 0


@contextmanager
def serving(library: Library) -> Iterator[TestClient]:
    """Open the API over the library; its refresh is left to the test."""
    with serving_with(library) as (client, _):
        yield client


@contextmanager
def serving_with(library: Library) -> Iterator[tuple[TestClient, Any]]:
    """Open the API over the library, and give its service too."""
    settings = Settings.load(data_dir=library.data_dir, allowed_hosts="testserver")
    service = open_service(settings)
    service.collections.ready()
    with TestClient(create_app(service)) as client:
        yield client, service


def found(client: TestClient, **asked: Any) -> tuple[int, Any]:
    """Search; return the status and the answer without its time, or the type of the problem."""
    answer = client.post("/v1/search", json=ASKED | asked)
    if answer.status_code != 200:
        return answer.status_code, answer.json()["type"].rpartition("/")[2]
    return 200, {key: value for key, value in answer.json().items() if key != "took_ms"}


def listed(library: Library, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return what `indexer collections --json` prints."""
    capsys.readouterr()
    assert library.run("collections", "--json") == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_collections_are_listed_and_removed(
    kept: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    """A removed one leaves no row, no snapshot, no thumbnail and no footage; the other stays."""
    footage = Brought(Settings.load(data_dir=kept.data_dir).upload_root, 1 << 20)
    for collection in ("default", "other"):
        sent = kept.data_dir / "sent.mp4"
        sent.write_bytes(b"footage")
        footage.keep(collection, "yard", "0" * 32, sent)
    before = listed(kept, capsys)
    assert [(each["name"], each["videos"], each["aliases"]) for each in before] == [
        ("default", 2, []),
        ("other", 2, ["shown"]),
    ]
    columns = "name", "model", "videos", "segments", "version", "aliases", "switch", "redacts"
    assert tuple(before[0]) == columns
    assert kept.run("collections", "remove", "other", "--json") == 0
    segments = before[1]["segments"]
    assert json.loads(capsys.readouterr().out) == {
        "name": "other",
        "videos": 2,
        "segments": segments,
        "aliases": ["shown"],
        "state": "removed",
    }
    assert listed(kept, capsys) == before[:1]
    assert [path.name for path in (kept.data_dir / "thumbnails").iterdir()] == ["default"]
    left = {path.name for path in (kept.data_dir / "snapshots" / "other").iterdir()}
    assert left <= {".lock"}
    assert footage.find("other", "yard", "0" * 32) is None
    assert footage.find("default", "yard", "0" * 32) is not None
    assert kept.run("verify") == 0
    assert kept.run("search", "a red car") == 0


def test_people_read_a_table_and_a_sentence(
    library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without `--json`; afterwards nothing is indexed."""
    assert library.run("collections") == 0
    title, row = capsys.readouterr().out.splitlines()
    assert title.split() == [
        "name",
        "videos",
        "segments",
        "version",
        "model",
        "aliases",
        "switch",
        "redacts",
    ]
    assert row.split()[:2] == ["default", "6"]
    assert library.run("collections", "remove", "default") == 0
    assert capsys.readouterr().out.startswith("removed collection default: 6 videos, ")
    assert library.run("list") == 2


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("shown", "'shown' is an alias of collection 'other'"),
        ("../other", "no collection '../other'"),
    ],
    ids=["an alias", "unknown"],
)
def test_another_name_removes_nothing(
    kept: Library, capsys: pytest.CaptureFixture[str], name: str, told: str
) -> None:
    """It is an error in words, with exit code 2."""
    before = listed(kept, capsys)
    assert kept.run("collections", "remove", name) == 2
    assert told in capsys.readouterr().err
    assert listed(kept, capsys) == before
    assert kept.run("verify") == 0


def test_a_replica_answers_as_if_it_had_never_been(
    kept: Library, caplog: pytest.LogCaptureFixture
) -> None:
    """Within a refresh, and without an error in its log."""
    with serving_with(kept) as (client, service):
        for collection in ("default", "other", "shown"):
            assert found(client, collection=collection)[0] == 200
        for collection in ("default", "other"):
            assert kept.run("collections", "remove", collection) == 0
        service.collections.refresh()
        never = found(client, collection="never")
        assert never == (404, "collection-not-found")
        assert found(client, collection="other") == never
        assert found(client, collection="shown") == never
        assert found(client)[1] == "nothing-indexed"
        assert client.get("/readyz").status_code == 200
    assert [each.message for each in caplog.records if each.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("refreshed", [False, True], ids=["unnoticed", "noticed"])
def test_one_made_anew_is_never_mixed_with_the_old_one(kept: Library, refreshed: bool) -> None:
    """The same changes lead to the same version, but not to the answers of the old collection."""
    with serving_with(kept) as (client, service):
        old = found(client)
        assert kept.run("collections", "remove", "default") == 0
        if refreshed:
            service.collections.refresh()
            assert found(client)[1] == "nothing-indexed"
        index(kept, "--fps", "2", "--no-build")
        service.collections.refresh()
        new = found(client)
        with serving(kept) as fresh:
            assert new == found(fresh)
        assert new[1]["version"] == old[1]["version"]
        assert not segments_of(new) & segments_of(old)
        assert kept.run("build", "--quiet") == 0
        service.collections.refresh()
        assert found(client) == new
        ids = segments_of(new)
        assert all(client.get(f"/v1/segments/{each}/thumbnail").status_code == 200 for each in ids)


def segments_of(answer: tuple[int, Any]) -> set[int]:
    """Return the ids of the segments that an answer names."""
    ids = {hit["segment_id"] for hit in answer[1]["hits"]}
    assert ids
    return ids
