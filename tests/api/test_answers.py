"""Answers are written field by field; the documented models judge what was written."""

from fastapi.testclient import TestClient

from api.schemas import SearchAnswer


def test_an_answer_is_what_its_model_would_have_written(client: TestClient) -> None:
    """Every field, in order, and each number as it is written elsewhere."""
    asked = {"query": 'a "red" car\u2028 über', "limit": 5}
    written = client.post("/v1/search", json=asked).content
    answer = SearchAnswer.model_validate_json(written, strict=True)
    assert answer.hits
    ours, _, _ = written.decode().rpartition(',"took_ms":')
    models, _, _ = answer.model_dump_json().rpartition(',"took_ms":')
    assert ours == models
