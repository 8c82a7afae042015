"""Switches of models over HTTP: their state, and their steps, which become jobs."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from clipseek.catalog.jobs import SqlJobs
from clipseek.jobs import Progress
from clipseek.keys import Scope
from clipseek.switches import Switch, SwitchState
from clipseek.testing import MemoryCatalog, ToyEmbedder
from tests.api.library import Library
from tests.api.test_permissions import asking
from tests.contracts.catalogs import sqlite_url
from tests.installed_model import install

AT = "/v1/collections/default/switch"
MOMENT = {"video": "sea", "title": "sea", "start": 0.0, "end": 2.0, "relevance": 0.9}
EXAMPLE = {"query": "red", "overlap": 0.5, "shift": 0.1, "before": [MOMENT], "after": []}
AGREEMENT = {
    "queries": 7,
    "queries_from": "bank",
    "overlap": 0.8,
    "shift": 0.1,
    "examples": [EXAMPLE],
}


class Switched(MemoryCatalog):
    """A catalog with a switch that a test has chosen."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Switch] = []

    def switches(self) -> list[Switch]:
        """Return the switch."""
        return self.found

    def begin(self, state: SwitchState) -> None:
        """Begin a switch from `toy` to `other`, as far as this state."""
        old, new = "default", "default.next"
        name, answers = (new, "other") if state != "switched" else (new, "toy")
        self.ensure_collection(name, answers, ToyEmbedder.dim, "other weights")
        switch = Switch("default", new, old, new, state, ("gone",), "2020-01-01T00:00:00Z")
        self.found = [switch]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Return a library of one video, and models to change to."""
    made = Library(tmp_path, Switched())
    made.add("sea.mp4", ["blue", "green"])
    for name in ("other", "third"):
        install(tmp_path, name)
    return made


@pytest.fixture
def queue(library: Library) -> Iterator[SqlJobs]:
    """Return the queue that the application over the library has, too."""
    url = sqlite_url(library.folder)
    with closing(SqlJobs.open(url)) as opened:
        yield opened


def begin(library: Library, state: SwitchState) -> None:
    """Begin a switch in the catalog of the library."""
    assert isinstance(library.catalog, Switched)
    library.catalog.begin(state)


def test_a_collection_without_a_switch_says_so(library: Library, queue: SqlJobs) -> None:
    """With the model that answers."""
    assert queue.jobs() == []
    with asking(library, "admin") as client:
        said = client.get(AT).json()
    assert (said["state"], said["model"], said["other"]) == ("none", "toy", None)
    assert (said["videos"], said["job"], said["agreement"]) == (1, None, None)


def test_a_step_is_a_job(library: Library, queue: SqlJobs) -> None:
    """It names the model; an admin may follow and cancel it without the scope `write`."""
    with asking(library, "admin") as client:
        answer = client.post(AT, json={"step": "prepare", "model": "other"})
        said = answer.json()
        assert answer.status_code == 202
        assert client.get(answer.headers["Location"]).json() == said
        assert (said["kind"], said["step"], said["model"]) == ("switch", "prepare", "other")
        assert client.get(AT).json()["job"] == said
        (job,) = queue.jobs(kind="switch")
        assert job.payload == {"step": "prepare", "model": "other", "without_missing": False}
        assert client.delete(answer.headers["Location"]).json()["state"] == "cancelled"


def test_the_agreement_is_that_of_the_switch(library: Library, queue: SqlJobs) -> None:
    """As the last job has measured it that has prepared the model; a failed one has none."""
    begin(library, "ready")
    for ending, outcome in (("done", {"agreement": AGREEMENT, "model": "other"}), ("failed", None)):
        payload = {"step": "prepare", "model": "other", "without_missing": False}
        queue.add("switch", "default", payload, by="ann", request_id="r")
        job = queue.take("worker", 60)
        assert job is not None
        assert queue.beat(job, Progress(0, 5, 0.5))
        assert queue.finish(job, ending, outcome)  # type: ignore[arg-type]  # one of the endings
    with asking(library, "admin") as client:
        said = client.get(AT).json()
    assert said["agreement"] == AGREEMENT
    assert (said["state"], said["other"], said["left_out"]) == ("ready", "other", ["gone"])
    assert (said["job"]["state"], said["job"]["progress"]["share"]) == ("failed", 0.5)


@pytest.mark.parametrize(
    ("state", "body", "said"),
    [
        pytest.param(None, {"step": "cut"}, "has no other model that is ready", id="cut"),
        pytest.param("embedding", {"step": "cut"}, "has no other model that is ready", id="early"),
        pytest.param("ready", {"step": "rollback"}, "no former model to go back to", id="back"),
        pytest.param(None, {"step": "finish"}, "nothing to finish", id="finish"),
        pytest.param(
            None, {"step": "prepare", "model": "toy"}, "model 'toy' already", id="the same"
        ),
        pytest.param(
            "ready",
            {"step": "prepare", "model": "third"},
            "to model 'other' is under way, not to 'third'",
            id="another",
        ),
        pytest.param(
            "switched",
            {"step": "prepare", "model": "third"},
            "was switched to model 'toy' before",
            id="unfinished",
        ),
        pytest.param(
            None,
            {"step": "prepare", "model": "../../etc"},
            "model '../../etc' is not installed on this server",
            id="path",
        ),
        pytest.param(
            None, {"step": "prepare", "model": "PE-Core-B-16/meta"}, "is not installed", id="known"
        ),
    ],
)
def test_a_step_that_cannot_be_taken_is_refused(
    library: Library, queue: SqlJobs, state: SwitchState | None, body: dict[str, Any], said: str
) -> None:
    """At once, in a sentence; no job is made."""
    if state is not None:
        begin(library, state)
    with asking(library, "admin") as client:
        answer = client.post(AT, json=body)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/switch-refused")
    assert said in answer.json()["detail"]
    assert queue.jobs() == []


@pytest.mark.parametrize(
    ("state", "body"),
    [
        pytest.param("embedding", {"step": "prepare", "model": "other"}, id="again"),
        pytest.param("ready", {"step": "cut", "without_missing": True}, id="cut"),
        pytest.param("switched", {"step": "rollback"}, id="rollback"),
        pytest.param("switched", {"step": "finish"}, id="finish"),
        pytest.param("embedding", {"step": "finish"}, id="give up"),
    ],
)
def test_the_steps_of_each_state_are_taken(
    library: Library, queue: SqlJobs, state: SwitchState, body: dict[str, Any]
) -> None:
    """In their order."""
    begin(library, state)
    with asking(library, "admin") as client:
        assert client.post(AT, json=body).status_code == 202
    assert [job.payload["step"] for job in queue.jobs()] == [body["step"]]


def test_a_repeated_step_is_answered_with_its_job(library: Library, queue: SqlJobs) -> None:
    """Although the step would be refused by now; another one under its key is an error."""
    begin(library, "switched")
    headers = {"Idempotency-Key": "once"}
    with asking(library, "admin") as client:
        first = client.post(AT, json={"step": "finish"}, headers=headers)
        assert isinstance(library.catalog, Switched)
        library.catalog.found = []
        again = client.post(AT, json={"step": "finish"}, headers=headers)
        other = client.post(AT, json={"step": "rollback"}, headers=headers)
        fresh = client.post(AT, json={"step": "finish"})
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.headers["location"] == first.headers["location"]
    assert [job.id for job in queue.jobs()] == [first.json()["id"]]
    assert (other.status_code, other.json()["type"]) == (422, "/problems/key-reused")
    assert (fresh.status_code, fresh.json()["type"]) == (409, "/problems/switch-refused")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param({}, "step is required", id="nothing"),
        pytest.param({"step": "go"}, "step must be one of prepare, cut, rollback", id="unknown"),
        pytest.param({"step": "prepare"}, "must name the model to prepare", id="no model"),
        pytest.param({"step": "cut", "model": "other"}, "only with the step prepare", id="model"),
    ],
)
def test_a_wrong_body_is_refused(library: Library, body: dict[str, Any], said: str) -> None:
    """With what is expected."""
    with asking(library, "admin") as client:
        answer = client.post(AT, json=body)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-query")
    assert said in answer.json()["detail"]


@pytest.mark.parametrize("scope", ["search", "write"])
def test_switches_need_the_scope_admin(library: Library, queue: SqlJobs, scope: Scope) -> None:
    """Also to cancel one; a key that may write sees the job."""
    payload = {"step": "cut", "without_missing": False}
    job = queue.add("switch", "default", payload, by="ann", request_id="r")
    with asking(library, scope) as client:
        assert client.get(AT).status_code == 403
        assert client.post(AT, json={"step": "cut"}).status_code == 403
        assert client.delete(f"/v1/jobs/{job.id}").status_code == 403
        seen = 200 if scope == "write" else 403
        assert client.get(f"/v1/jobs/{job.id}").status_code == seen
    assert queue.get(job.id).state == "waiting"


def test_other_jobs_need_the_scope_write(library: Library, queue: SqlJobs) -> None:
    """An admin who may not write sees switches alone."""
    job = queue.add("remove", "default", {"video": "sea"}, by="ann", request_id="r")
    with asking(library, "admin") as client:
        assert client.get(f"/v1/jobs/{job.id}").status_code == 404
        assert client.delete(f"/v1/jobs/{job.id}").status_code == 404
    assert queue.get(job.id).state == "waiting"


def test_a_collection_of_others_has_no_switch(library: Library, queue: SqlJobs) -> None:
    """It is answered as one that does not exist."""
    assert queue.jobs() == []
    with asking(library, "admin", collections=frozenset({"mine"})) as client:
        answers = [client.get(AT), client.post(AT, json={"step": "cut"})]
    assert [answer.status_code for answer in answers] == [404, 404]
