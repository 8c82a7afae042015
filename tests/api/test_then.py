"""POST /v1/search with `then`: what must follow in the same video."""

from inspect import signature
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.schemas import SearchAnswer
from api.search_schemas import Then
from clipseek.query import WITHIN_S
from clipseek_client.mcp_server import Tools
from indexer import search_options
from tests.api.test_image import _image

THEN: Any = {"query": "blue", "within": 3}


@pytest.fixture(scope="module")
def client(shared_client: TestClient) -> TestClient:
    """Return a client that all tests of this file share."""
    return shared_client


def _asked(client: TestClient, body: Any) -> Any:
    answer = client.post("/v1/search", json=body)
    assert answer.status_code == 200, answer.text
    read = SearchAnswer.model_validate_json(answer.content, strict=True)
    written = read.model_dump_json(exclude={"hits": {"__all__": {"fields", "segment_tags"}}})
    assert written.partition('"took_ms"')[0] == answer.text.partition('"took_ms"')[0]
    return answer.json()


def test_a_hit_is_the_span_of_its_steps(client: TestClient) -> None:
    """Red, then blue is in one video, and its pictures are there."""
    hit = _asked(client, {"query": "red", "then": THEN})["hits"][0]
    assert (hit["video"]["id"], hit["start"], hit["end"]) == ("traffic", 0, 6)
    assert hit["play_url"].endswith("#t=0,6")
    assert [(step["start"], step["end"]) for step in hit["steps"]] == [(0, 2), (4, 6)]
    assert hit["relevance"] == min(step["relevance"] for step in hit["steps"])
    for step in hit["steps"]:
        assert client.get(step["thumbnail_url"]).status_code == 200


def test_the_reversed_order_is_absent(client: TestClient) -> None:
    """With a least relevance nothing is found."""
    body = {"query": "blue", "then": {"query": "red", "within": 9}, "min_relevance": 0.5}
    assert _asked(client, body)["hits"] == []


def test_steps_can_have_parts_pictures_and_steps(client: TestClient) -> None:
    """In a request of its own; without pictures also in a batch."""
    deeper = {"parts": [{"text": "green"}, {"text": "red", "weight": -1}], "within": 1}
    body = {"query": "red", "then": {**deeper, "then": {"image": _image("blue"), "within": 1}}}
    hit = _asked(client, body)["hits"][0]
    assert [step["start"] for step in hit["steps"]] == [0, 2, 4]
    assert [step["relevance"] is None for step in hit["steps"]] == [False, False, True]
    searches = [{"query": "red", "then": deeper}, body]
    results = client.post("/v1/search/batch", json={"searches": searches}).json()["results"]
    assert results[0]["hits"] == _asked(client, searches[0])["hits"]
    assert results[1]["problem"]["detail"] == (
        "then must be sent in a request of its own, to POST /v1/search"
    )


def test_a_step_follows_within_ten_seconds_unless_another_time_is_asked_for(
    client: TestClient,
) -> None:
    """The same answer as with 10, from the API, the command and the MCP server."""
    named = _asked(client, {"query": "red", "then": {"query": "blue", "within": 10}})
    assert _asked(client, {"query": "red", "then": {"query": "blue"}})["hits"] == named["hits"]
    assert Then(query="blue").within == WITHIN_S == search_options.WITHIN_S == 10
    assert signature(Tools.search).parameters["within"].default == WITHIN_S


def test_a_plain_hit_has_no_steps(client: TestClient) -> None:
    """The field is there, and null."""
    assert {hit["steps"] for hit in _asked(client, {"query": "red"})["hits"]} == {None}


@pytest.mark.parametrize(
    ("then", "detail"),
    [
        pytest.param(
            {"query": "blue", "within": 0},
            "then.within must be a number of seconds, more than 0 and at most 3600, got 0",
            id="0 seconds",
        ),
        pytest.param(
            {"query": "blue", "within": "5"},
            "then.within must be a number of seconds, more than 0 and at most 3600, got '5'",
            id="text",
        ),
        pytest.param(
            {"within": 5},
            "then.query is required, or `like`, `image`, `image_url` or `parts`",
            id="no query",
        ),
        pytest.param(
            {**THEN, "then": {**THEN, "then": {**THEN, "then": THEN}}},
            "then must be nested at most 3 times, got 4",
            id="too deep",
        ),
        pytest.param(
            {**THEN, "limit": 5}, "then.limit is not a known field", id="a field of the whole"
        ),
        pytest.param(
            {**THEN, "then": {"query": "red", "within": -1}},
            "then.then.within must be a number of seconds, more than 0 and at most 3600, got -1",
            id="deeper",
        ),
    ],
)
def test_what_is_wrong_is_said(client: TestClient, then: object, detail: str) -> None:
    """In one sentence, with the place and the value."""
    answer = client.post("/v1/search", json={"query": "red", "then": then})
    assert (answer.status_code, answer.json()["detail"]) == (422, detail)


@pytest.mark.parametrize("depth", [300, 50_000])
def test_no_depth_is_too_deep_to_be_refused(client: TestClient, depth: int) -> None:
    """Neither by the parser nor by the models."""
    opened = '{"query":"x","within":1,"then":' * depth
    body = f'{{"query":"x","then":{opened}null{"}" * depth}}}'
    headers = {"Content-Type": "application/json"}
    answer = client.post("/v1/search", content=body, headers=headers)
    assert answer.status_code in (400, 413, 422)
    assert answer.json()["detail"]
