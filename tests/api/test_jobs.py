"""Jobs over HTTP: changes are asked for, followed and cancelled, each by those who may."""

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx2 as httpx
import pytest
from fastapi.testclient import TestClient
from starlette.middleware import Middleware

from api import following, job_counts
from api.app import create_app
from api.principal import Permission, Principal
from clipseek.catalog.jobs import SqlJobs
from clipseek.jobs import Job, Progress
from clipseek.threads import Worker
from tests.api.library import Library
from tests.api.server import serving
from tests.api.test_permissions import As
from tests.chaos.program import wait_until
from tests.contracts.catalogs import sqlite_url

FOR_EVER_S = 1e6


@pytest.fixture
def queue(library: Library) -> Iterator[SqlJobs]:
    """Return the queue that the application over the library has, too."""
    url = sqlite_url(library.folder)
    with closing(SqlJobs.open(url)) as opened:
        yield opened


@contextmanager
def asking(
    library: Library, *scopes: Permission, collections: frozenset[str] | None = None
) -> Iterator[TestClient]:
    """Open a client whose requests come from a principal with some scopes."""
    app = create_app(library.service())
    principal = Principal("somebody", frozenset(scopes), collections)
    app.user_middleware.append(Middleware(As, principals=[principal]))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def add(queue: SqlJobs, collection: str = "default", video: str = "sea") -> Job:
    """Add a job past the API."""
    return queue.add("remove", collection, {"video": video}, by="ann", request_id="r")


def take(queue: SqlJobs) -> Job:
    """Take the next job, as a worker does."""
    job = queue.take("worker", FOR_EVER_S)
    assert job is not None
    return job


def test_removing_a_video_is_a_job(client: TestClient, queue: SqlJobs) -> None:
    """The answer says where it is; nothing is removed before a worker has run it."""
    answer = client.delete("/v1/videos/sea", headers={"X-Request-ID": "r7"})
    assert answer.status_code == 202
    said = answer.json()
    assert answer.headers["Location"] == f"/v1/jobs/{said['id']}"
    assert client.get(answer.headers["Location"]).json() == said
    assert (said["kind"], said["video"], said["state"]) == ("remove", "sea", "waiting")
    assert (said["by"], said["request_id"]) == ("anonymous", "r7")
    assert client.get("/v1/videos/sea").status_code == 200
    assert take(queue).payload == {"video": "sea"}


def test_editing_a_video_is_a_job(client: TestClient, queue: SqlJobs) -> None:
    """Only what is named is changed; no tags are not the same as tags that stay."""
    path = "/v1/videos/sea"
    assert client.patch(path, json={"title": " A day at the sea "}).status_code == 202
    assert client.patch(path, json={"tags": []}).status_code == 202
    assert client.patch(path, json={"title": "t", "tags": ["a", "b"]}).status_code == 202
    assert [job.payload for job in queue.jobs()] == [
        {"video": "sea", "title": "t", "tags": ["a", "b"]},
        {"video": "sea", "tags": []},
        {"video": "sea", "title": "A day at the sea"},
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param({}, "must have a title, tags or both", id="nothing"),
        pytest.param({"title": None}, "must have a title, tags or both", id="null"),
        pytest.param({"title": ""}, "title must have 1 to 500 characters, got 0", id="empty"),
        pytest.param({"title": "a\0"}, "control characters", id="NUL"),
        pytest.param({"tags": "sea"}, "tags must be a list of at most 100 tags", id="text"),
        pytest.param({"tags": ["a"] * 101}, "at most 100 tags, got 101 items", id="many"),
        pytest.param({"titel": "t"}, "titel is not a known field", id="unknown"),
        pytest.param([], "must be an object", id="list"),
    ],
)
def test_a_wrong_edit_is_refused(
    client: TestClient, queue: SqlJobs, body: object, said: str
) -> None:
    """With the limit; no job is made."""
    answer = client.patch("/v1/videos/sea", json=body)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-query")
    assert said in answer.json()["detail"]
    assert queue.jobs() == []


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
def test_a_video_that_is_not_there_is_told_at_once(
    client: TestClient, queue: SqlJobs, method: str
) -> None:
    """No job is made of it."""
    body = {"title": "t"} if method == "PATCH" else None
    answer = client.request(method, "/v1/videos/none", json=body)
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/video-not-found")
    assert queue.jobs() == []


def test_a_repeated_request_is_done_once(client: TestClient, queue: SqlJobs) -> None:
    """If it has the same idempotency key; with another request, the key is refused."""
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first, second = (client.delete("/v1/videos/sea", headers=key) for _ in range(2))
    assert first.json() == second.json()
    assert first.headers["Location"] == second.headers["Location"]
    other = client.delete("/v1/videos/dusk", headers=key)
    assert (other.status_code, other.json()["type"]) == (422, "/problems/key-reused")
    assert client.delete("/v1/videos/sea").json()["id"] != first.json()["id"]
    assert len(queue.jobs()) == 2


@pytest.mark.parametrize("key", ["", "k" * 201], ids=["empty", "too long"])
def test_a_key_has_a_length(client: TestClient, queue: SqlJobs, key: str) -> None:
    """Its limit is named."""
    answer = client.delete("/v1/videos/sea", headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert "Idempotency-Key must have 1 to 200 characters" in answer.json()["detail"]


def test_jobs_are_listed_in_pages(client: TestClient, queue: SqlJobs) -> None:
    """The newest first, by state and collection."""
    ids = [add(queue).id for _ in range(3)]
    queue.cancel(ids[1])
    first = client.get("/v1/jobs", params={"limit": 2}).json()
    assert [job["id"] for job in first["jobs"]] == [ids[2], ids[1]]
    rest = client.get("/v1/jobs", params={"limit": 2, "after": first["next"]}).json()
    assert ([job["id"] for job in rest["jobs"]], rest["next"]) == ([ids[0]], None)
    cancelled = client.get("/v1/jobs", params={"state": "cancelled"}).json()["jobs"]
    assert [job["id"] for job in cancelled] == [ids[1]]
    assert client.get("/v1/jobs", params={"collection": "other"}).json()["jobs"] == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        pytest.param({"state": "lost"}, 422, id="state"),
        pytest.param({"limit": "0"}, 422, id="limit"),
        pytest.param({"sort": "up"}, 422, id="unknown"),
        pytest.param({"after": "none"}, 404, id="after"),
    ],
)
def test_a_wrong_page_is_refused(
    client: TestClient, queue: SqlJobs, query: dict[str, str], status: int
) -> None:
    """As in the other lists."""
    assert client.get("/v1/jobs", params=query).status_code == status


def test_a_job_tells_how_it_ended(client: TestClient, queue: SqlJobs) -> None:
    """What it was asked for, how far it came, and what came of it."""
    payload = {"upload": "u", "url": "https://a.example/?key=hush", "name": "a.mp4", "tags": ["a"]}
    queue.add("ingest", "default", payload, by="ann", request_id="r")
    job = take(queue)
    queue.beat(job, Progress(10, 2, 0.5))
    queue.finish(job, "done", {"videos": ["v"], "fate": "incomplete"}, "it ends early")
    answer = client.get(f"/v1/jobs/{job.id}")
    said = answer.json()
    assert (said["name"], said["tags"], said["title"]) == ("a.mp4", ["a"], None)
    assert said["progress"] == {"bytes": 10, "frames": 2, "share": 0.5}
    assert (said["state"], said["fate"], said["videos"]) == ("done", "incomplete", ["v"])
    assert said["reason"] == "it ends early"
    assert said["ended_at"]
    assert "hush" not in answer.text


def test_a_job_is_cancelled(client: TestClient, queue: SqlJobs) -> None:
    """At once while it waits, soon while it runs, and not at all once it has ended."""
    running, waiting = add(queue, video="sea"), add(queue, video="dusk")
    job = take(queue)
    assert job.id == running.id
    assert client.delete(f"/v1/jobs/{waiting.id}").json()["state"] == "cancelled"
    said = client.delete(f"/v1/jobs/{running.id}").json()
    assert (said["state"], said["cancelling"]) == ("running", True)
    queue.finish(job, "done")
    assert client.delete(f"/v1/jobs/{running.id}").json()["state"] == "done"


JOB_PATHS = [("GET", ""), ("GET", "/events"), ("DELETE", "")]


@pytest.mark.parametrize(("method", "path"), JOB_PATHS)
def test_a_job_of_another_collection_is_not_there(
    library: Library, queue: SqlJobs, method: str, path: str
) -> None:
    """It is answered as one that does not exist, word by word; nor is it listed."""
    hidden, mine = add(queue), add(queue, "other")
    with asking(library, "write", collections=frozenset({"other"})) as client:
        found = client.request(method, f"/v1/jobs/{hidden.id}{path}")
        missing = client.request(method, f"/v1/jobs/none{path}")
        assert found.status_code == missing.status_code == 404
        assert found.json()["detail"].replace(hidden.id, "none") == missing.json()["detail"]
        assert [job["id"] for job in client.get("/v1/jobs").json()["jobs"]] == [mine.id]
        assert client.get("/v1/jobs", params={"after": hidden.id}).status_code == 404
        assert client.get("/v1/jobs", params={"collection": "default"}).status_code == 404
    assert queue.get(hidden.id).state == "waiting"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/jobs"),
        *((method, f"/v1/jobs/none{path}") for method, path in JOB_PATHS),
        ("DELETE", "/v1/videos/sea"),
        ("PATCH", "/v1/videos/sea"),
    ],
)
def test_jobs_need_the_scope_write(
    library: Library, queue: SqlJobs, method: str, path: str
) -> None:
    """The scope search does not include it."""
    body = {"title": "t"} if method == "PATCH" else None
    with asking(library, "search") as client:
        assert client.request(method, path, json=body).status_code == 403
    assert queue.jobs() == []


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
def test_a_video_of_another_collection_cannot_be_changed(
    library: Library, queue: SqlJobs, method: str
) -> None:
    """The collection does not exist for this key."""
    body = {"title": "t"} if method == "PATCH" else None
    with asking(library, "write", collections=frozenset({"other"})) as client:
        answer = client.request(
            method, "/v1/videos/sea", params={"collection": "default"}, json=body
        )
        assert answer.json()["type"] == "/problems/collection-not-found"
    assert queue.jobs() == []


def test_a_server_without_a_catalog_has_no_jobs(empty_client: TestClient) -> None:
    """It lists none, and can add none before a worker or an ingest has made the catalog."""
    assert empty_client.get("/v1/jobs").json() == {"jobs": [], "next": None}
    assert empty_client.get("/v1/jobs/none").status_code == 404


# Events.


def read_events(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the data of each event of a stream."""
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for news and send heartbeats more often than users need."""
    monkeypatch.setattr(following, "POLL_S", 0.05)
    monkeypatch.setattr(following, "HEARTBEAT_S", 0.2)


def test_the_events_of_a_job_that_has_ended(client: TestClient, queue: SqlJobs) -> None:
    """Its last state, and the stream ends."""
    job = queue.cancel(add(queue).id)
    answer = client.get(f"/v1/jobs/{job.id}/events")
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.headers["X-Accel-Buffering"] == "no"
    ((name, said),) = read_events(iter(answer.text.splitlines()))
    assert (name, said["state"]) == ("end", "cancelled")


@pytest.mark.usefixtures("quick")
def test_a_job_is_followed_to_its_end(library: Library, queue: SqlJobs) -> None:
    """Each change is an event, with heartbeats between them, and the last one is the end."""
    added = add(queue)
    with (
        serving(create_app(library.service())) as url,
        httpx.stream("GET", f"{url}/v1/jobs/{added.id}/events", timeout=60) as stream,
    ):
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        seen = read_events(lines)
        assert next(seen)[1]["state"] == "waiting"
        assert next(line for line in lines if line.startswith(":")) == ": no news"
        job = take(queue)
        name, said = next(seen)
        assert (name, said["state"]) == ("progress", "running")
        queue.beat(job, Progress(10, 2, 0.5))
        assert next(seen)[1]["progress"] == {"bytes": 10, "frames": 2, "share": 0.5}
        queue.finish(job, "failed", reason="it is broken")
        name, said = next(seen)
        assert (name, said["state"], said["reason"]) == ("end", "failed", "it is broken")
        assert list(seen) == []


class Counting:
    """Counts how often jobs are asked for together."""

    def __init__(self, queue: SqlJobs) -> None:
        self._queue = queue
        self.asked: list[int] = []

    def some(self, ids: list[str]) -> dict[str, Job]:
        """Return jobs by id."""
        self.asked.append(len(ids))
        return self._queue.some(ids)


@pytest.mark.usefixtures("quick")
def test_all_streams_share_one_query_and_are_bounded(
    library: Library, queue: SqlJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One too many is refused; those that were left make room."""
    monkeypatch.setattr(following, "MAX_STREAMS", 3)
    app = create_app(library.service())
    counting = Counting(queue)
    app.state.following._jobs = counting
    jobs = [add(queue, video=str(number)) for number in range(3)]
    ended: list[str] = []
    with serving(app) as url:

        def follow(job: Job) -> None:
            with httpx.stream("GET", f"{url}/v1/jobs/{job.id}/events", timeout=60) as stream:
                ended.extend(name for name, _ in read_events(stream.iter_lines()))

        threads = [threading.Thread(target=follow, args=(job,)) for job in jobs]
        for thread in threads:
            thread.start()
        wait_until(lambda: 3 in counting.asked, "one query for three streams")
        refused = httpx.get(f"{url}/v1/jobs/{jobs[0].id}/events")
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/too-many-streams")
        assert refused.headers["Retry-After"] == "5"
        for job in jobs:
            queue.cancel(job.id)
        for thread in threads:
            thread.join(60)
        assert ended.count("end") == 3
        wait_until(lambda: not app.state.following._watches, "the streams to be forgotten")
        assert httpx.get(f"{url}/v1/jobs/{jobs[0].id}/events").status_code == 200


@pytest.mark.usefixtures("quick")
def test_a_client_that_leaves_is_forgotten(library: Library, queue: SqlJobs) -> None:
    """Although its job goes on."""
    app = create_app(library.service())
    job = add(queue)
    with serving(app) as url:
        with httpx.stream("GET", f"{url}/v1/jobs/{job.id}/events", timeout=60) as stream:
            lines = stream.iter_lines()  # the connection is closed with it
            assert next(lines) == "retry: 2000"
            assert len(app.state.following._watches) == 1
        wait_until(lambda: not app.state.following._watches, "the stream to be forgotten")


@pytest.mark.usefixtures("quick")
def test_a_server_that_ends_ends_its_streams(library: Library, queue: SqlJobs) -> None:
    """Without the event `end`, so that clients connect to another one."""
    app = create_app(library.service())
    job = add(queue)
    with (
        serving(app) as url,
        httpx.stream("GET", f"{url}/v1/jobs/{job.id}/events", timeout=60) as stream,
    ):
        seen = read_events(stream.iter_lines())
        assert next(seen)[0] == "progress"
        app.state.readiness.end()
        assert list(seen) == []


def test_jobs_are_counted(
    library: Library, queue: SqlJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the metrics: every state, and the age of the oldest one that waits."""
    monkeypatch.setattr(job_counts, "PAUSE_S", 0.05)
    add(queue)
    queue.cancel(add(queue).id)
    with TestClient(create_app(library.service())) as client:

        def shown() -> dict[str, float]:
            lines = client.get("/metrics").text.splitlines()
            return {
                name: float(value)
                for name, _, value in (line.rpartition(" ") for line in lines)
                if name.startswith("clipseek_jobs")
            }

        wait_until(lambda: len(shown()) == 6, "the jobs to be counted")
        counted = shown()
        assert 0 <= counted.pop("clipseek_jobs_oldest_seconds") < 600
        assert {name.split('"')[1]: value for name, value in counted.items()} == {
            "waiting": 1,
            "running": 0,
            "done": 0,
            "failed": 0,
            "cancelled": 1,
        }


def test_old_counts_are_not_shown(monkeypatch: pytest.MonkeyPatch, queue: SqlJobs) -> None:
    """While the database is away, nobody knows how many jobs wait."""
    counts = job_counts.JobCounts(queue)
    counts._count()
    assert counts.latest() is None  # the thread does not run
    for age_s, is_shown in ((59.0, True), (61.0, False)):
        monkeypatch.setattr(Worker, "age_s", age_s)
        assert (counts.latest() is not None) == is_shown
