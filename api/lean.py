"""A route without FastAPI's dependencies, for endpoints that are asked very often."""

import json
from collections.abc import Callable
from typing import Any, TypeVar, get_type_hints

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api import problems
from api.problems import Refused

Body = TypeVar("Body", bound=BaseModel)


class LeanRoute(APIRoute):
    """Calls an endpoint `(request, body)` with its validated JSON body; it returns a Response.

    The OpenAPI document is FastAPI's own, made from the signature; only its solver of dependencies,
    with the stacks that these would be closed by, and its serializer of answers are passed by.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        model = get_type_hints(endpoint)["body"]

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            # Errors are answered further out, by the application's own handlers.
            request = Request(scope, receive, send)
            response: Response = await endpoint(request, await read(request, model))
            await response(scope, receive, send)

        self.app = app


async def read(request: Request, model: type[Body]) -> Body:
    """Read and validate the body of a request.

    Raises:
        Refused: the body does not say that it is JSON.
        RequestValidationError: it is no JSON, or not what the model takes.
        HTTPException: it cannot be read at all.
    """
    _require_json(request.headers.get("content-type", ""))
    try:
        value = json.loads(await request.body())
    except json.JSONDecodeError as error:
        broken = {"type": "json_invalid", "loc": ("body", error.pos), "ctx": {"error": error.msg}}
        raise RequestValidationError([broken]) from error
    except (ValueError, RecursionError, ClientDisconnect) as error:
        raise HTTPException(problems.MALFORMED_JSON.status) from error
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise RequestValidationError(located("body", error)) from error


def located(place: str, error: ValidationError) -> list[Any]:
    """Return what pydantic found wrong, under the name of the part of the request it is in."""
    return [{**found, "loc": (place, *found["loc"])} for found in error.errors()]


def _require_json(content_type: str) -> None:
    kind = content_type.partition(";")[0].strip().lower()
    if kind != "application/json" and not (
        kind.startswith("application/") and kind.endswith("+json")
    ):
        raise Refused(
            problems.UNSUPPORTED_MEDIA_TYPE,
            f"the body must be JSON, got {kind or 'no Content-Type'}; "
            "send the header Content-Type: application/json",
        )
