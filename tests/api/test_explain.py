"""Answers that say why their moments matched."""

import io
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from api import explaining
from api.answering import Answering
from api.computing import Found
from api.schemas import SearchAnswer
from clipseek.explaining import IS_LATE
from clipseek.query import Query
from tests.api.library import Library

ASKED = {"query": "blue", "limit": 3, "explain": True}


@pytest.fixture
def pictured(library: Library) -> Library:
    """Return the library with a picture of every moment, blue at its left edge."""
    pixels = np.full((48, 64, 3), 128, np.uint8)
    pixels[:, :16] = (0, 0, 255)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=95)
    for path in Path(library.folder).glob("thumbnails/**/*.jpg"):
        path.write_bytes(data.getvalue())
    return library


@pytest.fixture
def asking(pictured: Library, client: TestClient) -> TestClient:
    """Return a client of that library."""
    assert pictured.folder.exists()
    return client


def test_an_explained_answer_is_what_its_model_would_have_written(asking: TestClient) -> None:
    """Every field, in order; the hits are those of the same search without it."""
    answer = asking.post("/v1/search", json=ASKED)
    assert answer.status_code == 200
    found = SearchAnswer.model_validate_json(answer.content, strict=True)
    ours, _, _ = answer.text.rpartition(',"took_ms":')
    written = found.model_dump_json(exclude={"hits": {"__all__": {"fields", "segment_tags"}}})
    assert ours == written.rpartition(',"took_ms":')[0]
    plain = asking.post("/v1/search", json=ASKED | {"explain": False}).json()
    assert [hit.segment_id for hit in found.hits] == [hit["segment_id"] for hit in plain["hits"]]
    assert all(hit["explanation"] is None for hit in plain["hits"])
    for hit in found.hits:
        assert hit.explanation is not None
        assert hit.explanation.parts[0].fit == pytest.approx(hit.relevance, abs=1e-3)
        assert hit.explanation.where is not None
        box = hit.explanation.where.box
        assert (box.left, box.top, box.bottom) == (0, 0, 1)
        assert box.right == pytest.approx(0.25, abs=0.126)  # one of the 8 parts of the width


def test_the_moment_of_each_step_is_explained(asking: TestClient) -> None:
    """By the parts of its own step; the answer is what its model would have written."""
    body = {"query": "green", "then": {"query": "blue"}, "limit": 1, "explain": True}
    answer = asking.post("/v1/search", json=body)
    assert answer.status_code == 200
    found = SearchAnswer.model_validate_json(answer.content, strict=True)
    ours, _, _ = answer.text.rpartition(',"took_ms":')
    written = found.model_dump_json(exclude={"hits": {"__all__": {"fields", "segment_tags"}}})
    assert ours == written.rpartition(',"took_ms":')[0]
    (hit,) = found.hits
    assert hit.explanation is None
    for step in hit.steps or ():
        assert step.explanation is not None
        assert step.explanation.parts[0].fit == pytest.approx(step.relevance, abs=1e-3)
    assert [step.explanation is not None for step in hit.steps or ()] == [True, True]
    blue = hit.steps[1].explanation if hit.steps else None
    assert blue is not None
    assert blue.where is not None
    assert blue.where.box.left == 0


def test_a_picture_that_cannot_be_read_has_a_reason(client: TestClient) -> None:
    """The thumbnails of the plain library are not pictures."""
    hits = client.post("/v1/search", json=ASKED).json()["hits"]
    assert {hit["explanation"]["where"] for hit in hits} == {None}
    assert all("cannot be read" in hit["explanation"]["where_missing"] for hit in hits)


def test_an_explained_answer_has_a_tag_of_its_own(asking: TestClient) -> None:
    """With and without, they differ, and each comes again as 304."""
    tags = []
    for explain in (True, False):
        body = ASKED | {"explain": explain}
        tags.append(asking.post("/v1/search", json=body).headers["etag"])
        again = asking.post("/v1/search", json=body, headers={"If-None-Match": tags[-1]})
        assert again.status_code == 304
    assert tags[0] != tags[1]


def test_an_answer_is_explained_once(asking: TestClient, pictured: Library) -> None:
    """The second time, no picture is read."""
    first = asking.post("/v1/search", json=ASKED).json()
    for path in Path(pictured.folder).glob("thumbnails/**/*.jpg"):
        path.unlink()
    assert asking.post("/v1/search", json=ASKED).json()["hits"] == first["hits"]
    other = asking.post("/v1/search", json=ASKED | {"limit": 2}).json()
    assert other["hits"][0]["explanation"]["where"] is None


def test_no_more_answers_are_kept_than_there_is_room_for(
    asking: TestClient, monkeypatch: pytest.MonkeyPatch, pictured: Library
) -> None:
    """The one that was asked for longest ago goes."""
    monkeypatch.setattr(explaining, "KEPT", 1)
    asking.post("/v1/search", json=ASKED)
    asking.post("/v1/search", json=ASKED | {"limit": 2})
    for path in Path(pictured.folder).glob("thumbnails/**/*.jpg"):
        path.unlink()
    kept, gone = (
        asking.post("/v1/search", json=ASKED | {"limit": limit}).json()["hits"][0]
        for limit in (2, 3)
    )
    assert kept["explanation"]["where"] is not None
    assert gone["explanation"]["where"] is None


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"limit": 11}, "limit must be 1 to 10 if hits are explained, got 11"),
        (
            {"limit": 6, "then": {"query": "red", "within": 5}},
            "limit must be 1 to 5 if hits of 2 steps are explained, got 6",
        ),
        ({"explain": "yes"}, "explain must be true or false, got 'yes'"),
    ],
    ids=["many", "sequence", "word"],
)
def test_what_cannot_be_explained_is_refused(
    client: TestClient, more: dict[str, object], said: str
) -> None:
    """The sentence says what may be asked."""
    answer = client.post("/v1/search", json=ASKED | more)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


def test_a_search_of_a_batch_is_not_explained(client: TestClient) -> None:
    """It would take as many runs of the model as there are hits."""
    (result,) = client.post("/v1/search/batch", json={"searches": [ASKED]}).json()["results"]
    assert "explain is not a known field" in result["problem"]["detail"]


def test_an_answer_that_has_waited_has_less_time(
    asking: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time counts from when the search came, and what lacks a picture for it is not kept."""
    answer, clock = Answering.answer, time.perf_counter

    async def late(self: Answering, queries: Sequence[Query]) -> list[Found]:
        found = await answer(self, queries)
        monkeypatch.setattr(time, "perf_counter", lambda: clock() + 60)
        return found

    monkeypatch.setattr(Answering, "answer", late)
    hits = asking.post("/v1/search", json=ASKED).json()["hits"]
    assert {hit["explanation"]["where_missing"] for hit in hits} == {IS_LATE}
    monkeypatch.undo()
    hits = asking.post("/v1/search", json=ASKED).json()["hits"]
    assert all(hit["explanation"]["where"] for hit in hits)


def test_few_answers_are_explained_at_once(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More are refused, with a time to wait; the same search without it is answered."""
    monkeypatch.setattr(explaining, "AT_ONCE", 0)
    answer = client.post("/v1/search", json=ASKED)
    assert answer.status_code == 503
    assert "being explained" in answer.json()["detail"]
    assert answer.headers["retry-after"]
    assert client.post("/v1/search", json=ASKED | {"explain": False}).status_code == 200
