"""Searches and facets over HTTP with the tags on spans that rules gave."""

from typing import Any

from fastapi.testclient import TestClient

from api.app import create_app
from clipseek.cache import LocalCache
from clipseek.curating import SegmentTag, Tagging, tag_id
from clipseek.decisions import Decision
from clipseek.rules import Rule
from clipseek.testing import MemoryCurating
from tests.api.library import Library

RULE = Rule("red car", ("red",))
SPAN = 0.0, 2.0
ID = tag_id("traffic", RULE.name, *SPAN)


def test_tags_are_named_counted_and_filtered_by(library: Library) -> None:
    """As they are after each decision, also if the same was answered before from a cache."""
    store = MemoryCurating(library.catalog)
    store.put_rules("default", [RULE], "ann")
    tag = SegmentTag(ID, "traffic", *SPAN, RULE.name, RULE.version, 0.9)
    store.apply("default", [Tagging("traffic", RULE.name, RULE.version, "stamp", [tag])])
    service = library.service(cache=LocalCache(100, 1 << 20))
    with TestClient(create_app(service)) as client:

        def hits(**only: object) -> list[dict[str, Any]]:
            answer = client.post("/v1/search", json={"query": "red", "filter": only})
            assert answer.status_code == 200, answer.text
            found: list[dict[str, Any]] = answer.json()["hits"]
            return found

        def named() -> dict[str, list[dict[str, Any]]]:
            return {h["video"]["id"]: h["segment_tags"] for h in hits() if "segment_tags" in h}

        def counted() -> tuple[list[dict[str, Any]], bool]:
            told = client.get("/v1/facets?limit=1").json()
            return told["segment_tags"], told["more_segment_tags"]

        def faceted(query: str, **only: object) -> dict[str, int]:
            asked = {"query": query, "filter": only, "facets": ["segment_tag"]}
            told = client.post("/v1/search", json=asked).json()["facets"]["segment_tag"]
            return {each["value"]: each["videos"] for each in told["values"]}

        shown = {"tag": "red car", "start": 0.0, "end": 2.0, "relevance": 0.9, "state": "proposed"}
        assert named() == {"traffic": [shown]}
        assert counted() == ([{"tag": "red car", "videos": 1, "spans": 1}], False)
        assert {hit["video"]["id"] for hit in hits(segment_tags=["red car"])} == {"traffic"}
        assert hits(segment_tags=["red car", "sea"]) == []
        assert faceted("red") == {"red car": 1}
        of_video = client.get("/v1/videos/traffic/segment-tags").json()
        assert of_video == {"segment_tags": [shown], "more": False}
        assert client.get("/v1/videos/no/segment-tags").status_code == 404
        assert client.get("/v1/videos/sea/segment-tags").json()["segment_tags"] == []
        assert faceted("red", segment_tags=["red car"]) == {"red car": 1}
        assert faceted("blue") == {}

        said = Decision(ID, "traffic", *SPAN, RULE.name, "accept", "ann", RULE.version, 0.9)
        store.decide("default", said)
        service.collections.refresh()
        assert named() == {"traffic": [{**shown, "state": "accepted"}]}

        store.remove_rule("default", RULE.name)
        service.collections.refresh()
        assert named() == {}
        assert counted() == ([], False)
        assert hits(segment_tags=["red car"]) == []
        assert faceted("red") == {}
