"""A region that reads a standby of the catalog: it serves, and says how far it is behind."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from api.app import create_app
from api.lag import Lag
from clipseek.assembly import open_service
from clipseek.catalog.standby import Standby
from clipseek.config import Settings
from tests.contracts import standby
from tests.contracts.postgres import Server
from tests.e2e.conftest import Library

WAIT_S = 60.0


def until(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


@pytest.fixture
def closes() -> Iterator[ExitStack]:
    """What is to be closed at the end."""
    with ExitStack() as stack:
        yield stack


class Told:
    """A standby that says what it is given."""

    def __init__(self, said: float | None) -> None:
        self._said = said

    def lag_s(self) -> float | None:
        """Say it."""
        return self._said

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        pytest.param(None, None, id="not a standby"),
        pytest.param(0.0, 0.0, id="follows"),
        pytest.param(7.5, 7.5, id="behind"),
    ],
)
def test_the_lag_is_a_metric_of_a_standby_alone(
    said: float | None, shown: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it was asked for last; before that, and without an answer, there is none."""
    monkeypatch.setattr("api.lag.PAUSE_S", 0.01)
    lag, registry = Lag(Told(said)), CollectorRegistry()
    registry.register(lag)
    assert registry.get_sample_value("clipseek_catalog_lag_seconds") is None
    lag.measuring.start()
    until(lambda: lag.measuring.age_s is not None)
    try:
        until(lambda: registry.get_sample_value("clipseek_catalog_lag_seconds") == shown)
    finally:
        lag.close()


def test_what_is_written_is_not_behind(postgres_url: str, tmp_path: Path) -> None:
    """A PostgreSQL that follows no other one, and a file."""
    for url in (postgres_url, f"sqlite:///{tmp_path / 'none.db'}"):
        with closing(Standby.open(url)) as asked:
            assert asked.lag_s() is None


@pytest.fixture
def region(postgres_server: Server) -> Iterator[Server]:
    """A standby of the server of the tests."""
    with standby.following(postgres_server) as follower:
        yield follower


@pytest.mark.long
def test_a_standby_serves_and_says_how_far_it_is_behind(
    shared_library: Library,
    postgres_server: Server,
    region: Server,
    bare_postgres_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    closes: ExitStack,
) -> None:
    """By a role with SELECT alone; what is written elsewhere is found here, and a write is refused.

    While the replay is halted, answers are those of the version before, and the lag grows.
    """
    name = bare_postgres_url.rpartition("/")[2]
    monkeypatch.setenv("CLIPSEEK_DATABASE_URL", bare_postgres_url)
    writing = Library(shared_library.videos, tmp_path / "data")
    first, second = sorted(map(str, shared_library.videos.glob("*.mp4")))[:2]
    assert writing.run("ingest", first, "--model", "demo") == 0
    right = "SELECT ON ALL TABLES IN SCHEMA public"
    reading = postgres_server.url_of_role(bare_postgres_url, right)
    role = reading.split("//")[1].partition("@")[0]
    there = region.url(name, user=role)
    with closing(Standby.open(bare_postgres_url)) as primary:
        assert primary.lag_s() is None
    here = closes.enter_context(closing(Standby.open(there)))

    def lag() -> float:
        found = here.lag_s()
        assert found is not None
        return found

    def known() -> bool:
        with psycopg.connect(region.url(name)) as connection:
            row = connection.execute("SELECT count(*) FROM pg_roles WHERE rolname = %s", [role])
            return row.fetchone() == (1,)

    until(known)
    until(lambda: lag() == 0.0)
    settings = Settings.load(
        data_dir=writing.data_dir,
        database_url=there,
        allowed_hosts="testserver",
        access="everyone",
        refresh_s=0.1,
    )
    with TestClient(create_app(open_service(settings))) as client:
        until(lambda: client.get("/readyz").status_code == 200)

        def hits() -> dict[str, object]:
            answer = client.post("/v1/search", json={"query": "a red car"})
            assert answer.status_code == 200
            found: dict[str, object] = answer.json()
            return found

        assert hits()["version"] == 1
        until(lambda: "clipseek_catalog_lag_seconds 0.0" in client.get("/metrics").text)
        region.run("SELECT pg_wal_replay_pause()")
        assert writing.run("ingest", second, "--model", "demo") == 0
        until(lambda: lag() > 0)
        before = lag()
        until(lambda: lag() > before)
        assert hits()["version"] == 1
        region.run("SELECT pg_wal_replay_resume()")
        until(lambda: lag() == 0.0)
        until(lambda: hits()["version"] == 2)
        video = client.get("/v1/videos").json()["videos"][0]["id"]
        refused = client.delete(f"/v1/videos/{video}")
        assert refused.status_code == 503
        assert len(client.get("/v1/videos").json()["videos"]) == 2
