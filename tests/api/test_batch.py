"""POST /v1/search/batch: each search has its own answer."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from api.app import create_app
from clipseek.testing import ToyEmbedder
from tests.api.library import Library, toy_model
from tests.searching import searcher_over


def test_a_batch_equals_its_searches(client: TestClient) -> None:
    """The same hits come as by single searches, in the order of the searches."""
    searches = [{"query": "red"}, {"query": "blue", "limit": 1}, {"query": "green"}]
    batch = client.post("/v1/search/batch", json={"searches": searches}).json()["results"]
    singles = [client.post("/v1/search", json=search).json() for search in searches]
    assert [answer["hits"] for answer in batch] == [answer["hits"] for answer in singles]


def test_searches_of_a_batch_have_an_order_groups_and_facets(client: TestClient) -> None:
    """Each its own, as single searches have; what is wrong with one is its problem."""
    searches = [
        {"query": "red", "sort": "time", "group_by": "video", "facets": ["tag", "folder"]},
        {"query": "red", "sort": "size"},
    ]
    found, wrong = client.post("/v1/search/batch", json={"searches": searches}).json()["results"]
    single = client.post("/v1/search", json=searches[0]).json()
    assert (found["hits"], found["facets"]) == (single["hits"], single["facets"])
    titles = [hit["video"]["title"] for hit in found["hits"]]
    assert titles == ["dusk", "traffic", "sea"]  # the last one does not match
    assert {hit["more_in_video"] for hit in found["hits"]} == {0}
    matching = found["total_videos"]
    assert found["facets"]["tag"] == {
        "values": [{"value": "city", "videos": matching}, {"value": "night", "videos": 1}],
        "more": False,
    }
    assert wrong["problem"]["detail"] == ("sort must be one of relevance, time, newest, got 'size'")


def test_a_wrong_search_has_its_own_problem(client: TestClient) -> None:
    """The others keep their answers."""
    searches = [{"query": "red"}, {"query": ""}, {"query": "red", "collection": "no"}, 3]
    results = client.post("/v1/search/batch", json={"searches": searches}).json()["results"]
    assert len(results[0]["hits"]) > 0
    assert [result["problem"]["type"] for result in results[1:]] == [
        "/problems/invalid-query",
        "/problems/collection-not-found",
        "/problems/invalid-query",
    ]


def test_a_problem_points_at_its_search(client: TestClient) -> None:
    """`instance` ends in a JSON pointer (RFC 6901) to the search, and the id is the request's."""
    answer = client.post("/v1/search/batch", json={"searches": [{"query": "red"}, {}]})
    problem = answer.json()["results"][1]["problem"]
    assert problem["instance"] == "/v1/search/batch#/searches/1"
    assert problem["detail"] == "query is required, or `like`, `image`, `image_url` or `parts`"
    assert problem["request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        pytest.param({}, "searches is required", id="missing"),
        pytest.param(
            {"searches": []},
            "searches must be a list of 1 to 256 searches, got 0 items",
            id="empty",
        ),
        pytest.param(
            {"searches": [{"query": "a"}] * 257},
            "searches must be a list of 1 to 256 searches, got 257 items",
            id="257",
        ),
        pytest.param(
            {"searches": {"query": "a"}},
            "searches must be a list of 1 to 256 searches, got an object",
            id="object",
        ),
        pytest.param({"searches": [{}], "limit": 1}, "limit is not a known field", id="unknown"),
    ],
)
def test_a_wrong_envelope_is_refused(client: TestClient, body: object, detail: str) -> None:
    """The list itself is held to its limits."""
    answer = client.post("/v1/search/batch", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (422, detail)


def test_the_largest_batch_is_answered(client: TestClient) -> None:
    """256 searches fit."""
    answer = client.post("/v1/search/batch", json={"searches": [{"query": "red"}] * 256})
    assert len(answer.json()["results"]) == 256


def test_collections_may_be_mixed(library: Library, client: TestClient) -> None:
    """Each search looks in its own collection."""
    library.add("storm.mp4", ["blue"], collection="archive")
    searches = [{"query": "blue"}, {"query": "blue", "collection": "archive"}]
    results = client.post("/v1/search/batch", json={"searches": searches}).json()["results"]
    assert [result["hits"][0]["video"]["id"] for result in results] == ["sea", "storm"]


def test_nothing_indexed_is_each_search_s_problem(empty_client: TestClient) -> None:
    """The envelope is right, so the request is answered."""
    answer = empty_client.post("/v1/search/batch", json={"searches": [{"query": "red"}]})
    assert answer.status_code == 200
    assert answer.json()["results"][0]["problem"]["status"] == 409


class FaultyEmbedder(ToyEmbedder):
    """Fails with any batch that holds one word, as a runtime does at an input it cannot bear."""

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed, or fail."""
        if "poison" in texts:
            raise ZeroDivisionError("secret")
        return super().embed_texts(texts)


def test_a_search_that_brings_the_server_to_fail_has_its_own_problem(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    """The others of the request are answered; the log has the traceback, the client has not."""
    model = replace(toy_model(library.catalog.collection("default")), embedder=FaultyEmbedder())
    searcher = searcher_over(library.catalog, library.folder / "snapshots", lambda _: model)
    service = replace(library.service(), searcher=searcher)
    searches = [{"query": query} for query in ("red", "poison", "blue")]
    with TestClient(create_app(service)) as client:
        answer = client.post("/v1/search/batch", json={"searches": searches})
        assert client.post("/v1/search", json={"query": "red"}).status_code == 200
        assert client.post("/v1/search", json={"query": "poison"}).status_code == 500
    first, fault, last = answer.json()["results"]
    assert (first["hits"][0]["video"]["id"], last["hits"][0]["video"]["id"]) == ("dusk", "sea")
    assert fault["problem"]["type"] == "/problems/internal-error"
    assert "secret" not in answer.text
    assert answer.headers["X-Request-ID"] in caplog.text
    assert "Traceback" in caplog.text
