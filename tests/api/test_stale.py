"""Searches while the database is away: answered, marked, counted, and kept by no cache."""

import re
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from clipseek.cache import LocalCache, TieredCache
from clipseek.errors import ServiceUnavailable
from clipseek.model import Model
from clipseek.service import Service
from clipseek.testing import DictCache, MemoryCatalog
from clipseek.types import Collection
from tests.api.library import Library, toy_model
from tests.clock import Clock
from tests.core.test_search import EMBEDDER, _put
from tests.core.test_stale_views import LATE_S, STALE_S, Catalog
from tests.searching import searcher_over

AWAY = ServiceUnavailable("the database is away")


class Away(Catalog):
    """A catalog of which probes notice, too, that it is out of reach."""

    def check(self) -> None:
        """Raise if it is."""
        self._reach()

    def collections(self) -> list[Collection]:
        """Return all, if it can be reached."""
        self._reach()
        return super().collections()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the views and the threads."""
    clock = Clock(100.0)
    for module in ("library.views", "threads"):
        monkeypatch.setattr(f"clipseek.{module}.monotonic", clock)
    return clock


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Two videos over a catalog that can be out of reach."""
    library = Library(tmp_path, Away())
    library.add("dusk.mp4", ["red"], tags=("night",))
    library.add("sea.mp4", ["blue"])
    return library


@pytest.fixture
def shared() -> DictCache:
    """The cache that replicas share."""
    return DictCache()


@pytest.fixture
def service(library: Library, shared: DictCache, clock: Clock) -> Service:
    """A service that looks for changes when it is told to, and may answer from stale views."""
    assert clock.now == 100
    searcher = searcher_over(
        library.catalog, library.folder / "snapshots", toy_model, refresh_s=1, stale_s=STALE_S
    )
    service = library.service(cache=TieredCache(LocalCache(100, 1 << 20), shared))
    return replace(service, searcher=searcher)


@pytest.fixture
def client(service: Service) -> TestClient:
    """A client of a server whose database has just died; its threads do not run."""
    client = TestClient(create_app(service), raise_server_exceptions=False)
    assert client.get("/readyz").status_code == 200
    return client


def die(service: Service, clock: Clock, seconds: float) -> None:
    """Let the database be away for so long."""
    assert isinstance(service.catalog, Away)
    service.catalog.error = AWAY
    clock.now += seconds
    with pytest.raises(ServiceUnavailable):
        service.collections.refresh()


def ask(client: TestClient, query: str = "red", **more: Any) -> Any:
    """Search."""
    return client.post("/v1/search", json={"query": query, **more})


def test_a_fresh_answer_says_so(client: TestClient) -> None:
    """`stale` is always a field, and there is no age."""
    answer = ask(client)
    assert (answer.json()["stale"], answer.json()["age_s"]) == (False, None)
    assert "ETag" in answer.headers


def test_a_stale_answer_says_how_old_it_is(
    client: TestClient, service: Service, clock: Clock
) -> None:
    """The same hits as before, and no ETag, for the same answer is not as good later."""
    before = ask(client)
    die(service, clock, LATE_S + 5)
    after = ask(client, query="red")
    assert (after.json()["stale"], after.json()["age_s"]) == (True, LATE_S + 5)
    assert after.json()["hits"] == before.json()["hits"]
    assert "ETag" not in after.headers
    held = client.post(
        "/v1/search",
        json={"query": "red"},
        headers={"If-None-Match": before.headers["ETag"]},
    )
    assert held.status_code == 200


def test_each_search_of_a_batch_says_it(client: TestClient, service: Service, clock: Clock) -> None:
    """Also one with tags, which a view knows."""
    die(service, clock, LATE_S + 5)
    searches = [{"query": "red"}, {"query": "red", "filter": {"tags": ["night"]}}]
    answer = client.post("/v1/search/batch", json={"searches": searches})
    plain, tagged = answer.json()["results"]
    for result in (plain, tagged):
        assert (result["stale"], result["age_s"]) == (True, LATE_S + 5)
    assert [hit["video"]["id"] for hit in tagged["hits"]] == ["dusk"]


def test_stale_answers_are_kept_by_no_cache(
    client: TestClient, service: Service, clock: Clock, shared: DictCache
) -> None:
    """What a cache has of this version is served, marked; nothing is added."""
    ask(client, "red")
    kept = set(shared.entries)
    die(service, clock, LATE_S + 5)
    assert ask(client, "red").headers["X-Cache"] == "hit"
    assert ask(client, "red").json()["stale"]
    assert [ask(client, "blue").headers["X-Cache"] for _ in range(2)] == ["miss", "miss"]
    assert {key for key in set(shared.entries) - kept if key.startswith("result")} == set()


def test_an_answer_of_another_replica_is_marked_too(
    client: TestClient, service: Service, library: Library, clock: Clock, shared: DictCache
) -> None:
    """What the shared cache has of this version is as old as the view that it is given for."""
    other = library.service(cache=TieredCache(LocalCache(100, 1 << 20), shared))
    other.collections.ready()
    assert ask(TestClient(create_app(other))).headers["X-Cache"] == "miss"
    die(service, clock, LATE_S + 5)
    answer = ask(client)
    assert answer.headers["X-Cache"] == "hit"
    assert (answer.json()["stale"], answer.json()["age_s"]) == (True, LATE_S + 5)


def test_searches_end_when_the_view_is_too_old(
    client: TestClient, service: Service, clock: Clock
) -> None:
    """Then they are refused, whether a cache has the answer or not, and come back by themselves."""
    ask(client)
    die(service, clock, LATE_S + STALE_S + 0.001)
    answer = ask(client)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert isinstance(service.catalog, Away)
    service.catalog.error = None
    assert ask(client).json()["stale"] is False


def test_a_server_is_ready_for_as_long_as_searches_go_on(
    client: TestClient, service: Service, clock: Clock
) -> None:
    """Otherwise a cluster would take all its replicas out while PostgreSQL restarts."""
    die(service, clock, LATE_S + 5)
    assert client.get("/readyz").status_code == 200
    die(service, clock, STALE_S)
    assert client.get("/readyz").status_code == 503


def test_what_is_stale_is_counted(client: TestClient, service: Service, clock: Clock) -> None:
    """Alerts and dashboards show it."""
    ask(client)
    die(service, clock, LATE_S + 5)
    for _ in range(2):
        ask(client)
    shown = client.get("/metrics").text
    assert "\nclipseek_stale_answers_total 2.0\n" in shown
    assert f'\nclipseek_index_view_age_seconds{{collection="default"}} {LATE_S + 5}\n' in shown


def test_a_server_whose_views_are_not_refreshed_is_not_ready(
    library: Library, clock: Clock
) -> None:
    """A thread that only fails shows its age, and then the server is taken out."""
    service = library.service(refresh_limit_s=40)
    application = create_app(service)
    service.collections.refreshing.start()
    try:
        client = TestClient(application)
        assert client.get("/readyz").status_code == 200
        clock.now += 41
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/service-unavailable")
        assert "41 s" in answer.json()["detail"]
        shown = client.get("/metrics").text
        ages = re.findall(r'clipseek_thread_age_seconds\{thread="(\w+)"\} (\S+)', shown)
        assert ages == [("refresh", "41.0")]
    finally:
        service.collections.close()


def test_a_database_without_a_word_holds_searches_up_once(
    library: Library, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the connection and never answers: searches go on, and others do not wait for it."""
    searcher = searcher_over(
        library.catalog, library.folder / "snapshots", toy_model, refresh_s=1, stale_s=STALE_S
    )
    service = replace(library.service(), searcher=searcher)
    let_go, collection = threading.Event(), library.catalog.collection
    with TestClient(create_app(service)) as client:
        assert client.get("/readyz").status_code == 200

        def silent(name: str) -> Collection:
            assert let_go.wait(20)
            return collection(name)

        monkeypatch.setattr(library.catalog, "collection", silent)
        clock.now += LATE_S + 5
        try:
            assert [ask(client, query).json()["stale"] for query in ("red", "blue")] == [True] * 2
        finally:
            let_go.set()


class Restarting(MemoryCatalog):
    """A catalog that answers after some attempts."""

    attempts = 0

    def counts(self, collection: str) -> tuple[int, int, float]:
        """Count, when it is back."""
        self.attempts -= 1
        if self.attempts >= 0:
            raise AWAY
        return super().counts(collection)


@pytest.mark.parametrize(
    ("attempts", "stale_s", "status"),
    [
        pytest.param(2, 30, 200, id="back in time"),
        pytest.param(1000, 30, 503, id="away for longer"),
        pytest.param(2, 0, 503, id="nothing goes on"),
    ],
)
def test_lists_wait_a_moment_for_the_database(
    tmp_path: Path, attempts: int, stale_s: float, status: int
) -> None:
    """A restart fails none of them; a longer outage is told after some attempts."""
    catalog = Restarting()
    library = Library(tmp_path, catalog)
    library.add("dusk.mp4", ["red"])
    client = TestClient(create_app(library.service(stale_s=stale_s)))
    catalog.attempts = attempts
    assert client.get("/v1/collections").status_code == status
    assert attempts - catalog.attempts <= 12


@dataclass
class _Slow:
    """Loads models; that of the collection `slow` only when it is let go on."""

    begun: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)

    def load(self, collection: Collection) -> Model:
        """Load a model."""
        if collection.name == "slow":
            self.begun.set()
            assert self.let_go.wait(20)
        return toy_model(collection)

    def service(self, library: Library, **settings: Any) -> Service:
        """Return a service over the library and the slow collection."""
        catalog = library.catalog
        catalog.ensure_collection("slow", "toy", EMBEDDER.dim, "0" * 64)
        _put(catalog, "storm", ["red"], collection="slow")
        searcher = searcher_over(catalog, library.folder / "snapshots", self.load)
        return replace(library.service(**settings), searcher=searcher)


def test_a_model_that_is_loaded_holds_no_other_collection(library: Library) -> None:
    """Not even where more searches wait for it than there are threads that search or open."""
    slow = _Slow()
    answers: list[int] = []
    with TestClient(create_app(slow.service(library))) as client:

        def wait() -> None:
            answers.append(ask(client, collection="slow").status_code)

        waiting = [threading.Thread(target=wait) for _ in range(12)]
        for thread in waiting:
            thread.start()
        try:
            assert slow.begun.wait(20)
            library.add("late.mp4", ["red"], collection="late")
            assert ask(client, collection="late").status_code == 200
            assert ask(client).status_code == 200
            assert not answers
        finally:
            slow.let_go.set()
            for thread in waiting:
                thread.join()
    assert answers == [200] * 12


def test_a_collection_that_takes_too_long_to_open_refuses_searches(library: Library) -> None:
    """At the deadline, and is searched once it is open."""
    slow = _Slow()
    with TestClient(create_app(slow.service(library, search_deadline_s=0.6))) as client:
        try:
            answer = ask(client, collection="slow")
            assert (answer.status_code, answer.headers["Retry-After"]) == (504, "1")
            assert answer.json()["type"] == "/problems/deadline-exceeded"
            said = "collection slow was being opened for 0.6 s; ask again"
            assert answer.json()["detail"] == said
            shown = client.get("/metrics").text
            assert '\nclipseek_searches_shed_total{reason="deadline"} 1.0\n' in shown
        finally:
            slow.let_go.set()
        assert ask(client, collection="slow").status_code == 200
