"""Ready answers: what a cache gives back, for whom, and for how long."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from api.app import create_app
from clipseek.cache import LocalCache, TieredCache
from clipseek.protocols import Cache
from clipseek.service import Service
from clipseek.testing import DictCache, ToyEmbedder
from tests.api.library import Library, toy_model
from tests.searching import searcher_over

BLUE = {"query": "blue"}
CACHES: dict[str, Callable[[], Cache]] = {
    "local": lambda: LocalCache(100, 1 << 20),
    "shared": DictCache,
    "tiered": lambda: TieredCache(LocalCache(100, 1 << 20), DictCache()),
}


@pytest.fixture(params=CACHES)
def service(library: Library, request: pytest.FixtureRequest) -> Service:
    """Return a service with a cache; its views change when they are told to."""
    return library.service(cache=CACHES[request.param]())


@pytest.fixture
def cached(service: Service) -> TestClient:
    """Return a client of an application with a cache."""
    service.collections.ready()
    return TestClient(create_app(service), raise_server_exceptions=False)


def found(answer: Any) -> dict[str, Any]:
    """Return an answer without the time that it took."""
    body: dict[str, Any] = answer.json()
    assert body.pop("took_ms") >= 0
    return body


def test_each_query_is_cut_at_its_own_place(cached: TestClient) -> None:
    """Queries that differ in white space share an answer, and are not of the same length."""
    one, other = " ".join(["red"] * 60), "  ".join(["red"] * 60)
    for query, at in ((one, 159), (other, 198), (one, 159)):
        answer = cached.post("/v1/search", json={"query": query})
        assert answer.json()["truncated_at"] == at
    assert answer.headers["X-Cache"] == "hit"


def test_a_second_equal_search_has_the_same_answer_from_the_cache(cached: TestClient) -> None:
    """Only its time differs."""
    first, second = (cached.post("/v1/search", json={"query": "red"}) for _ in range(2))
    assert [first.headers["X-Cache"], second.headers["X-Cache"]] == ["miss", "hit"]
    assert found(first) == found(second)
    assert first.headers["ETag"] == second.headers["ETag"]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"query": "blue"}, id="query"),
        pytest.param({"query": "red", "limit": 1}, id="limit"),
        pytest.param({"query": "red", "min_relevance": 0.5}, id="relevance"),
        pytest.param({"query": "red", "filter": {"tags": ["city"]}}, id="tags"),
        pytest.param({"query": "red", "filter": {"video_ids": ["sea"]}}, id="videos"),
    ],
)
def test_a_search_that_differs_has_its_own_answer(
    cached: TestClient, other: dict[str, Any]
) -> None:
    """Whatever the difference is."""
    red = cached.post("/v1/search", json={"query": "red"})
    answer = cached.post("/v1/search", json=other)
    assert answer.headers["X-Cache"] == "miss"
    assert answer.headers["ETag"] != red.headers["ETag"]


def test_white_space_makes_no_difference_but_is_given_back(cached: TestClient) -> None:
    """The answer repeats the query as it was asked, and is another representation."""
    first = cached.post("/v1/search", json={"query": "deep red"})
    second = cached.post("/v1/search", json={"query": "deep   red"})
    assert second.headers["X-Cache"] == "hit"
    assert second.json()["query"] == "deep   red"
    assert second.json()["hits"] == first.json()["hits"]
    assert second.headers["ETag"] != first.headers["ETag"]


def test_an_answer_is_not_given_for_another_version(
    library: Library, service: Service, cached: TestClient
) -> None:
    """A new video is found as soon as it is searchable."""
    cached.post("/v1/search", json={"query": "violet"})
    library.add("new.mp4", ["violet"])
    service.collections.refresh()
    answer = cached.post("/v1/search", json={"query": "violet"})
    assert answer.headers["X-Cache"] == "miss"
    assert answer.json()["hits"][0]["video"]["id"] == "new"


def test_an_error_is_not_kept(library: Library, cached: TestClient) -> None:
    """It may be gone the next time."""
    asked = {"query": "blue", "collection": "archive"}
    assert cached.post("/v1/search", json=asked).status_code == 404
    library.add("storm.mp4", ["blue"], collection="archive")
    assert cached.post("/v1/search", json=asked).status_code == 200


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_an_answer_that_the_client_has_is_not_sent_again(cached: TestClient, form: str) -> None:
    """By If-None-Match, from the cache or not."""
    plain = {"Accept-Encoding": "identity"}  # a compressed answer has a weak tag
    etag = cached.post("/v1/search", json={"query": "red"}, headers=plain).headers["ETag"]
    headers = {**plain, "If-None-Match": form.format(etag)}
    answer = cached.post("/v1/search", json={"query": "red"}, headers=headers)
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["ETag"].removeprefix("W/") == etag


def test_another_answer_is_sent(cached: TestClient) -> None:
    """An entity tag of another answer does not hold it back."""
    headers = {"If-None-Match": '"00"'}
    assert cached.post("/v1/search", json={"query": "red"}, headers=headers).status_code == 200


def test_a_batch_takes_and_leaves_ready_answers(cached: TestClient) -> None:
    """They are the same ones as of single searches."""
    red = found(cached.post("/v1/search", json={"query": "red"}))
    searches = [{"query": "red"}, {"query": "blue"}]
    results = cached.post("/v1/search/batch", json={"searches": searches}).json()["results"]
    results[0].pop("took_ms")
    assert results[0] == red
    assert cached.post("/v1/search", json={"query": "blue"}).headers["X-Cache"] == "hit"


def test_a_replica_takes_the_answers_of_another(library: Library) -> None:
    """By the cache that they share."""
    shared, sources = DictCache(), []
    for _ in range(2):
        service = library.service(cache=shared)
        service.collections.ready()
        client = TestClient(create_app(service))
        sources.append(client.post("/v1/search", json={"query": "red"}).headers["X-Cache"])
    assert sources == ["miss", "hit"]


class _Overtaken(DictCache):
    """A cache that takes so long, the first time, that the collection changes meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: list[Callable[[], None]] = []

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Look up, after what happens meanwhile."""
        while self.meanwhile:
            self.meanwhile.pop()()
        return super().get_many(keys)


def test_an_answer_is_of_the_version_that_was_looked_up(library: Library) -> None:
    """A video comes while a replica searches: the answer, kept for all, shows the state before."""
    shared = _Overtaken()
    ahead, behind = (library.service(cache=shared) for _ in range(2))
    clients = []
    for service in (ahead, behind):
        service.collections.ready()
        clients.append(TestClient(create_app(service)))

    def meanwhile() -> None:
        library.add("new.mp4", ["red"])
        ahead.searcher.collections.refresh()

    shared.meanwhile.append(meanwhile)
    asked = (*clients, clients[0])
    one, other, late = (client.post("/v1/search", json={"query": "red"}).json() for client in asked)
    assert one["version"] == other["version"] == late["version"] - 1
    for early in (one, other):
        assert "new" not in {hit["video"]["id"] for hit in early["hits"]}
    assert "new" in {hit["video"]["id"] for hit in late["hits"]}


class _Held(ToyEmbedder):
    """A model that takes its time for everything blue."""

    def __init__(self) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed, when it is let go on."""
        if "blue" in texts:
            self.begun.set()
            assert self.let_go.wait(20)
        return super().embed_texts(texts)


def test_an_answer_at_hand_waits_for_no_other_search(library: Library) -> None:
    """It is given while the model is busy with another one."""
    held = _Held()
    searcher = searcher_over(
        library.catalog,
        library.folder / "snapshots",
        lambda collection: replace(toy_model(collection), embedder=held),
    )
    service = replace(library.service(cache=LocalCache(100, 1 << 20)), searcher=searcher)
    with TestClient(create_app(service)) as client:
        assert client.post("/v1/search", json={"query": "red"}).headers["X-Cache"] == "miss"
        busy = threading.Thread(target=client.post, args=["/v1/search"], kwargs={"json": BLUE})
        busy.start()
        try:
            assert held.begun.wait(20)
            assert client.post("/v1/search", json={"query": "red"}).headers["X-Cache"] == "hit"
            assert busy.is_alive()
        finally:
            held.let_go.set()
            busy.join()
