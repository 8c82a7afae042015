"""POST /v1/search: what it answers and what it refuses."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.app import create_app
from clipseek.cache import LocalCache
from clipseek.testing import TOY_WORDS
from tests.api.library import Library

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["query", "limit", "collection", "filter", "min_relevance", "cursor", "other"]
)


def test_the_best_hit_is_the_moment_that_was_described(client: TestClient) -> None:
    """A hit names its video, its span, its picture and the link that plays it."""
    answer = client.post("/v1/search", json={"query": "green", "limit": 2}).json()
    best = answer["hits"][0]
    assert best["video"]["id"] == "sea"
    assert (best["start"], best["end"], best["best_time"]) == (2.0, 4.0, 2.5)
    assert best["score"] == pytest.approx(1.0)
    assert best["relevance"] > 0.99
    assert best["thumbnail_url"] == f"/v1/segments/{best['segment_id']}/thumbnail"
    assert best["play_url"] == "/v1/videos/sea/file?collection=default#t=2,4"


def test_an_answer_names_what_it_was_made_from(client: TestClient) -> None:
    """Query, model, collection and version come with the hits."""
    answer = client.post("/v1/search", json={"query": " red "}).json()
    assert {key: answer[key] for key in ("query", "model", "collection", "version")} == {
        "query": "red",
        "model": "toy",
        "collection": "default",
        "version": 3,
    }
    assert answer["took_ms"] > 0


def test_limit_bounds_the_hits(client: TestClient) -> None:
    """No more hits come than were asked for."""
    assert len(client.post("/v1/search", json={"query": "red", "limit": 1}).json()["hits"]) == 1


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        pytest.param({"video_ids": ["dusk"]}, {"dusk"}, id="video"),
        pytest.param({"tags": ["city"]}, {"dusk", "traffic"}, id="tag"),
        pytest.param({"tags": ["city", "night"]}, {"dusk"}, id="both tags"),
        pytest.param({"video_ids": ["sea"], "tags": ["city"]}, set(), id="video without the tag"),
        pytest.param({"video_ids": []}, set(), id="no video"),
        pytest.param({"min_duration": 4}, {"sea", "traffic"}, id="long"),
        pytest.param({"min_duration": 4, "max_duration": 4.5}, {"sea"}, id="between"),
        pytest.param({"indexed_from": "2020-01-01T00:00:00+02:00", "max_duration": 2}, {"dusk"}),
        pytest.param({"indexed_before": "2020-01-01T00:00:00Z"}, set(), id="before"),
        pytest.param({"folder": "/nowhere"}, set(), id="folder"),
        pytest.param({"title": "SE"}, {"sea"}, id="title"),
        pytest.param({"min_height": 49}, set(), id="high"),
        pytest.param({"max_height": 48, "max_duration": 2}, {"dusk"}, id="low"),
        pytest.param({"language": "en"}, set(), id="language"),
        pytest.param({"recorded_from": "2020-01-01T00:00:00Z"}, set(), id="recorded"),
        pytest.param({"recorded_before": "2020-01-01T00:00:00Z"}, set(), id="recorded before"),
    ],
)
def test_a_filter_chooses_the_videos(
    client: TestClient, chosen: dict[str, list[str]], expected: set[str]
) -> None:
    """Hits come only from videos that pass the whole filter."""
    hits = client.post("/v1/search", json={"query": "red", "filter": chosen}).json()["hits"]
    assert {hit["video"]["id"] for hit in hits} == expected


def test_a_folder_chooses_the_videos_below_it(library: Library, client: TestClient) -> None:
    """Also after a video was moved there, and it is compared as a whole name."""
    folder = library.folder
    library.catalog.relocate("default", "sea", f"{folder}/holiday/2026/sea.mp4", 1, "1-1")
    client.app.state.service.collections.refresh()  # type: ignore[attr-defined]  # of Starlette
    found = {}
    for name in (f"{folder}", f"{folder}/holiday", f"{folder}/holiday/2026/", f"{folder}/holi"):
        body = {"query": "red", "filter": {"folder": name}}
        hits = client.post("/v1/search", json=body).json()["hits"]
        found[name.removeprefix(f"{folder}")] = {hit["video"]["id"] for hit in hits}
    everything = {"dusk", "sea", "traffic"}
    assert found == {"": everything, "/holiday": {"sea"}, "/holiday/2026/": {"sea"}, "/holi": set()}


def test_min_relevance_leaves_out_what_does_not_match(client: TestClient) -> None:
    """Nothing found is an answer."""
    answer = client.post("/v1/search", json={"query": "violet", "min_relevance": 0.5})
    assert (answer.status_code, answer.json()["hits"]) == (200, [])


def _hits(answer: dict[str, Any]) -> list[int]:
    return [hit["segment_id"] for hit in answer["hits"]]


def test_a_cursor_leads_to_the_next_page(client: TestClient) -> None:
    """One by one, the moments of all videos come, as in one answer; the last page has no cursor."""
    whole = client.post("/v1/search", json={"query": "red"}).json()
    assert whole["next_cursor"] is None
    found, cursor = [], None
    for _ in _hits(whole):
        body = {"query": "red", "limit": 1} | ({"cursor": cursor} if cursor else {})
        answer = client.post("/v1/search", json=body).json()
        found += _hits(answer)
        cursor = answer["next_cursor"]
    assert found == _hits(whole)
    assert cursor is None


def test_a_hit_names_the_better_one_that_is_near_identical(client: TestClient) -> None:
    """If that is asked for."""
    body = {"query": "red", "mark_similar": True, "min_relevance": 0.5}
    first, second = client.post("/v1/search", json=body).json()["hits"]
    assert (first["similar_to"], second["similar_to"]) == (None, first["segment_id"])
    hits = client.post("/v1/search", json=body | {"mark_similar": False}).json()["hits"]
    assert [hit["similar_to"] for hit in hits] == [None, None]


def test_only_one_sentence_is_sharpened(client: TestClient) -> None:
    """Its moments are within those of the plain search; two parts are refused."""
    body = {"query": "red"}
    whole = client.post("/v1/search", json=body).json()["hits"]
    sharp = client.post("/v1/search", json=body | {"sharpen": True}).json()["hits"]
    assert [hit["segment_id"] for hit in sharp] == [hit["segment_id"] for hit in whole]
    pairs = zip(whole, sharp, strict=True)
    assert all(w["start"] <= s["start"] < s["end"] <= w["end"] for w, s in pairs)
    parts = [{"text": "red"}, {"text": "blue"}]
    refused = client.post("/v1/search", json={"parts": parts, "sharpen": True})
    assert refused.status_code == 422
    assert "sharpen must be false unless one sentence alone" in refused.text


def test_a_page_is_cached(library: Library) -> None:
    """Apart from the first one; white space makes no difference to whom a cursor belongs."""
    cached = TestClient(create_app(library.service(cache=LocalCache(100, 1 << 20))))
    first = cached.post("/v1/search", json={"query": "red", "limit": 1})
    body = {"query": "  red", "limit": 1, "cursor": first.json()["next_cursor"]}
    pages = [cached.post("/v1/search", json=body) for _ in range(2)]
    assert [page.headers["X-Cache"] for page in pages] == ["miss", "hit"]
    assert _hits(pages[0].json()) == _hits(pages[1].json()) != _hits(first.json())


def test_a_cursor_is_refused_after_a_change(library: Library, client: TestClient) -> None:
    """With a problem that says to search again."""
    cursor = client.post("/v1/search", json={"query": "red", "limit": 1}).json()["next_cursor"]
    library.add("storm.mp4", ["blue"])
    client.app.state.service.collections.refresh()  # type: ignore[attr-defined]  # of Starlette
    answer = client.post("/v1/search", json={"query": "red", "limit": 1, "cursor": cursor})
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (410, "/problems/version-gone")
    assert problem["detail"].endswith("search again without a cursor")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param({"query": "blue"}, "cursor is of another search", id="another query"),
        pytest.param(
            {"query": "red", "cursor": "x"}, "cursor must be the next_cursor of an answer", id="x"
        ),
        pytest.param({"query": "red", "cursor": 7}, "cursor must be text, got 7", id="number"),
    ],
)
def test_a_wrong_cursor_is_named(client: TestClient, body: dict[str, Any], said: str) -> None:
    """And nothing is searched for."""
    cursor = client.post("/v1/search", json={"query": "red", "limit": 1}).json()["next_cursor"]
    answer = client.post("/v1/search", json={"cursor": cursor} | body)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-query")
    assert answer.json()["detail"].startswith(said)


def test_a_batch_takes_no_cursor(client: TestClient) -> None:
    """Its answers have one for `/v1/search`."""
    first = client.post("/v1/search/batch", json={"searches": [{"query": "red", "limit": 1}]})
    cursor = first.json()["results"][0]["next_cursor"]
    search = {"query": "red", "limit": 1, "cursor": cursor}
    answer = client.post("/v1/search/batch", json={"searches": [search]}).json()["results"][0]
    assert answer["problem"]["errors"][0]["field"] == "cursor"
    assert client.post("/v1/search", json=search).status_code == 200


def test_another_collection_is_searched_by_name(library: Library, client: TestClient) -> None:
    """Links lead to the same collection."""
    library.add("storm.mp4", ["blue"], collection="archive")
    hits = client.post("/v1/search", json={"query": "blue", "collection": "archive"}).json()["hits"]
    assert [hit["play_url"] for hit in hits] == ["/v1/videos/storm/file?collection=archive#t=0,2"]


def test_a_search_before_any_ingest_says_so(
    empty_client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The command is in the log, for those who run the server."""
    answer = empty_client.post("/v1/search", json={"query": "red"})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/nothing-indexed")
    assert "nothing is indexed" in answer.json()["detail"]
    assert "indexer ingest" not in answer.json()["detail"]
    assert "run `indexer ingest PATH` first" in caplog.text


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        pytest.param(
            {}, "query is required, or `like`, `image`, `image_url` or `parts`", id="no query"
        ),
        pytest.param(
            {"query": "  "}, "query must have 1 to 1000 characters, got 0", id="only spaces"
        ),
        pytest.param(
            {"query": "a" * 10000},
            "query must have 1 to 1000 characters, got 10000",
            id="long query",
        ),
        pytest.param({"query": 5}, "query must be text, got 5", id="number as query"),
        pytest.param(
            {"query": None},
            "query is required, or `like`, `image`, `image_url` or `parts`",
            id="null query",
        ),
        pytest.param(
            {"query": "a\0b"},
            "query must have no control characters, got U+0000 at position 1",
            id="NUL",
        ),
        pytest.param(
            {"query": "\ud800"},
            "query must have no control characters, got U+D800 at position 0",
            id="lone surrogate",
        ),
        pytest.param(
            {"query": "a", "limit": 0},
            "limit must be a whole number from 1 to 100, got 0",
            id="limit 0",
        ),
        pytest.param(
            {"query": "a", "limit": 10000},
            "limit must be a whole number from 1 to 100, got 10000",
            id="limit 10000",
        ),
        pytest.param(
            {"query": "a", "limit": "3"},
            "limit must be a whole number from 1 to 100, got '3'",
            id="limit as text",
        ),
        pytest.param(
            {"query": "a", "limit": True},
            "limit must be a whole number from 1 to 100, got true",
            id="limit as boolean",
        ),
        pytest.param(
            {"query": "a", "min_relevance": float("nan")},
            "min_relevance must be a number from 0 to 1, got nan",
            id="NaN",
        ),
        pytest.param(
            {"query": "a", "min_relevance": 2},
            "min_relevance must be a number from 0 to 1, got 2",
            id="relevance over 1",
        ),
        pytest.param(
            {"query": "a", "collection": "Two Words"},
            "collection must have 1 to 64 of a-z, 0-9, '_' and '-', and start with a letter or "
            "digit, got 'Two Words'",
            id="collection",
        ),
        pytest.param(
            {"query": "a", "filter": {"video_ids": ["v"] * 1001}},
            "filter.video_ids must be a list of at most 1000 video ids, got 1001 items",
            id="video ids",
        ),
        pytest.param(
            {"query": "a", "filter": {"tags": ["t"] * 101}},
            "filter.tags must be a list of at most 100 tags, got 101 items",
            id="tags",
        ),
        pytest.param(
            {"query": "a", "group_by": "tag"},
            "group_by must be video or null, got 'tag'",
            id="group",
        ),
        pytest.param(
            {"query": "a", "facets": ["tag", "size"]},
            "facets.1 must be one of tag, folder, year, language, segment_tag, got 'size'",
            id="facet",
        ),
        pytest.param(
            {"query": "a", "facets": []},
            "facets must be a list of some of tag, folder, year, language, segment_tag, got 0 "
            "items",
            id="no facet",
        ),
        pytest.param(
            {"query": "a", "filter": {"language": "English!"}},
            "filter.language must be a tag of BCP 47 of at most 35 characters, such as en or "
            "de-AT, got 'English!'",
            id="language",
        ),
        pytest.param(
            {"query": "a", "filter": {"min_height": 720.5}},
            "filter.min_height must be a whole number of pixels, 0 to 2147483647, got 720.5",
            id="height",
        ),
        pytest.param(
            {"query": "a", "filter": {"recorded_from": "May"}},
            "filter.recorded_from must be a date and time with a time zone, such as "
            "2026-11-28T09:30:00Z, got 'May'",
            id="recorded",
        ),
        pytest.param(
            {"query": "a", "filter": {"tags": [4]}}, "filter.tags.0 must be text, got 4", id="tag"
        ),
        pytest.param(
            {"query": "a", "limits": 3}, "limits is not a known field", id="unknown field"
        ),
        pytest.param(
            {"query": "a", "not": "b"},
            "not is not a known field; what must not be seen is one of `parts`, with a negative "
            "weight",
            id="unwanted",
        ),
        pytest.param(
            {"query": "a", "then_query": "b"},
            "then_query is not a known field; what must follow is `then`, an object with a "
            "`query` or what else a search has",
            id="following",
        ),
        pytest.param([], "body must be an object", id="list as body"),
    ],
)
def test_a_value_outside_its_limits_is_named_with_them(
    client: TestClient, body: object, detail: str
) -> None:
    """The problem says which field, what it must be and what it was."""
    answer = client.post(
        "/v1/search", content=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-query")
    assert answer.json()["detail"] == detail
    assert answer.json()["errors"][0]["detail"] == detail


def test_only_the_first_errors_are_spelled_out(client: TestClient) -> None:
    """A body with very many wrong fields does not come back as a longer one."""
    body = {"query": "a", **{f"field{i}" * 50: i for i in range(100)}}
    answer = client.post("/v1/search", json=body)
    assert len(answer.json()["errors"]) == 5
    assert answer.json()["detail"].endswith("and 95 more")
    assert len(answer.content) < 2500


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{", id="cut off"),
        pytest.param(b"\xff\xfe", id="not UTF-8"),
        pytest.param(b"[" * 200_000, id="nested deep"),
        pytest.param(b'{"query": "a", "limit": ' + b"9" * 5000 + b"}", id="endless number"),
        pytest.param(b"query=a", id="form"),
    ],
)
def test_what_is_no_json_is_refused(client: TestClient, body: bytes) -> None:
    """Broken JSON is a problem of its own."""
    answer = client.post("/v1/search", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed-json")


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("text/plain", id="text"),
        pytest.param("application/x-www-form-urlencoded", id="form"),
        pytest.param("multipart/form-data; boundary=x", id="multipart"),
        pytest.param("nonsense", id="nonsense"),
        pytest.param("", id="empty"),
    ],
)
def test_a_body_that_does_not_say_it_is_json_is_refused(client: TestClient, kind: str) -> None:
    """So a page of another site cannot send a search without the browser asking first."""
    answer = client.post("/v1/search", content=b'{"query":"a"}', headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/unsupported-media-type")


def test_a_json_type_with_a_charset_is_taken(client: TestClient) -> None:
    """Parameters of the media type do not matter."""
    answer = client.post(
        "/v1/search",
        content='{"query":"réd"}'.encode(),
        headers={"Content-Type": "application/json; charset=utf-8"},
    )
    assert answer.status_code == 200


def test_a_body_over_one_mebibyte_is_refused(client: TestClient) -> None:
    """The announced length is enough to refuse it."""
    body = json.dumps({"query": "a" * (1 << 20)}).encode()
    answer = client.post("/v1/search", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/body-too-large")


def test_a_body_without_a_length_is_counted(client: TestClient) -> None:
    """Chunks are counted as they come."""
    answer = client.post(
        "/v1/search",
        content=(b" " * 65536 for _ in range(20)),
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/body-too-large")


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(body=JSON_VALUES | st.dictionaries(FIELDS, JSON_VALUES))
def test_no_json_makes_the_server_fail(client: TestClient, body: object) -> None:
    """Whatever JSON comes, the answer is hits or a problem of the client's."""
    answer = client.post(
        "/v1/search", content=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in (200, 404, 422)
    assert answer.status_code == 200 or answer.json()["type"].startswith("/problems/")


NOT_READ = ["???", "!", "\u200b", ". . .", "\u0301", "\ufffd", "?" * 900]


@pytest.mark.parametrize("query", NOT_READ, ids=ascii)
def test_a_query_without_a_word_is_refused(client: TestClient, query: str) -> None:
    """By a sentence that says so; alone, and in a batch only in its place."""
    answer = client.post("/v1/search", json={"query": query})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/query-not-read")
    assert "finds no word in the query" in answer.json()["detail"]
    searches = [{"query": "red"}, {"query": query}]
    found, refused = client.post("/v1/search/batch", json={"searches": searches}).json()["results"]
    assert found["hits"]
    assert refused["problem"]["type"] == "/problems/query-not-read"


def test_an_answer_says_where_the_query_was_cut(client: TestClient) -> None:
    """By the characters that were read; null where all were."""
    words = "red " * TOY_WORDS
    searches = [{"query": f"{words}blue"}, {"query": words}]
    both = client.post("/v1/search/batch", json={"searches": searches}).json()["results"]
    assert [answer["truncated_at"] for answer in both] == [4 * TOY_WORDS - 1, None]
    alone = client.post("/v1/search", json=searches[0]).json()
    assert alone["truncated_at"] == 4 * TOY_WORDS - 1
