"""Answers are written field by field; the documented models judge what was written."""

import json
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from api.ready_answer import Ready
from api.schemas import SearchAnswer


def test_an_answer_is_what_its_model_would_have_written(client: TestClient) -> None:
    """Every field, in order, and each number as it is written elsewhere."""
    asked = {"query": 'a "red" car\u2028 über', "limit": 5}
    written = client.post("/v1/search", json=asked).content
    answer = SearchAnswer.model_validate_json(written, strict=True)
    assert answer.hits
    assert answer.truncated_at is None
    ours, _, _ = written.decode().rpartition(',"took_ms":')
    assert all(hit.fields is None for hit in answer.hits)  # missing, as no video says anything
    said = answer.model_dump_json(exclude={"hits": {"__all__": {"fields", "segment_tags"}}})
    models, _, _ = said.rpartition(',"took_ms":')
    assert ours == models


COMMON = b'{"truncated_at":null,"total":3}'


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [
        pytest.param(None, '"stale":false,"age_s":null', id="fresh"),
        pytest.param(0.0, '"stale":true,"age_s":0.000', id="stale just now"),
        pytest.param(12.3456, '"stale":true,"age_s":12.346', id="stale"),
    ],
)
def test_an_answer_says_whether_it_is_stale(age_s: float | None, expected: str) -> None:
    """Between what all who ask share and the time that this one took."""
    written = Ready('"a" red car', COMMON, age_s).json(1.5).decode()
    assert written == (
        f'{{"query":"\\"a\\" red car","truncated_at":null,"total":3,{expected},"took_ms":1.500}}'
    )


@pytest.mark.parametrize("query", ["red car", "  red \t car  "], ids=["normal", "with spaces"])
def test_a_query_is_cut_at_its_own_character(query: str) -> None:
    """The shared part counts characters of the normalised query; the answer those of this one."""
    written = json.loads(Ready(query, b'{"truncated_at":3,"total":3}').json(0.0))
    assert query[: written["truncated_at"]].split() == ["red"]
    assert written["total"] == 3


@pytest.mark.parametrize("place", [0, 2046, 2047, 5000, 9999])
def test_answers_that_differ_anywhere_have_other_tags(place: int) -> None:
    """The tag is of the whole answer, however long, and of the query; the age is not in it."""
    one, changed = Ready("red", b"a" * 10_000), bytearray(b"a" * 10_000)
    changed[place] = ord("b")
    assert replace(one, common=bytes(changed)).etag != one.etag
    assert replace(one, query="blue").etag != one.etag
    assert replace(one, age_s=2.0).etag == one.etag
    assert Ready("red", b"a" * 10_000).etag == one.etag
