"""POST /v1/search with `parts`: several sentences, moments and pictures, wanted or not."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.schemas import SearchAnswer
from clipseek.cache import LocalCache
from tests.api.library import Library
from tests.api.test_image import _image

NOT_BLUE: Any = [{"text": "blue green"}, {"text": "blue", "weight": -1}]


@pytest.fixture(scope="module")
def client(shared_client: TestClient) -> TestClient:
    """Return a client that all tests of this file share."""
    return shared_client


def _asked(client: TestClient, parts: Any, **more: Any) -> Any:
    answer = client.post("/v1/search", json={"parts": parts, **more})
    assert answer.status_code == 200, answer.text
    SearchAnswer.model_validate_json(answer.content, strict=True)
    return answer.json()


def test_a_negative_weight_excludes(client: TestClient) -> None:
    """Green is found, and blue has less relevance than for the sentence alone."""
    found = _asked(client, NOT_BLUE)
    assert found["hits"][0]["start"] == 2
    assert (found["query"], found["like"], found["alike_from"]) == (None, None, None)
    first = {(hit["video"]["id"], hit["start"]): hit["relevance"] for hit in found["hits"]}
    alone = client.post("/v1/search", json={"query": "blue green"}).json()
    second = {(hit["video"]["id"], hit["start"]): hit["relevance"] for hit in alone["hits"]}
    assert first["sea", 0] < second["sea", 0] / 10
    assert min(first.values()) >= 0
    assert max(first.values()) <= 1


def test_parts_of_all_kinds_compose(client: TestClient) -> None:
    """A picture, a moment and a sentence: by score, and the moment is left out."""
    parts = [
        {"image": _image("blue")},
        {"like": {"video_id": "traffic", "time": 5}, "weight": 0.5},
        {"text": "red", "weight": -1},
    ]
    found = _asked(client, parts, limit=1)
    assert found["hits"][0]["video"]["id"] == "sea"
    assert (found["hits"][0]["relevance"], found["alike_from"]) == (None, 0.5)
    assert found["like"] is None


def test_one_part_is_what_it_is_elsewhere(client: TestClient) -> None:
    """A sentence as a part has the answer of the sentence."""
    one = _asked(client, [{"text": "red"}])
    two = client.post("/v1/search", json={"query": "red"}).json()
    assert {**one, "took_ms": 0, "next_cursor": 0} == {**two, "took_ms": 0, "next_cursor": 0}


def test_a_batch_takes_parts(client: TestClient) -> None:
    """Each has the answer that it has alone; pictures are sent alone."""
    searches = [{"parts": NOT_BLUE}, {"parts": [{"image": _image("red")}]}, {"query": "red"}]
    results = client.post("/v1/search/batch", json={"searches": searches}).json()["results"]
    assert results[0]["hits"] == _asked(client, NOT_BLUE)["hits"]
    assert results[1]["problem"]["detail"] == (
        "parts must be sent in a request of its own, to POST /v1/search"
    )
    assert results[2]["hits"]


def test_the_answer_is_cached_by_all_parts(library: Library) -> None:
    """Another weight is another question; another way to write it is not."""
    lighter = [NOT_BLUE[0], {**NOT_BLUE[1], "weight": -0.5}]
    same = [{"text": " blue  green ", "weight": 1.0}, NOT_BLUE[1]]
    with TestClient(create_app(library.service(cache=LocalCache(100, 1 << 20)))) as client:
        sources = [
            client.post("/v1/search", json={"parts": parts}).headers["X-Cache"]
            for parts in (NOT_BLUE, same, lighter, NOT_BLUE[:1])
        ]
    assert sources == ["miss", "hit", "miss", "miss"]


def test_a_cursor_belongs_to_all_parts(client: TestClient) -> None:
    """With other parts it is refused."""
    first = _asked(client, NOT_BLUE, limit=1)
    second = _asked(client, NOT_BLUE, limit=1, cursor=first["next_cursor"])
    assert first["hits"] != second["hits"]
    body = {"parts": NOT_BLUE[:1], "cursor": first["next_cursor"]}
    assert client.post("/v1/search", json=body).status_code == 422


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        pytest.param({"parts": []}, "parts must be a list of 1 to 8 parts, got 0 items", id="none"),
        pytest.param(
            {"parts": [{"text": "red"}] * 9},
            "parts must be a list of 1 to 8 parts, got 9 items",
            id="nine",
        ),
        pytest.param(
            {"parts": [{"text": "red", "weight": -1}, {"text": "blue", "weight": -0.5}]},
            "parts must have one that is wanted, of a weight above 0, got weights -1, -0.5; say "
            "what to search for",
            id="nothing is wanted",
        ),
        pytest.param(
            {"parts": [{"text": "red", "weight": 0}]},
            "parts.0.weight must be a number, 0.01 to 10, or -10 to -0.01 for what is not wanted, "
            "got 0",
            id="weight 0",
        ),
        pytest.param(
            {"parts": [{"text": "red", "weight": 10.5}]},
            "parts.0.weight must be a number, 0.01 to 10, or -10 to -0.01 for what is not wanted, "
            "got 10.5",
            id="weight 10.5",
        ),
        pytest.param(
            {"parts": [{"text": "red", "weight": "1"}]},
            "parts.0.weight must be a number, 0.01 to 10, or -10 to -0.01 for what is not wanted, "
            "got '1'",
            id="weight as text",
        ),
        pytest.param(
            {"parts": [{"weight": 1}]},
            "parts.0.text or `like`, `image` or `image_url` is required, exactly one of them, got "
            "0",
            id="empty part",
        ),
        pytest.param(
            {"parts": [{"text": "red", "like": {"video_id": "sea", "time": 1}}]},
            "parts.0.text or `like`, `image` or `image_url` is required, exactly one of them, got "
            "2",
            id="two in one",
        ),
        pytest.param(
            {"parts": [{"text": "red"}], "query": "red"},
            "query must be left out if `parts` is given; use `parts` for both",
            id="with a query",
        ),
        pytest.param(
            {"parts": [{"text": "red"}, {"image": "aGVsbG8="}]},
            "image must be a whole JPEG, PNG or WebP that is not too large, and cannot be read; "
            "save it again as one of these, with at most 4096 x 4096 pixels",
            id="no picture",
        ),
        pytest.param(
            {"parts": [{"text": "red"}, {"image": _image("red")}], "min_relevance": 0.5},
            "min_relevance must be 0 unless sentences alone are asked for, got 0.5; moments that "
            "look alike have a score and no relevance",
            id="relevance of pictures",
        ),
    ],
)
def test_what_is_wrong_is_said(client: TestClient, body: object, detail: str) -> None:
    """In one sentence, with the place and the value."""
    answer = client.post("/v1/search", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (422, detail)


def test_no_weight_is_not_a_number(client: TestClient) -> None:
    """JSON has no NaN, but many parsers take it."""
    answer = client.post(
        "/v1/search",
        content=b'{"parts":[{"text":"red","weight":NaN}]}',
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("parts.0.weight must be a number, 0.01 to 10")


def test_a_moment_of_a_removed_video_is_not_found(client: TestClient) -> None:
    """As with `like` alone."""
    parts = [{"text": "red"}, {"like": {"video_id": "gone", "time": 0}}]
    answer = client.post("/v1/search", json={"parts": parts})
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/video-not-found")
