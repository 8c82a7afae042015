"""HEAD: what GET would answer, without a body; and what 405 says instead."""

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.routing import Route

from api import library, pages, probes, searching

PATHS = {
    "video_id": "sea",
    "segment_id": "1",
    "name": "file-gone",
    "/static/{path:path}": "/static/app.js",
}
GETS = sorted(
    {
        route.path
        for router in (library.router, probes.router, pages.router)
        for route in router.routes
        if isinstance(route, APIRoute)
    }
)
VARYING = {"x-request-id", "date"}


def address(path: str) -> str:
    """Return a path that is there, for the template of a route."""
    if path in PATHS:
        return PATHS[path]
    return path.format_map(PATHS)


@pytest.mark.parametrize("path", [*GETS, "/openapi.json"])
def test_head_is_get_without_a_body(client: TestClient, path: str) -> None:
    """The same status and headers, so that a client learns the length and the tag."""
    plain = {"Accept-Encoding": "identity"}
    got = client.get(address(path), headers=plain)
    asked = client.head(address(path), headers=plain)
    assert (asked.status_code, asked.content) == (got.status_code, b"")
    assert got.status_code == 200
    mine = {name: value for name, value in asked.headers.items() if name not in VARYING}
    theirs = {name: value for name, value in got.headers.items() if name not in VARYING}
    if path in {"/metrics", "/v1/collections"}:  # the request before counts, and indexes grow older
        del mine["content-length"], theirs["content-length"]
    assert mine == theirs


def test_head_of_what_is_not_there_has_no_body(client: TestClient) -> None:
    """A problem's headers, and nothing of its document."""
    answer = client.head("/v1/videos/none")
    assert (answer.status_code, answer.content) == (404, b"")
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        pytest.param("DELETE", "/v1/videos", "GET, HEAD, POST", id="library"),
        pytest.param("POST", "/v1/videos/sea/file", "GET, HEAD", id="file"),
        pytest.param("GET", "/v1/search", "POST", id="search"),
        pytest.param("HEAD", "/v1/search/batch", "POST", id="batch"),
        pytest.param("TRACE", "/", "GET, HEAD", id="trace"),
        pytest.param("PUT", "/openapi.json", "GET, HEAD", id="document"),
        pytest.param("OPTIONS", "/static/app.js", "GET, HEAD", id="static"),
    ],
)
def test_another_method_is_told_those_that_there_are(
    client: TestClient, method: str, path: str, allowed: str
) -> None:
    """In the header Allow, which 405 must have (RFC 9110, 15.5.6)."""
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


def test_every_route_is_tried() -> None:
    """A new endpoint for GET is found by the tests above."""
    routers = (library.router, probes.router, pages.router, searching.router)
    listed = [route for router in routers for route in router.routes]
    found = {r.path for r in listed if isinstance(r, Route) and "GET" in (r.methods or ())}
    assert found == set(GETS)
