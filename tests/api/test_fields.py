"""POST /v1/search where videos say something: what each field contributes, and `fields`."""

import numpy as np
from fastapi.testclient import TestClient

from api.app import create_app
from clipseek.testing.embedder import ToyEmbedder
from clipseek.timed import Cue, Span, TimedText
from clipseek.tracked import Track, VideoObjects
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
            "where": None,
        }
        assert answer["total"] == 1
        assert client.get(first["thumbnail_url"]).status_code == 200
        alone = {"query": "two guitars", "fields": ["subtitle"]}
        assert len(client.post("/v1/search", json=alone).json()["hits"]) == 1
        pictures = client.post("/v1/search", json={**alone, "fields": ["picture"]}).json()
        assert "fields" not in pictures["hits"][0]
        batch = client.post("/v1/search/batch", json={"searches": [alone]}).json()
        assert batch["results"][0]["hits"][0]["fields"] == [said]


def test_objects_say_where_they_are(library: Library) -> None:
    """With the class, and whether the thumbnail is the frame that they are in."""
    video = library.add("park.mp4", ["green", "green"])
    times = np.array([0.0, 1.0, 2.0, 3.0])
    (segment, _) = library.catalog.segments("default", video.id)
    boxes = np.array([[0.1 * i, 0.5, 0.1 * i + 0.1, 0.625] for i in range(4)], np.float32)
    (vector,) = ToyEmbedder().embed_texts(["purple"])
    track = Track("ball", 0.9, Span(0, 4), times, boxes, 3, vector, bias=0.0)
    library.catalog.put_objects("default", video.id, VideoObjects("1", (track,)))
    with TestClient(create_app(library.service())) as client:
        alone = {"query": "purple", "fields": ["object"]}
        (hit,) = client.post("/v1/search", json=alone).json()["hits"]
        assert (hit["video"]["id"], hit["start"], hit["end"]) == ("park", 0, 4)
        (found,) = hit["fields"]
        assert (found["field"], found["text"], found["highlights"]) == ("object", "ball", [])
        where = found["where"]
        assert where["is_shown"] == (segment.best_time in times.tolist())
        row = times.tolist().index(where["time"])
        assert where["left"] == float(boxes[row, 0])
        assert where["bottom"] == 0.625
        every = client.post("/v1/search", json={"query": "purple"}).json()["hits"][0]
        assert (every["video"]["id"], every["start"]) == ("park", 0)
        assert [each["field"] for each in every["fields"]] == ["picture", "object"]
        explained = client.post("/v1/search", json={**alone, "explain": True}).json()["hits"][0]
        assert "a detector found it here" in explained["explanation"]["where_missing"]
        parts = {"parts": [{"text": "purple"}, {"text": "green"}]}
        several = client.post("/v1/search", json=parts).json()["hits"][0]
        assert several["video"]["id"] == "park"
        assert 'clipseek_index_objects{collection="default"} 1.0' in client.get("/metrics").text
        assert "object" in [each["field"] for each in several["fields"]]


def test_objects_of_other_collections_are_not_found(library: Library) -> None:
    """A collection without objects answers as before, also if another one has some."""
    library.add("park.mp4", ["green"])
    video = library.add("secret.mp4", ["red"], collection="other")
    (vector,) = ToyEmbedder().embed_texts(["purple"])
    times, boxes = np.array([0.0]), np.array([[0, 0, 0.5, 0.5]], np.float32)
    track = Track("ball", 0.9, Span(0, 1), times, boxes, 0, vector, bias=0.0)
    library.catalog.put_objects("other", video.id, VideoObjects("1", (track,)))
    with TestClient(create_app(library.service())) as client:
        alone = {"query": "purple", "fields": ["object"]}
        assert client.post("/v1/search", json=alone).json()["hits"] == []
        mine = client.post("/v1/search", json={**alone, "collection": "other"}).json()
        assert [hit["video"]["id"] for hit in mine["hits"]] == ["secret"]


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
