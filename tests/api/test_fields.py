"""POST /v1/search where videos say something: what each field contributes, and `fields`."""

from fastapi.testclient import TestClient

from api.app import create_app
from clipseek.timed import Cue, TimedText
from tests.api.library import Library

SAID = Cue(4.25, 5.5, "<b>Anna</b> sells two guitars 世界", "en")


def test_hits_say_what_each_field_contributes(library: Library) -> None:
    """The words are plain text with the ranges that match; one field can be asked alone."""
    library.catalog.put_text("default", "traffic", TimedText("subtitle", "1", (SAID,)))
    with TestClient(create_app(library.service())) as client:
        answer = client.post("/v1/search", json={"query": "two guitars"}).json()
        first = answer["hits"][0]
        assert (first["video"]["id"], first["start"], first["end"]) == ("traffic", 4.25, 5.5)
        said = first["fields"][-1]
        assert said == {
            "field": "subtitle",
            "relevance": 1.0,
            "start": 4.25,
            "end": 5.5,
            "text": SAID.text,
            "highlights": [[18, 21], [22, 29]],
        }
        assert answer["total"] == 1
        assert client.get(first["thumbnail_url"]).status_code == 200
        alone = {"query": "two guitars", "fields": ["subtitle"]}
        assert len(client.post("/v1/search", json=alone).json()["hits"]) == 1
        pictures = client.post("/v1/search", json={**alone, "fields": ["picture"]}).json()
        assert "fields" not in pictures["hits"][0]
        batch = client.post("/v1/search/batch", json={"searches": [alone]}).json()
        assert batch["results"][0]["hits"][0]["fields"] == [said]


def test_wrong_fields_are_refused(client: TestClient) -> None:
    """With the fields that there are, or what words are searched for."""
    refused = client.post("/v1/search", json={"query": "x", "fields": ["sound"]})
    assert refused.status_code == 422
    assert "picture, subtitle" in refused.json()["errors"][0]["detail"]
    assert client.post("/v1/search", json={"query": "x", "fields": []}).status_code == 422
    parts = {"parts": [{"text": "a"}, {"text": "b"}], "fields": ["subtitle"]}
    refused = client.post("/v1/search", json=parts)
    assert refused.status_code == 422
    assert "fields must have picture" in refused.text
