"""A key for some collections learns nothing of others: every answer is as if they did not exist."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.api.live_operations import LIVE_OPERATIONS
from tests.api.renew import document
from tests.api.review_operations import REVIEW_OPERATIONS
from tests.api.tenant_requests import (
    PART,
    TUS,
    conditions,
    cutting,
    foreign,
    in_collection,
    jobs,
    limits,
    moment,
    names,
    reading,
    repeats,
    requests,
    search,
    sentences,
    some,
    span,
    uploads,
    videos,
)
from tests.api.tenants import ALLOWED, KEYS, Asked, Told, World, worlds

EXAMPLES = int(os.environ.get("CLIPSEEK_TEST_EXAMPLES", "10"))

PROBE = "GET /readyz"
"""It looks at all collections, for everybody."""

OPERATIONS: dict[str, st.SearchStrategy[Asked]] = {
    **LIVE_OPERATIONS,
    **REVIEW_OPERATIONS,
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
    "GET /v1/videos/{video_id}/segment-tags": reading(
        "/v1/videos/ID/segment-tags", videos, some({}, collection=names, limit=limits)
    ),
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
