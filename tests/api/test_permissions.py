"""What a principal may do: each endpoint asks for a scope, and hides collections of others."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi.testclient import TestClient
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from api.app import create_app
from api.principal import Principal
from clipseek.keys import Scope
from tests.api.library import Library

READS = (
    "/v1/collections",
    "/v1/videos",
    "/v1/videos/sea",
    "/v1/videos/sea/segments",
    "/v1/videos/sea/file",
    "/v1/segments/1/thumbnail",
)


class As:
    """Lets each request come from the last principal of a list."""

    def __init__(self, app: ASGIApp, principals: list[Principal]) -> None:
        self.app = app
        self.principals = principals

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        scope.setdefault("state", {})["principal"] = self.principals[-1]
        await self.app(scope, receive, send)


@contextmanager
def asking(
    library: Library, *scopes: Scope, collections: frozenset[str] | None = None
) -> Iterator[TestClient]:
    """Open a client whose requests come from a principal with some scopes."""
    app = create_app(library.service())
    principal = Principal("somebody", frozenset(scopes), collections)
    app.user_middleware.append(Middleware(As, principals=[principal]))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def tenants(library: Library) -> Library:
    """Return a library of two collections, `default` and `other`."""
    library.add("night.mp4", ["black"], collection="other")
    return library


@pytest.mark.parametrize("path", READS)
def test_reading_needs_the_scope_search(library: Library, path: str) -> None:
    """No other scope includes it."""
    with asking(library, "write", "admin") as client:
        answer = client.get(path)
    assert answer.status_code == 403
    assert answer.json()["type"] == "/problems/forbidden"
    assert "'search'" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/search", {"query": "red"}),
        ("/v1/search/batch", {"searches": [{"query": "red"}]}),
    ],
)
def test_searching_needs_the_scope_search(
    library: Library, path: str, body: dict[str, object]
) -> None:
    """The whole batch is refused."""
    with asking(library, "write") as client:
        assert client.post(path, json=body).status_code == 403


def test_metrics_need_the_scope_admin_and_all_collections(library: Library) -> None:
    """They name collections."""
    with asking(library, "search", "write") as client:
        assert client.get("/metrics").status_code == 403
    with asking(library, "admin", collections=frozenset({"default"})) as client:
        assert client.get("/metrics").status_code == 403
    with asking(library, "admin") as client:
        assert client.get("/metrics").status_code == 200


def test_probes_need_no_scope(library: Library) -> None:
    """Orchestrators have no key."""
    with asking(library) as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 200


def test_a_collection_of_others_is_answered_as_one_that_does_not_exist(tenants: Library) -> None:
    """In every endpoint that takes its name, and word by word except for that name."""
    with asking(tenants, "search", collections=frozenset({"other"})) as client:
        for path in ("/v1/videos", "/v1/videos/sea", "/v1/videos/sea/segments"):
            hidden = client.get(path, params={"collection": "default"})
            missing = client.get(path, params={"collection": "missing"})
            assert hidden.status_code == missing.status_code == 404
            assert hidden.json()["detail"].replace("default", "missing") == missing.json()["detail"]
        answers = [
            client.post("/v1/search", json={"query": "red", "collection": name})
            for name in ("default", "missing")
        ]
        assert [answer.status_code for answer in answers] == [404, 404]
        both = client.post(
            "/v1/search/batch",
            json={
                "searches": [
                    {"query": "red", "collection": name} for name in ("default", "missing", "other")
                ]
            },
        ).json()["results"]
        assert [one.get("problem", {}).get("type") for one in both] == [
            "/problems/collection-not-found",
            "/problems/collection-not-found",
            None,
        ]


def test_a_picture_of_others_is_answered_as_one_that_does_not_exist(tenants: Library) -> None:
    """Segments are named by numbers that anybody can guess."""
    with asking(tenants, "search", collections=frozenset({"other"})) as client:
        hidden, missing = (client.get(f"/v1/segments/{n}/thumbnail") for n in (1, 10_000))
        assert hidden.status_code == missing.status_code == 404
        assert hidden.json()["detail"].replace("1;", "10000;") == missing.json()["detail"]
        mine = client.get("/v1/videos/night/segments").json()["segments"][0]["thumbnail_url"]
        assert client.get(mine).status_code == 200


def test_an_allowed_collection_is_the_default(tenants: Library) -> None:
    """So that no answer names the default of the server to somebody who may not use it."""
    with asking(tenants, "search", collections=frozenset({"other"})) as client:
        listed = client.get("/v1/collections").json()
        assert listed["default"] == "other"
        assert [each["name"] for each in listed["collections"]] == ["other"]
        found = client.post("/v1/search", json={"query": "black"}).json()
        assert found["collection"] == "other"


def test_an_answer_that_is_cached_is_not_for_others(tenants: Library) -> None:
    """The check is made before a cache is asked."""
    principals = [Principal("a", frozenset({"search"}), frozenset({"default"}))]
    app = create_app(tenants.service())
    app.user_middleware.append(Middleware(As, principals=principals))
    with TestClient(app) as client:
        body = {"query": "red", "collection": "default"}
        cached = [client.post("/v1/search", json=body) for _ in range(2)]
        assert [answer.status_code for answer in cached] == [200, 200]
        principals.append(Principal("b", frozenset({"search"}), frozenset({"other"})))
        assert client.post("/v1/search", json=body).status_code == 404


def test_an_alias_that_is_allowed_opens_the_collection_behind_it(tenants: Library) -> None:
    """Links in answers name the collection itself."""
    tenants.catalog.set_alias("nights", "other")
    with asking(tenants, "search", collections=frozenset({"nights"})) as client:
        listed = client.get("/v1/collections").json()["collections"]
        assert [each["name"] for each in listed] == ["other"]
        (hit, *_) = client.post("/v1/search", json={"query": "black"}).json()["hits"]
        assert client.get(hit["thumbnail_url"]).status_code == 200
        assert client.get(hit["play_url"].partition("#")[0]).status_code == 200


UPLOADS = [
    pytest.param("POST", "/v1/uploads", id="begin"),
    pytest.param("HEAD", "/v1/uploads/ID", id="look"),
    pytest.param("PATCH", "/v1/uploads/ID", id="append"),
    pytest.param("DELETE", "/v1/uploads/ID", id="end"),
]
TUS = {
    "Tus-Resumable": "1.0.0",
    "Upload-Length": "5",
    "Upload-Offset": "0",
    "Content-Type": "application/offset+octet-stream",
}


@pytest.mark.parametrize(("method", "path"), UPLOADS)
def test_uploading_needs_the_scope_write(library: Library, method: str, path: str) -> None:
    """No other scope includes it."""
    with asking(library, "search", "admin") as client:
        answer = client.request(method, path.replace("ID", "0" * 32), headers=TUS)
    assert answer.status_code == 403


def test_an_upload_is_for_a_collection_of_the_principal(library: Library) -> None:
    """The one that is named, or the first one that they may use."""
    with asking(library, "write", collections=frozenset({"other"})) as client:
        named = {**TUS, "Upload-Metadata": "collection ZGVmYXVsdA=="}  # default
        assert client.post("/v1/uploads", headers=named).status_code == 404
        path = client.post("/v1/uploads", headers=TUS).headers["Location"]
        assert client.patch(path, headers=TUS, content=b"12345").status_code == 204
        uploads = client.app.state.receiving.uploads  # type: ignore[attr-defined]  # it is a FastAPI
        assert uploads.get(path.rpartition("/")[2], "somebody").collection == "other"


@pytest.mark.parametrize(("method", "path"), UPLOADS[1:])
def test_an_upload_of_another_principal_is_not_there(
    library: Library, method: str, path: str
) -> None:
    """Neither is one for a collection that the principal may not use any more."""
    with asking(library, "write") as client:
        uploads = client.app.state.receiving.uploads  # type: ignore[attr-defined]  # it is a FastAPI
        upload = uploads.create("another", "default", 5, {})
        answer = client.request(method, path.replace("ID", upload.id), headers=TUS)
        missing = client.request(method, path.replace("ID", "0" * 32), headers=TUS)
        assert answer.status_code == missing.status_code == 404
    with asking(library, "write", collections=frozenset({"other"})) as client:
        upload = uploads.create("somebody", "default", 5, {})
        assert client.request(method, path.replace("ID", upload.id), headers=TUS).status_code == 404
