"""POST /v1/search with `like`: what looks like a moment."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.schemas import SearchAnswer
from clipseek.cache import LocalCache
from tests.api.library import Library
from tests.api.test_permissions import asking

LIKE = {"video_id": "traffic", "time": 5}


def _asked(client: TestClient, **more: Any) -> Any:
    answer = client.post("/v1/search", json={"like": LIKE, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_what_looks_like_a_moment_is_found(client: TestClient) -> None:
    """Blue, in the other video that shows it."""
    found = _asked(client, limit=1)
    hit = found["hits"][0]
    assert (hit["video"]["id"], hit["start"], hit["end"]) == ("sea", 0, 2)
    assert hit["score"] == pytest.approx(1)


def test_the_answer_names_the_moment_and_has_no_relevance(client: TestClient) -> None:
    """Everything that a page needs to show what was asked for."""
    found = _asked(client)
    like = found["like"]
    assert (like["video"]["id"], like["start"], like["end"]) == ("traffic", 4, 6)
    assert client.get(like["thumbnail_url"]).status_code == 200
    assert client.get(like["play_url"]).status_code == 200
    assert (found["query"], found["truncated_at"], found["alike_from"]) == (None, None, 0.5)
    assert {hit["relevance"] for hit in found["hits"]} == {None}
    assert like["segment_id"] not in {hit["segment_id"] for hit in found["hits"]}


def test_a_sentence_has_no_moment(client: TestClient) -> None:
    """The fields are there, and null."""
    found = client.post("/v1/search", json={"query": "blue"}).json()
    assert (found["like"], found["alike_from"]) == (None, None)
    assert found["hits"][0]["relevance"] > 0.9


def test_the_answer_is_what_its_model_would_have_written(client: TestClient) -> None:
    """Every field, in order."""
    written = client.post("/v1/search", json={"like": LIKE}).content
    answer = SearchAnswer.model_validate_json(written, strict=True)
    assert answer.like is not None
    ours, _, _ = written.decode().rpartition(',"took_ms":')
    models, _, _ = answer.model_dump_json(
        exclude={"hits": {"__all__": {"fields", "segment_tags"}}}
    ).rpartition(',"took_ms":')
    assert ours == models


def test_a_batch_takes_both(client: TestClient) -> None:
    """Each has the answer that it has alone."""
    searches = [{"query": "blue"}, {"like": LIKE}, {"like": {"video_id": "none", "time": 0}}]
    results = client.post("/v1/search/batch", json={"searches": searches}).json()["results"]
    assert results[1]["hits"] == _asked(client)["hits"]
    assert results[0]["like"] is None
    assert results[2]["problem"]["type"] == "/problems/video-not-found"


def test_the_answer_is_cached_by_video_and_time(library: Library) -> None:
    """Another time is another question."""
    with TestClient(create_app(library.service(cache=LocalCache(100, 1 << 20)))) as client:
        sources = [
            client.post("/v1/search", json={"like": {**LIKE, "time": time}}).headers["X-Cache"]
            for time in (5, 5.0, 1)
        ]
    assert sources == ["miss", "hit", "miss"]


def test_the_same_moment_has_the_same_tag(client: TestClient) -> None:
    """And with it, an answer that is the same is not sent again; another moment has another."""
    first = client.post("/v1/search", json={"like": LIKE})
    tag = {"If-None-Match": first.headers["ETag"]}
    assert client.post("/v1/search", json={"like": LIKE}, headers=tag).status_code == 304
    other = {"like": {**LIKE, "time": 1}}
    assert client.post("/v1/search", json=other, headers=tag).status_code == 200


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        pytest.param(
            {"like": None},
            "query is required, or `like`, `image`, `image_url` or `parts`",
            id="null",
        ),
        pytest.param(
            {"query": "red", "like": LIKE},
            "query must be left out if `like` is given; use `parts` for both",
            id="both",
        ),
        pytest.param({"like": {"video_id": "sea"}}, "like.time is required", id="no time"),
        pytest.param({"like": {"time": 1}}, "like.video_id is required", id="no video"),
        pytest.param({"like": 318}, "like must be an object", id="a number"),
        pytest.param(
            {"like": {**LIKE, "time": -1}},
            "like.time must be a number of seconds >= 0, got -1",
            id="negative",
        ),
        pytest.param(
            {"like": {**LIKE, "time": "5"}},
            "like.time must be a number of seconds >= 0, got '5'",
            id="text",
        ),
        pytest.param(
            {"like": {**LIKE, "video_id": "x" * 129}},
            "like.video_id must have 1 to 128 characters, got 129",
            id="long",
        ),
        pytest.param(
            {"like": {**LIKE, "segment_id": 1}},
            "like.segment_id is not a known field",
            id="unknown field",
        ),
        pytest.param(
            {"like": {**LIKE, "time": 6.5}},
            "like.time must be a second of video 'traffic' that is indexed, 0 to 6, got 6.5",
            id="past the end",
        ),
        pytest.param(
            {"like": LIKE, "min_relevance": 0.5},
            "min_relevance must be 0 unless sentences alone are asked for, got 0.5; moments that "
            "look alike have a score and no relevance",
            id="relevance",
        ),
    ],
)
def test_what_is_wrong_is_said(client: TestClient, body: object, detail: str) -> None:
    """In one sentence, with the value."""
    answer = client.post("/v1/search", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"] == detail


def test_a_moment_of_others_does_not_exist(library: Library) -> None:
    """Neither by its own collection nor through an allowed one."""
    library.add("night.mp4", ["black"], collection="other")
    with asking(library, "search", collections=frozenset({"other"})) as client:

        def told(video: str, collection: str) -> tuple[int, str]:
            like = {"video_id": video, "time": 1}
            body = {"like": like, "collection": collection}
            answer = client.post("/v1/search", json=body)
            return answer.status_code, answer.json()["detail"]

        status, hidden = told("sea", "other")
        assert status == 404
        assert (status, hidden.replace("'sea'", "'nowhere'")) == told("nowhere", "other")
        assert told("sea", "default")[0] == 404
        assert client.post("/v1/search", json={"like": {"video_id": "night", "time": 1}}).is_success
