"""The history over HTTP: who may read what, and page by page."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from fastapi.testclient import TestClient

from clipseek.audit import Entry, Work
from clipseek.catalog import SqlCatalog
from clipseek.catalog.audit import SqlAudit
from tests.api.library import Library
from tests.api.test_permissions import asking

INGEST = Work("default", "ingest", "done", "", 42.5, 30.0, 1, 0, 2, 1, 31, 4, "b.mp4: damaged")
REMOVE = Work("other", "remove", "failed", "v", reason="no such video")


@pytest.fixture
def audit(library: Library) -> Iterator[SqlAudit]:
    """The audit of the library: an ingest, a request and a job."""
    url = f"sqlite:///{library.folder / 'catalog.db'}"
    SqlCatalog.open(url).close()
    with closing(SqlAudit.open(url)) as opened:
        opened.add(
            [
                Entry("2026-11-28T12:00:42Z", "root", "indexer ingest", "", "done", work=INGEST),
                Entry("2026-11-28T12:01:00Z", "ann", "POST /v1/videos", "", "403"),
                Entry("2026-11-28T12:02:00Z", "ann", "job remove", "", "failed", work=REMOVE),
            ]
        )
        yield opened


@pytest.mark.usefixtures("audit")
def test_ingests_and_jobs_are_listed(client: TestClient) -> None:
    """The newest first, with all figures; users of the machine are not named."""
    job, ingest = client.get("/v1/history").json()["history"]
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


@pytest.mark.usefixtures("audit")
def test_the_history_has_pages(client: TestClient) -> None:
    """Each is asked for by the `next` of the one before."""
    first = client.get("/v1/history", params={"limit": 1}).json()
    second = client.get("/v1/history", params={"limit": 1, "after": first["next"]}).json()
    kinds = [each["kind"] for page in (first, second) for each in page["history"]]
    assert kinds == ["remove", "ingest"]
    assert second["next"] is None


@pytest.mark.parametrize("parameter", ["after=0", "limit=0", "limit=1001", "before=1"])
def test_wrong_parameters_are_refused(client: TestClient, parameter: str) -> None:
    """With a sentence of each."""
    answer = client.get(f"/v1/history?{parameter}")
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(parameter.partition("=")[0])


def test_a_server_without_a_catalog_has_no_history(client: TestClient) -> None:
    """It may start before anything is indexed."""
    assert client.get("/v1/history").json() == {"history": [], "next": None}


@pytest.mark.usefixtures("audit")
def test_each_sees_the_history_of_their_collections(library: Library) -> None:
    """With the scope `write`; other collections do not exist for them."""
    library.add("night.mp4", ["black"], collection="other")
    with asking(library, "write", collections=frozenset({"other"})) as client:
        (told,) = client.get("/v1/history").json()["history"]
        assert told["collection"] == "other"
        hidden, missing = (
            client.get("/v1/history", params={"collection": name}) for name in ("default", "none")
        )
        assert hidden.status_code == missing.status_code == 404
        assert hidden.json()["detail"].replace("default", "none") == missing.json()["detail"]
    with asking(library, "write") as client:
        (told,) = client.get("/v1/history", params={"collection": "default"}).json()["history"]
        assert told["collection"] == "default"
    with asking(library, "search", "admin") as client:
        assert client.get("/v1/history").status_code == 403
