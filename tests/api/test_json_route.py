"""JsonRoute: the endpoints that search are answered by it, and documented by FastAPI's own."""

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from pydantic import AfterValidator, BaseModel
from starlette.responses import Response
from starlette.routing import Match

from api import error_handlers, searching
from api.json_route import REMEMBERED_BYTES, JsonRoute, WrittenJson

JSON = {"Content-Type": "application/json"}
read: list[str] = []
"""What the bodies of the counting endpoint said, once for each time that one was validated."""


def note(word: str) -> str:
    """Take a word."""
    read.append(word)
    return word


class Said(BaseModel):
    """A body."""

    word: Annotated[str, AfterValidator(note)]


async def say(_request: Request, body: Said) -> Response:
    """Answer with the word."""
    return WrittenJson(b'"%b"' % body.word.encode(), [(b"x-word", body.word.encode())])


@pytest.fixture
def counting() -> Iterator[TestClient]:
    """Return a client of an application with one endpoint, which notes what it validates."""
    router, app = APIRouter(), FastAPI()
    router.post("/say")(say)
    (documented,) = router.routes
    assert isinstance(documented, APIRoute)
    app.router.routes.append(JsonRoute(documented))
    error_handlers.install(app)
    read.clear()
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize("path", [route.path for route in searching.routes])
def test_a_search_is_answered_by_it(client: TestClient, path: str) -> None:
    """And not by the route of the same path that documents it, which is slower."""
    app = client.app
    assert isinstance(app, FastAPI)
    asked = {"type": "http", "method": "POST", "path": path}
    first = next(route for route in app.routes if route.matches(asked)[0] is Match.FULL)
    assert isinstance(first, JsonRoute)


def test_every_search_is_documented_and_answered() -> None:
    """None in the document alone."""
    assert len(searching.routes) == len(searching.router.routes) == 2


def test_it_answers_as_starlette_does(counting: TestClient) -> None:
    """With the length and the kind of the body."""
    answer = counting.post("/say", json={"word": "red"})
    assert (answer.status_code, answer.json()) == (200, "red")
    assert answer.headers["X-Word"] == "red"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Length"] == "5"


@pytest.mark.parametrize(
    ("size", "times"),
    [
        pytest.param(20, 1, id="small"),
        pytest.param(REMEMBERED_BYTES, 1, id="just small"),
        pytest.param(REMEMBERED_BYTES + 1, 2, id="large"),
    ],
)
def test_a_small_body_is_read_once(counting: TestClient, size: int, times: int) -> None:
    """Large ones are read each time, because so many of them would fill the memory."""
    sent = b'{"word": "red"}'.ljust(size)
    for _ in range(2):
        answer = counting.post(
            "/say", content=sent, headers={"Content-Type": "application/json; charset=utf-8"}
        )
        assert answer.json() == "red"
    assert read == ["red"] * times


def test_a_body_that_is_wrong_is_refused_each_time(counting: TestClient) -> None:
    """And is read each time."""
    for _ in range(2):
        assert counting.post("/say", json={"word": 1}).status_code == 422
        assert counting.post("/say", content=b"{", headers=JSON).status_code == 400


def test_the_first_kind_of_body_counts(counting: TestClient) -> None:
    """Where a client names two."""
    kinds = ["text/plain", "application/json"]
    for first, second in (kinds, kinds[::-1]):
        headers = [("Content-Type", first), ("Content-Type", second)]
        status = counting.post("/say", content=b'{"word": "red"}', headers=headers).status_code
        assert status == (415 if first == "text/plain" else 200)


def test_a_body_that_comes_in_parts_is_put_together(client: TestClient) -> None:
    """And one that does not come to its end is not answered as a search."""
    assert status(client, [b'{"query"', b': "red"}']) == 200
    assert status(client, [b'{"query": "red"}', None]) == 400


def status(client: TestClient, parts: list[bytes | None]) -> int:
    """Return the status of a search whose body comes in parts; None is a client that goes away."""
    sent: list[dict[str, Any]] = []
    messages: Iterator[dict[str, Any]] = iter(
        {"type": "http.disconnect"}
        if part is None
        else {"type": "http.request", "body": part, "more_body": part is not parts[-1]}
        for part in parts
    )

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"testserver"), (b"content-type", b"application/json")]
    path = {"path": "/v1/search", "query_string": b"", "headers": headers}
    asyncio.run(client.app({"type": "http", "method": "POST", **path}, receive, send))  # type: ignore[arg-type]  # any callable
    found: int = sent[0]["status"]
    return found
