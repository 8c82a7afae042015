"""Two replicas at one version give the same answer to the last bit, however they got to it."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from benchmarks.library import make_library
from clipseek.assembly import open_service
from clipseek.config import Settings

QUERIES = (
    "a red car",
    "two boats on the sea at night, and a bird above them",
    "snow",
    "a house in the snow with a tree to the left of it and a dog before the house",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder of random videos under the demo model, with a snapshot."""
    made = tmp_path_factory.mktemp("library")
    make_library(made)
    return made


@contextmanager
def replica(folder: Path, **settings: Any) -> Iterator[TestClient]:
    """Open a replica over the folder with settings of its own."""
    service = open_service(Settings.load(data_dir=folder, allowed_hosts="testserver", **settings))
    service.collections.ready()
    with TestClient(create_app(service)) as client:
        yield client


def single(client: TestClient, query: str) -> tuple[str, str]:
    """Ask one search; return where its answer came from, and the answer."""
    answer = client.post("/v1/search", json={"query": query})
    return answer.headers["X-Cache"], untimed(answer.json())


def together(client: TestClient, *, limit: int) -> list[str]:
    """Ask all at once, each with another search of this limit after it; return their answers."""
    asked: list[dict[str, Any]] = []
    for query in QUERIES:
        asked += [{"query": query}, {"query": f"{query}, {limit}", "limit": limit}]
    results = client.post("/v1/search/batch", json={"searches": asked}).json()["results"]
    return [untimed(result) for result in results[::2]]


def untimed(answer: dict[str, Any]) -> str:
    """Return an answer as JSON, in which no two numbers look alike, without its time."""
    return json.dumps({name: value for name, value in answer.items() if name != "took_ms"})


@pytest.mark.parametrize("limit", [1, 100])
def test_a_search_alone_and_one_in_a_batch_are_answered_alike(folder: Path, limit: int) -> None:
    """By replicas without a common cache and with other numbers of threads."""
    with replica(folder, threads=1) as one, replica(folder, threads=2) as other:
        alone = [single(one, query) for query in QUERIES]
        assert {source for source, _ in alone} == {"miss"}
        assert [answer for _, answer in alone] == together(other, limit=limit)


def test_an_answer_from_redis_is_that_of_a_replica_without(folder: Path, redis_url: str) -> None:
    """One writes it, one takes it from Redis, and one computes it for itself."""
    with ExitStack() as stack:
        writer, reader = (
            stack.enter_context(
                replica(folder, redis_url=redis_url, redis_timeout_s=5.0, cache_secret="x" * 16)
            )
            for _ in range(2)
        )
        without = stack.enter_context(replica(folder))
        found = [[single(client, q) for client in (writer, reader, without)] for q in QUERIES]
    for answers in found:
        assert [source for source, _ in answers] == ["miss", "hit", "miss"]
        assert len({answer for _, answer in answers}) == 1
