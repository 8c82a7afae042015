"""`POST /v1/videos`: an upload or a URL becomes one job, however often the answer is lost."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.middleware import Middleware

from api.app import create_app
from api.principal import Principal
from clipseek.catalog.jobs import SqlJobs
from clipseek.jobs import Job
from clipseek.uploads import Upload, Uploads
from tests.api.library import Library
from tests.api.test_permissions import As
from tests.contracts.catalogs import sqlite_url

URL = "https://a.example/sea%20side.mp4?x=1"


@pytest.fixture
def queue(library: Library) -> Iterator[SqlJobs]:
    """Return the queue that the application over the library has, too."""
    url = sqlite_url(library.folder)
    with closing(SqlJobs.open(url)) as opened:
        yield opened


@pytest.fixture
def principals() -> list[Principal]:
    """Return who has asked so far; the last one asks now."""
    return [Principal("ann", frozenset({"write"}))]


@pytest.fixture
def client(library: Library, principals: list[Principal]) -> Iterator[TestClient]:
    """Return a client of an application that fetches from a.example."""
    app = create_app(library.service(fetch_hosts="a.example", upload_reserve_bytes=0))
    app.user_middleware.append(Middleware(As, principals=principals))
    with TestClient(app, raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture
def uploads(client: TestClient) -> Uploads:
    """Return the uploads of the application."""
    found: Uploads = client.app.state.receiving.uploads  # type: ignore[attr-defined]  # it is a FastAPI
    return found


def upload(uploads: Uploads, *, owner: str = "ann", size: int = 5) -> Upload:
    """Upload `size` bytes of 5."""
    made = uploads.create(owner, "city", 5, {"filename": "sea.mp4"})
    with closing(uploads.append(made.id, owner, 0)) as part:
        part.write(b"12345"[:size])
    return made


def add(client: TestClient, key: str = "", **body: Any) -> Any:
    """Ask for a video."""
    headers = {"Idempotency-Key": key} if key else {}
    return client.post("/v1/videos", json=body, headers=headers)


def problem(answer: Any) -> tuple[int, str]:
    """Return the status and the type of a problem."""
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def test_an_upload_becomes_a_job(client: TestClient, queue: SqlJobs, uploads: Uploads) -> None:
    """Of the collection of the upload; nobody can change the upload any more."""
    made = upload(uploads)
    answer = add(client, upload=made.id, title=" Sea ", tags=["coast"])
    assert answer.status_code == 202
    said = answer.json()
    assert answer.headers["Location"] == f"/v1/jobs/{said['id']}"
    (job,) = queue.jobs()
    assert (job.id, job.kind, job.collection, job.by) == (said["id"], "ingest", "city", "ann")
    assert job.payload == {
        "upload": made.id,
        "name": "sea.mp4",
        "title": "Sea",
        "tags": ["coast"],
    }
    assert uploads.get(made.id, "ann").job == job.id
    headers = {"Tus-Resumable": "1.0.0"}
    assert problem(client.delete(f"/v1/uploads/{made.id}", headers=headers)) == (
        423,
        "upload-busy",
    )


@pytest.mark.parametrize("keys", [("", ""), ("a", "a"), ("a", "b"), ("", "a")])
@pytest.mark.parametrize("taken", [False, True], ids=["waiting", "taken"])
def test_an_upload_becomes_one_job(
    client: TestClient, queue: SqlJobs, uploads: Uploads, keys: tuple[str, str], taken: bool
) -> None:
    """With and without keys, and also after a worker has taken the upload."""
    made = upload(uploads)
    first = add(client, keys[0], upload=made.id, title="Sea").json()
    if taken:
        uploads.stored.take(made.id, "city", "sea.mp4")
    again = add(client, keys[1], upload=made.id, title="Sea")
    assert (again.status_code, again.json()["id"]) == (202, first["id"])
    assert len(queue.jobs()) == 1


def test_a_worker_may_be_quicker_than_the_answer(
    client: TestClient, queue: SqlJobs, uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the upload as soon as the job is added; the client is told the job all the same."""
    made = upload(uploads)
    add_job = SqlJobs.add

    def add_and_work(*arguments: Any, **named: Any) -> Job:
        job = add_job(*arguments, **named)
        uploads.stored.take(made.id, "city", "sea.mp4")
        return job

    monkeypatch.setattr(SqlJobs, "add", add_and_work)
    answer = add(client, upload=made.id)
    assert answer.status_code == 202
    assert answer.json()["id"] == queue.jobs()[0].id


def test_an_upload_does_not_become_another_job(
    client: TestClient, queue: SqlJobs, uploads: Uploads
) -> None:
    """Another title is another request."""
    made = upload(uploads)
    add(client, upload=made.id, title="Sea")
    assert problem(add(client, upload=made.id, title="Lake")) == (423, "upload-busy")
    uploads.stored.take(made.id, "city", "sea.mp4")
    assert problem(add(client, upload=made.id, title="Lake")) == (404, "upload-not-found")
    assert len(queue.jobs()) == 1


def test_an_upload_must_be_complete(client: TestClient, queue: SqlJobs, uploads: Uploads) -> None:
    """The answer says how much is missing."""
    answer = add(client, upload=upload(uploads, size=3).id)
    assert problem(answer) == (409, "upload-incomplete")
    assert "3 of 5 bytes" in answer.json()["detail"]
    assert queue.jobs() == []


def test_the_upload_of_another_principal_is_not_there(
    client: TestClient, queue: SqlJobs, uploads: Uploads, principals: list[Principal]
) -> None:
    """Whether it waits for its job or not, or was taken already."""
    theirs = upload(uploads, owner="bob")
    assert problem(add(client, upload=theirs.id)) == (404, "upload-not-found")
    principals.append(Principal("bob", frozenset({"write"})))
    assert add(client, upload=theirs.id).status_code == 202
    uploads.stored.take(theirs.id, "city", "sea.mp4")
    principals.pop()
    assert problem(add(client, upload=theirs.id)) == (404, "upload-not-found")
    assert len(queue.jobs()) == 1


def test_a_url_becomes_a_job(client: TestClient, queue: SqlJobs) -> None:
    """Nothing is fetched by the API; the same key, the same job."""
    for _ in range(2):
        answer = add(client, "a", url=URL, collection="city")
        assert answer.status_code == 202
    (job,) = queue.jobs()
    assert (job.collection, job.payload) == ("city", {"url": URL, "name": "sea side.mp4"})
    assert add(client, "b", url=URL, collection="city").status_code == 202
    assert len(queue.jobs()) == 2
    assert problem(add(client, "a", url=URL)) == (422, "key-reused")


@pytest.mark.parametrize(
    "url",
    [
        "https://b.example/sea.mp4",
        "http://127.0.0.1/sea.mp4",
        "https://user:pass@a.example/sea.mp4",
        "s3://bucket/sea.mp4",
        "file:///etc/passwd",
        "sea.mp4",
    ],
)
def test_another_url_is_refused(client: TestClient, queue: SqlJobs, url: str) -> None:
    """Before a job is made of it."""
    assert problem(add(client, url=url)) == (422, "url-not-allowed")
    assert queue.jobs() == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"url": URL, "upload": "0" * 32}, id="both"),
        pytest.param({"url": ""}, id="empty"),
        pytest.param({"url": 5}, id="number"),
        pytest.param({"url": URL, "path": "/etc/passwd"}, id="unknown field"),
        pytest.param({"url": URL, "title": ""}, id="title"),
        pytest.param({"url": URL, "tags": ["a"] * 101}, id="tags"),
        pytest.param({"url": URL, "collection": "A B"}, id="collection"),
    ],
)
def test_a_wrong_body_is_refused(client: TestClient, body: dict[str, Any]) -> None:
    """Nothing is guessed."""
    assert problem(add(client, **body)) == (422, "invalid-query")


def test_a_form_of_another_site_is_refused(client: TestClient, queue: SqlJobs) -> None:
    """Browsers send text without asking first; JSON they do not."""
    answer = client.post(
        "/v1/videos", content=f'{{"url": "{URL}"}}', headers={"Content-Type": "text/plain"}
    )
    assert answer.status_code == 422
    assert queue.jobs() == []


def test_adding_needs_the_scope_write_and_the_collection(
    client: TestClient, queue: SqlJobs, uploads: Uploads, principals: list[Principal]
) -> None:
    """A collection that the principal may not use does not exist."""
    principals.append(Principal("ann", frozenset({"search", "admin"})))
    assert problem(add(client, url=URL)) == (403, "forbidden")
    principals.append(Principal("ann", frozenset({"write"}), frozenset({"other"})))
    made = upload(uploads)
    assert problem(add(client, url=URL, collection="city")) == (404, "collection-not-found")
    assert problem(add(client, upload=made.id)) == (404, "collection-not-found")
    assert add(client, url=URL).json()["collection"] == "other"
    assert len(queue.jobs()) == 1
