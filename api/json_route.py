"""A route for endpoints that are asked very often: it reads a JSON body, and nothing else."""

import json
from collections.abc import Iterable
from functools import lru_cache, partial
from typing import Any, TypeVar, get_type_hints

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from api import problem_kinds
from api.packing import STEADY
from api.problems import Refused

REMEMBERED, REMEMBERED_BYTES = 1024, 1024
"""How many bodies are remembered as they were read, and of how many bytes at most.

Clients that ask for the same mostly send the same bytes; a cached search took 6 us less.
"""

Body = TypeVar("Body", bound=BaseModel)


class JsonRoute(Route):
    """Answers in place of a route of FastAPI, which only documents the endpoint.

    It calls the endpoint `(request, body)` with the validated body, and sends the Response that
    this returns. Requests with the same bytes share one body, so an endpoint must not change it.
    """

    def __init__(self, documented: APIRoute) -> None:
        super().__init__(documented.path, documented.endpoint, methods=documented.methods)
        self._read = partial(read, model=get_type_hints(documented.endpoint)["body"])
        self._reread = lru_cache(REMEMBERED)(self._read)
        self.app = self._answer

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Say whether a request is for this route; metrics and traces name it by its path."""
        match, found = super().matches(scope)
        found["route"] = self
        return match, found

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Errors are answered further out, by the application's own handlers.
        _require_json(scope["headers"])
        sent = await _received(receive)
        body = (self._reread if len(sent) <= REMEMBERED_BYTES else self._read)(sent)
        response: Response = await self.endpoint(Request(scope, receive, send), body)
        await response(scope, receive, send)


def read(body: bytes, model: type[Body]) -> Body:
    """Parse and validate a body.

    Raises:
        RequestValidationError: it is not JSON, or not what the model takes.
        HTTPException: it cannot be read at all.
    """
    try:
        value = json.loads(body)
    except json.JSONDecodeError as error:
        broken = {"type": "json_invalid", "loc": ("body", error.pos), "ctx": {"error": error.msg}}
        raise RequestValidationError([broken]) from error
    except (ValueError, RecursionError) as error:
        raise HTTPException(problem_kinds.MALFORMED_JSON.status) from error
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise RequestValidationError(located("body", error)) from error


def located(place: str, error: ValidationError) -> list[Any]:
    """Return what pydantic found wrong, under the name of the part of the request it is in."""
    return [{**found, "loc": (place, *found["loc"])} for found in error.errors()]


class WrittenJson(Response):
    """An answer of 200 whose body is JSON in bytes already.

    Its headers are bytes too, their names in lower case. A cached search took 4 us more with
    starlette's own Response.

    steady: How many of the first bytes equal answers have in common; see `packing.STEADY`.
    """

    def __init__(
        self, body: bytes, headers: Iterable[tuple[bytes, bytes]] = (), *, steady: int = 0
    ) -> None:
        self.status_code, self.background, self.body = 200, None, body
        self._steady = steady
        self.raw_headers = [
            *headers,
            (b"content-length", b"%d" % len(body)),
            (b"content-type", b"application/json"),
        ]

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        await send({"type": "http.response.body", "body": self.body, STEADY: self._steady})


async def _received(receive: Receive) -> bytes:
    """Return the whole body. Starlette's way to it is a generator, and took 5 us more."""
    parts, is_more = [], True
    while is_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HTTPException(problem_kinds.MALFORMED_JSON.status)
        parts.append(message.get("body", b""))
        is_more = message.get("more_body", False)
    return b"".join(parts)


def _require_json(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Raise Refused unless the first header Content-Type says that the body is JSON."""
    content_type = b""
    for name, value in headers:
        if name == b"content-type":
            content_type = value
            break
    kind = _media_type(content_type)
    if kind != "application/json" and not (
        kind.startswith("application/") and kind.endswith("+json")
    ):
        raise Refused(
            problem_kinds.UNSUPPORTED_MEDIA_TYPE,
            f"the body must be JSON, got {kind or 'no Content-Type'}; "
            "send the header Content-Type: application/json",
        )


@lru_cache(maxsize=64)
def _media_type(content_type: bytes) -> str:
    return content_type.decode("latin-1").partition(";")[0].strip().lower()
