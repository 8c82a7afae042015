"""The history over HTTP: who may read what, and page by page."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from clipseek.audit import Entry, Work
from clipseek.catalog.audit import SqlAudit
from clipseek.testing import MemoryCatalog
from tests.api.library import Library
from tests.api.test_permissions import asking
from tests.contracts.catalogs import sqlite_url

INGEST = Work("default", "ingest", "done", "", 42.5, 30.0, 1, 0, 2, 1, 31, 4, "b.mp4: damaged")
REMOVE = Work("other", "remove", "failed", "v", reason="no such video")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """A library whose audit has an ingest, a request and a job; no test changes it."""
    library = Library(tmp_path_factory.mktemp("history"), MemoryCatalog())
    library.add("sea.mp4", ["blue"])
    library.add("night.mp4", ["black"], collection="other")
    url = sqlite_url(library.folder)
    with closing(SqlAudit.open(url)) as audit:
        audit.add(
            [
                Entry("2026-11-28T12:00:42Z", "root", "indexer ingest", "", "done", work=INGEST),
                Entry("2026-11-28T12:01:00Z", "ann", "POST /v1/videos", "", "403"),
                Entry("2026-11-28T12:02:00Z", "ann", "job remove", "", "failed", work=REMOVE),
            ]
        )
    return library


@pytest.fixture(scope="module")
def reader(told: Library) -> Iterator[TestClient]:
    """A client of an application over it."""
    with TestClient(create_app(told.service()), raise_server_exceptions=False) as opened:
        yield opened


def test_ingests_and_jobs_are_listed(reader: TestClient) -> None:
    """The newest first, with all figures; users of the machine are not named."""
    job, ingest = reader.get("/v1/history").json()["history"]
    assert (job["command"], job["kind"], job["by"], job["name"]) == ("work", "remove", "ann", "v")
    assert (job["state"], job["reason"]) == ("failed", "no such video")
    del ingest["id"]
    assert ingest == {
        "kind": "ingest",
        "command": "ingest",
        "collection": "default",
        "name": None,
        "state": "done",
        "reason": "b.mp4: damaged",
        "by": None,
        "started_at": "2026-11-28T11:59:59Z",
        "ended_at": "2026-11-28T12:00:42Z",
        "seconds": 42.5,
        "video_seconds": 30.0,
        "indexed": 1,
        "incomplete": 0,
        "unchanged": 2,
        "failed": 1,
        "frames": 31,
        "segments": 4,
    }


def test_the_history_has_pages(reader: TestClient) -> None:
    """Each is asked for by the `next` of the one before."""
    first = reader.get("/v1/history", params={"limit": 1}).json()
    second = reader.get("/v1/history", params={"limit": 1, "after": first["next"]}).json()
    kinds = [each["kind"] for page in (first, second) for each in page["history"]]
    assert kinds == ["remove", "ingest"]
    assert second["next"] is None


@pytest.mark.parametrize("parameter", ["after=0", "limit=0", "limit=1001", "before=1"])
def test_wrong_parameters_are_refused(reader: TestClient, parameter: str) -> None:
    """With a sentence of each."""
    answer = reader.get(f"/v1/history?{parameter}")
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(parameter.partition("=")[0])


def test_a_server_without_a_catalog_has_no_history(empty_client: TestClient) -> None:
    """It may start before anything is indexed."""
    assert empty_client.get("/v1/history").json() == {"history": [], "next": None}


def test_each_sees_the_history_of_their_collections(told: Library) -> None:
    """With the scope `write`; other collections do not exist for them."""
    with asking(told, "write", collections=frozenset({"other"})) as client:
        (work,) = client.get("/v1/history").json()["history"]
        assert work["collection"] == "other"
        hidden, missing = (
            client.get("/v1/history", params={"collection": name}) for name in ("default", "none")
        )
        assert hidden.status_code == missing.status_code == 404
        assert hidden.json()["detail"].replace("default", "none") == missing.json()["detail"]
    with asking(told, "write") as client:
        (work,) = client.get("/v1/history", params={"collection": "default"}).json()["history"]
        assert work["collection"] == "default"
    with asking(told, "search", "admin") as client:
        assert client.get("/v1/history").status_code == 403
