"""Who gets which answer, where it comes from, and what is kept of it."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from api.answering import Answering
from api.app import create_app
from api.computing import Found, key_of
from api.ready_answer import Ready
from clipseek.cache import LocalCache, TieredCache
from clipseek.errors import QueryNotRead
from clipseek.library.view import View
from clipseek.metrics import Metrics
from clipseek.query import Query
from clipseek.service import Service
from clipseek.testing import DictCache, MemoryCatalog, MemoryStore, ToyEmbedder
from tests.api.library import Library, toy_model
from tests.contracts.catalogs import DIM, a_video
from tests.searching import searcher_over


class Faulty(ToyEmbedder):
    """A model that fails at one word."""

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed everything but the fault."""
        if any("fault" in text for text in texts):
            raise ZeroDivisionError
        return super().embed_texts(texts)


@pytest.fixture
def service(library: Library) -> Service:
    """A service with a cache and a model that fails at one word, its collections open."""
    searcher = searcher_over(
        library.catalog,
        library.folder / "snapshots",
        lambda collection: replace(toy_model(collection), embedder=Faulty()),
    )
    searcher.collections.ready()
    return replace(library.service(cache=LocalCache(100, 1 << 20)), searcher=searcher)


def ask(service: Service, *queries: Sequence[Query]) -> list[list[Found]]:
    """Ask for several answers at the same time."""

    async def asked() -> list[list[Found]]:
        answering = Answering(service, Metrics(CollectorRegistry(), service.collections.stats))
        try:
            return await asyncio.gather(*(answering.answer(each) for each in queries))
        finally:
            await answering.close()

    return asyncio.run(asyncio.wait_for(asked(), 20))


def test_equal_searches_at_the_same_time_share_an_answer(service: Service) -> None:
    """The first one's counts as computed; the others hear that they share it."""
    found = ask(service, *[[Query.of("red")]] * 3)
    assert [one.source for (one,) in found] == ["miss", "shared", "shared"]
    assert len({id(one.answer) for (one,) in found}) == 1
    ((again,),) = ask(service, [Query.of("red")])
    assert again.source == "hit"
    assert again.answer == found[0][0].answer


def test_a_fault_is_the_answer_of_its_own_search(service: Service) -> None:
    """The others of the request have theirs."""
    ((red, fault, blue),) = ask(service, [Query.of(q) for q in ("red", "a fault", "blue")])
    assert isinstance(fault.answer, ZeroDivisionError)
    assert {red.source, fault.source, blue.source} == {"miss"}
    assert isinstance(red.answer, Ready)
    assert isinstance(blue.answer, Ready)


def test_an_error_keeps_no_answer_from_the_cache(service: Service) -> None:
    """Whichever comes first in the batch."""
    queries = [Query.of(query) for query in ("???", "red", "?!")]
    ((first, _, last),) = ask(service, queries)
    assert isinstance(first.answer, QueryNotRead)
    assert isinstance(last.answer, QueryNotRead)
    ((first, red, last),) = ask(service, queries)
    assert (first.source, red.source, last.source) == ("miss", "hit", "miss")


def test_a_collection_that_is_not_there_is_an_error_in_its_place(service: Service) -> None:
    """It counts as a search that was computed; those of other collections are answered."""
    client = TestClient(create_app(service))
    searches = [{"query": "red"}, {"query": "red", "collection": "none"}]
    red, none = client.post("/v1/search/batch", json={"searches": searches}).json()["results"]
    assert red["hits"]
    assert none["problem"]["type"] == "/problems/collection-not-found"
    shown = client.get("/metrics").text
    sources = re.findall(r'clipseek_search_answers_total\{source="(\w+)"\} (\S+)', shown)
    assert dict(sources) == {"miss": "2.0"}


def test_replicas_of_other_libraries_do_not_share_answers(tmp_path: Path) -> None:
    """Where they share a cache by mistake: of one version, but with another past."""
    shared = DictCache()
    for name in ("harbour", "forest"):
        (tmp_path / name).mkdir()
        library = Library(tmp_path / name, MemoryCatalog())
        library.add(f"{name}.mp4", ["red"])
        client = TestClient(create_app(library.service(cache=shared)))
        answer = client.post("/v1/search", json={"query": "red"})
        assert [hit["video"]["id"] for hit in answer.json()["hits"]] == [name]
        assert answer.headers["X-Cache"] == "miss"


def test_the_links_of_an_answer_lead_to_what_they_name(library: Library) -> None:
    """From the cache or not."""
    client = TestClient(create_app(library.service(cache=LocalCache(100, 1 << 20))))
    for _ in range(2):
        hits = client.post("/v1/search", json={"query": "red"}).json()["hits"]
        assert hits
        for hit in hits:
            picture = client.get(hit["thumbnail_url"])
            assert (picture.status_code, picture.headers["Content-Type"]) == (200, "image/jpeg")
            video = client.get(hit["play_url"])
            assert (video.status_code, video.headers["Content-Type"]) == (200, "video/mp4")


def test_a_replica_has_the_answers_of_another_from_behind_its_own_cache(library: Library) -> None:
    """What it computed itself is nearer."""
    shared, sources = DictCache(), []
    for _ in range(2):
        service = library.service(cache=TieredCache(LocalCache(100, 1 << 20), shared))
        client = TestClient(create_app(service))
        sources += [
            client.post("/v1/search", json={"query": "red"}).headers["X-Cache"] for _ in range(2)
        ]
    assert sources == ["miss", "hit", "hit", "hit"]


def test_an_answer_is_kept_for_one_version_alone() -> None:
    """And for one query, one past of the collection and one root of links."""
    catalog = MemoryCatalog()
    catalog.ensure_collection("default", "toy", DIM, "print")
    a_video("a").put_into(catalog)
    first = View.open(catalog, MemoryStore(), "default")
    a_video("b").put_into(catalog)
    second = first.refresh(catalog, MemoryStore())
    red, blue = Query.of("red"), Query.of("blue")
    assert key_of(first, red, "") == key_of(first, Query.of("red"), "")
    others = [(second, red, ""), (first, blue, ""), (first, red, "/clips")]
    assert len({key_of(*of) for of in [(first, red, ""), *others]}) == 4
