"""A key for some collections learns nothing of others: every answer is as if they did not exist."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.api.renew import document
from tests.api.tenants import ALLOWED, KEYS, Asked, Told, World, worlds

EXAMPLES = int(os.environ.get("CLIPSEEK_TEST_EXAMPLES", "20"))

NAMES = (
    *("mine", "ours", "gone", "theirs", "nights", "default", "theirs.next"),
    *("min", "mine0", "mine2", "their", "Mine", "mine/", ""),
)
PROBE = "GET /readyz"
"""It looks at all collections, for everybody."""

names = st.sampled_from(NAMES)
videos = st.sampled_from(("traffic", "sea", "dusk", "secret", "night", "traffi", "%2e%2e"))
foreign = st.sampled_from(("secret", "night", "traffi"))
sentences = st.sampled_from(("red", "black", "a green thing", "blue or white", "?"))
jobs = st.sampled_from(
    ("<waiting>", "<ended>", "<beside waiting>", "<beside ended>", "<other waiting>", "none")
)
uploads = st.sampled_from(("<begun>", "<whole>", "<beside whole>", "<other begun>", "0" * 32, "x"))
limits = st.sampled_from(("1", "2", "100", "0"))
conditions: st.SearchStrategy[dict[str, str]] = st.sampled_from(
    (
        {},
        {"If-None-Match": "*"},
        {"If-None-Match": "<beside theirs tag>"},
        {"If-None-Match": "<beside mine tag>"},
        {"If-Match": '"abc"'},
        {"Range": "bytes=0-9"},
        {"If-Modified-Since": "Sat, 01 Jan 2050 00:00:00 GMT"},
    )
)
repeats: st.SearchStrategy[dict[str, str]] = st.sampled_from(
    ({}, {"Idempotency-Key": "1"}, {"Idempotency-Key": "2"})
)
TUS = {"Tus-Resumable": "1.0.0"}
PART = {**TUS, "Content-Type": "application/offset+octet-stream"}


def some(required: dict[str, Any], **optional: st.SearchStrategy[Any]) -> Any:
    """Draw an object with all of some fields and some of the others."""
    return st.fixed_dictionaries(required, optional=optional)


search = some(
    {"query": sentences},
    collection=names,
    limit=st.sampled_from((1, 10)),
    min_relevance=st.sampled_from((0.0, 0.9)),
    filter=some(
        {},
        video_ids=st.lists(videos, max_size=2),
        tags=st.lists(st.sampled_from(("city", "classified", "coast")), max_size=2),
    ),
)
in_collection = some({}, collection=names)
span = some({"start": st.just("0")}, end=st.sampled_from(("1", "2")), collection=names)
moment = some({"video": videos, "start": st.just(0.0), "end": st.just(1.0)})


@st.composite
def requests(
    draw: st.DrawFn,
    method: str,
    path: str,
    *,
    ids: st.SearchStrategy[Any] | None = None,
    params: st.SearchStrategy[Any] | None = None,
    headers: st.SearchStrategy[dict[str, str]] | None = None,
    body: st.SearchStrategy[Any] | None = None,
    content: bytes | None = None,
) -> Asked:
    """Draw one request of an operation."""
    return Asked(
        method,
        path if ids is None else path.replace("ID", str(draw(ids))),
        {} if params is None else draw(params),
        {} if headers is None else draw(headers),
        None if body is None else draw(body),
        content,
    )


def reading(path: str, ids: Any, params: Any = None) -> st.SearchStrategy[Asked]:
    """Draw a request that reads, with conditions."""
    return requests("GET", path, ids=ids, params=params, headers=conditions)


def cutting(path: str, ids: Any, others: Any, params: Any) -> st.SearchStrategy[Asked]:
    """Draw a request for an excerpt; those that would begin a process ask for its headers only."""
    return st.one_of(
        requests("HEAD", path, ids=ids, params=params, headers=conditions),
        requests("GET", path, ids=others, params=params, headers=conditions),
    )


OPERATIONS: dict[str, st.SearchStrategy[Asked]] = {
    "GET /healthz": requests("GET", "/healthz"),
    "GET /readyz": requests("GET", "/readyz"),
    "GET /metrics": requests("GET", "/metrics"),
    "GET /problems/{name}": requests("GET", "/problems/ID", ids=names.filter(bool)),
    "GET /v1/collections": requests("GET", "/v1/collections", headers=conditions),
    "GET /v1/traffic": requests("GET", "/v1/traffic"),
    "GET /v1/models": requests("GET", "/v1/models"),
    "GET /v1/edit-lists": requests("GET", "/v1/edit-lists"),
    "GET /v1/collections/{collection}/switch": reading(
        "/v1/collections/ID/switch", names.filter(bool)
    ),
    "POST /v1/collections/{collection}/switch": requests(
        "POST",
        "/v1/collections/ID/switch",
        ids=names.filter(bool),
        headers=repeats,
        body=some(
            {"step": st.sampled_from(("prepare", "cut", "rollback", "finish"))},
            model=st.sampled_from(("demo", "toy", "another")),
        ),
    ),
    "POST /v1/edit-lists": requests(
        "POST",
        "/v1/edit-lists",
        body=some({"moments": st.lists(moment, min_size=1, max_size=2)}, collection=names),
    ),
    "GET /v1/jobs": requests(
        "GET",
        "/v1/jobs",
        params=some(
            {},
            collection=names,
            state=st.sampled_from(("waiting", "cancelled")),
            after=jobs,
            limit=limits,
        ),
    ),
    "GET /v1/facets": requests(
        "GET",
        "/v1/facets",
        params=some(
            {}, collection=names, folder=st.sampled_from(("", "/", "theirs", "x")), limit=limits
        ),
    ),
    "GET /v1/history": requests(
        "GET",
        "/v1/history",
        params=some(
            {}, collection=names, after=st.sampled_from(("1", "2", "3", "1000")), limit=limits
        ),
    ),
    "DELETE /v1/jobs/{job_id}": requests("DELETE", "/v1/jobs/ID", ids=jobs),
    "GET /v1/jobs/{job_id}": requests("GET", "/v1/jobs/ID", ids=jobs),
    # The events of a job that waits have no end.
    "GET /v1/jobs/{job_id}/events": requests(
        "GET", "/v1/jobs/ID/events", ids=jobs.filter(lambda name: name != "<waiting>")
    ),
    "POST /v1/search": requests("POST", "/v1/search", body=search, headers=conditions),
    "POST /v1/search/batch": requests(
        "POST", "/v1/search/batch", body=some({"searches": st.lists(search, max_size=4)})
    ),
    "GET /v1/segments/{segment_id}/clip": cutting(
        "/v1/segments/ID/clip", st.integers(1, 12), st.integers(7, 12), None
    ),
    "GET /v1/segments/{segment_id}/thumbnail": reading(
        "/v1/segments/ID/thumbnail", st.integers(1, 12)
    ),
    "DELETE /v1/session": requests("DELETE", "/v1/session"),
    "POST /v1/session": requests("POST", "/v1/session"),
    "OPTIONS /v1/uploads": requests("OPTIONS", "/v1/uploads"),
    "POST /v1/uploads": requests(
        "POST",
        "/v1/uploads",
        headers=st.sampled_from(("", "bWluZQ==", "dGhlaXJz", "ZGVmYXVsdA==", "Z29uZQ==")).map(
            lambda name: {**TUS, "Upload-Length": "5", "Upload-Metadata": f"collection {name}"}
        ),
    ),
    "DELETE /v1/uploads/{upload_id}": requests(
        "DELETE", "/v1/uploads/ID", ids=uploads, headers=st.just(TUS)
    ),
    "HEAD /v1/uploads/{upload_id}": requests(
        "HEAD", "/v1/uploads/ID", ids=uploads, headers=st.just(TUS)
    ),
    "PATCH /v1/uploads/{upload_id}": requests(
        "PATCH",
        "/v1/uploads/ID",
        ids=uploads,
        headers=st.sampled_from(({**PART, "Upload-Offset": "0"}, {**PART, "Upload-Offset": "5"})),
        content=b"1",
    ),
    "GET /v1/videos": requests(
        "GET", "/v1/videos", params=some({}, collection=names, after=videos, limit=limits)
    ),
    "POST /v1/videos": requests(
        "POST",
        "/v1/videos",
        headers=repeats,
        body=st.one_of(
            some({"upload": uploads}, collection=names, title=st.just("b")),
            some({"url": st.just("https://a.example/a.mp4")}, collection=names),
        ),
    ),
    "DELETE /v1/videos/{video_id}": requests(
        "DELETE", "/v1/videos/ID", ids=videos, params=in_collection, headers=repeats
    ),
    "GET /v1/videos/{video_id}": reading("/v1/videos/ID", videos, in_collection),
    "PATCH /v1/videos/{video_id}": requests(
        "PATCH",
        "/v1/videos/ID",
        ids=videos,
        params=in_collection,
        headers=repeats,
        body=st.just({"title": "b"}),
    ),
    "GET /v1/videos/{video_id}/clip": cutting("/v1/videos/ID/clip", videos, foreign, span),
    "GET /v1/videos/{video_id}/file": reading("/v1/videos/ID/file", videos, in_collection),
    "GET /v1/videos/{video_id}/preview": cutting("/v1/videos/ID/preview", videos, foreign, span),
    "GET /v1/videos/{video_id}/segments": reading("/v1/videos/ID/segments", videos, in_collection),
    "GET /v1/videos/{video_id}/thumbnail": reading(
        "/v1/videos/ID/thumbnail", videos, in_collection
    ),
    "GET /v1/videos/{video_id}/timeline": reading(
        "/v1/videos/ID/timeline", videos, some({"query": sentences}, collection=names)
    ),
    "POST /v1/videos/{video_id}/timeline": requests(
        "POST",
        "/v1/videos/ID/timeline",
        ids=videos,
        body=some(
            {
                "parts": st.one_of(
                    sentences.map(lambda text: [{"text": text}, {"text": "red", "weight": -1}]),
                    videos.map(lambda video: [{"like": {"video_id": video, "time": 1}}]),
                )
            },
            collection=names,
        ),
    ),
}


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[World]]:
    """Return a world without other tenants, one with some, and one with others."""
    with worlds(tmp_path_factory.mktemp("worlds")) as opened:
        yield opened


def test_every_operation_is_asked() -> None:
    """One that the document has and this file does not would not be tested."""
    listed = {
        f"{method.upper()} {path}"
        for path, methods in document()["paths"].items()
        for method in methods
    }
    assert listed == OPERATIONS.keys()


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_answer_depends_on_collections_of_others(three: list[World], name: str) -> None:
    """Whatever a key asks: status, headers and body are equal but for ids and clocks.

    No collection of others is looked at on the way, so the time cannot depend on them either.
    """

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(number=st.integers(0, len(KEYS) - 1), asked=OPERATIONS[name])
    def ask(number: int, asked: Asked) -> None:
        told: list[Told] = []
        for world in three:
            told.append(world.ask(asked, world.keys[number]))
            assert name == PROBE or world.catalog.seen <= ALLOWED, asked
        assert told[1] == told[0]
        assert told[2] == told[0]
        assert told[0].status < 500

    ask()


def test_no_cache_is_asked_for_answers_of_others(three: list[World]) -> None:
    """What it has of them cannot be told by the time that an answer takes."""
    world = three[1]
    (mine,) = (n for n, (scopes, names) in enumerate(KEYS) if len(scopes) > 1 and names == {"mine"})
    before = world.cache.stats()
    for named in ("theirs", "nights", "default"):
        asked = {"query": "black", "collection": named}
        batch = {"searches": [asked, asked]}
        world.ask(Asked("POST", "/v1/search", body=asked), world.keys[mine])
        world.ask(Asked("POST", "/v1/search/batch", body=batch), world.keys[mine])
    assert world.cache.stats() == before
    # In every world, so that their caches stay equal.
    told = {
        each.ask(Asked("POST", "/v1/search", body={"query": "black"}), each.keys[mine])
        for each in three
    }
    assert len(told) == 1
    assert world.cache.stats() != before
