"""The traffic over HTTP: what this server has answered, for those who may administer all of it."""

from dataclasses import dataclass, field

from fastapi import FastAPI
from fastapi.testclient import TestClient

from clipseek.traffic import STEP_S, Traffic
from tests.api.library import Library
from tests.api.test_permissions import asking


@dataclass
class Clock:
    """A clock that is told what time it is."""

    now: float = field(default=1_000_000_000.0)

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_requests_and_searches_are_counted(client: TestClient) -> None:
    """By steps that are over, with an estimate of how long searches took."""
    clock = Clock()
    app = client.app
    assert isinstance(app, FastAPI)
    app.state.metrics.traffic = Traffic(clock)
    assert client.post("/v1/search", json={"query": "red"}).status_code == 200
    assert client.post("/v1/search", json={"query": ""}).status_code == 422
    assert client.get("/v1/videos").status_code == 200
    assert client.get("/v1/traffic").json()["steps"] == []
    clock.now += STEP_S
    told = client.get("/v1/traffic").json()
    assert told["step_seconds"] == STEP_S
    (step,) = told["steps"]
    assert step["at"] == "2001-09-09T01:46:40Z"
    assert (step["requests"], step["failures"], step["searches"]) == (3, 0, 1)
    assert 0 < step["p50_seconds"] <= step["p95_seconds"] < 10
    assert told["replica"] == client.get("/v1/traffic").json()["replica"]


def test_traffic_needs_the_scope_admin_and_all_collections(library: Library) -> None:
    """It is that of everybody."""
    with asking(library, "search", "write") as client:
        assert client.get("/v1/traffic").status_code == 403
    with asking(library, "admin", collections=frozenset({"default"})) as client:
        assert client.get("/v1/traffic").status_code == 403
    with asking(library, "admin") as client:
        assert client.get("/v1/traffic").status_code == 200
