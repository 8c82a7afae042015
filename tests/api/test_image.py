"""POST /v1/search with `image`: what looks like a picture."""

import io
import threading
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from PIL import Image

import api
from api import looking
from api.app import create_app
from api.schemas import SearchAnswer
from clipseek import pictures
from clipseek.cache import LocalCache
from tests.api.library import Library


def _image(colour: str, *, level: int = 6) -> str:
    file = io.BytesIO()
    Image.new("RGB", (64, 36), colour).save(file, "PNG", compress_level=level)
    return b64encode(file.getvalue()).decode()


def test_what_looks_like_a_picture_is_found(client: TestClient) -> None:
    """Blue, in both videos that show it; no moment is left out."""
    answer = client.post("/v1/search", json={"image": _image("blue"), "limit": 2})
    found = SearchAnswer.model_validate_json(answer.content, strict=True)
    assert [(hit.video.id, hit.start) for hit in found.hits] == [("sea", 0), ("traffic", 4)]
    assert all(hit.score == pytest.approx(1, abs=1e-3) for hit in found.hits)
    assert (found.query, found.like, found.alike_from, found.total) == (None, None, 0.5, 2)
    assert {hit.relevance for hit in found.hits} == {None}


def test_the_answer_is_cached_by_what_the_picture_shows(library: Library) -> None:
    """However it is compressed; another picture has an answer of its own."""
    with TestClient(create_app(library.service(cache=LocalCache(100, 1 << 20)))) as client:
        answers = [
            client.post("/v1/search", json={"image": image})
            for image in (_image("blue"), _image("blue", level=0), _image("red"))
        ]
    assert [answer.headers["X-Cache"] for answer in answers] == ["miss", "hit", "miss"]
    assert answers[0].headers["ETag"] != answers[2].headers["ETag"]


def test_filters_and_pages_are_those_of_any_search(client: TestClient) -> None:
    """A cursor belongs to one picture."""
    body: dict[str, Any] = {"image": _image("blue"), "limit": 1}
    first = client.post("/v1/search", json=body).json()
    second = client.post("/v1/search", json={**body, "cursor": first["next_cursor"]}).json()
    assert [each["hits"][0]["video"]["id"] for each in (first, second)] == ["sea", "traffic"]
    other = {"image": _image("red"), "cursor": first["next_cursor"]}
    assert client.post("/v1/search", json=other).status_code == 422
    filtered = client.post("/v1/search", json={**body, "filter": {"tags": ["city"]}}).json()
    assert filtered["hits"][0]["video"]["id"] == "traffic"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        pytest.param({"image": 5}, "image must be a picture in base64, got 5", id="a number"),
        pytest.param(
            {"image": "%%%"},
            "image must be a picture in base64 (RFC 4648, section 4), got '%%%'",
            id="not base64",
        ),
        pytest.param(
            {"image": b64encode(b"hello").decode()},
            "image must be a whole JPEG, PNG or WebP that is not too large, and cannot be read; "
            "save it again as one of these, with at most 4096 x 4096 pixels",
            id="not a picture",
        ),
        pytest.param(
            {"image": _image("red"), "query": "red"},
            "query must be left out if `image` is given; use `parts` for both",
            id="with a sentence",
        ),
        pytest.param(
            {"image": _image("red"), "like": {"video_id": "sea", "time": 1}},
            "query is not all: `like` and `image` are given; use `parts` for all of them",
            id="with a moment",
        ),
    ],
)
def test_what_is_wrong_is_said(client: TestClient, body: object, detail: str) -> None:
    """In one sentence."""
    answer = client.post("/v1/search", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (422, detail)


def test_a_picture_is_not_taken_in_a_batch(client: TestClient) -> None:
    """Because hundreds of them would keep the others waiting; those have their answers."""
    searches = [{"image": _image("red")}, {"query": "red"}]
    results = client.post("/v1/search/batch", json={"searches": searches}).json()["results"]
    assert results[0]["problem"]["detail"] == (
        "image must be sent in a request of its own, to POST /v1/search"
    )
    assert results[1]["hits"]


def test_few_pictures_are_under_way(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """One too many is refused, sentences are answered, and later there is room again."""
    begun, held, decoded = threading.Event(), threading.Event(), pictures.decoded

    def late(data: bytes) -> NDArray[np.uint8]:
        begun.set()
        assert held.wait(20)
        return decoded(data)

    monkeypatch.setattr(looking, "AT_ONCE", 1)
    monkeypatch.setattr(pictures, "decoded", late)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.post, "/v1/search", json={"image": _image("red")})
        assert begun.wait(20)
        refused = client.post("/v1/search", json={"image": "AAAA"})
        assert refused.status_code == 503
        assert refused.headers["Retry-After"] == "1"
        assert client.post("/v1/search", json={"query": "red"}).status_code == 200
        held.set()
        assert first.result().status_code == 200
    assert client.post("/v1/search", json={"image": _image("red")}).status_code == 200


def test_the_documents_say_how_many_pictures_are_under_way() -> None:
    """Operators plan the memory by it."""
    said = (Path(api.__file__).with_name("README.md")).read_text("utf-8")
    assert f"has {looking.AT_ONCE} pictures under way" in said
    assert looking.AT_ONCE == 8
