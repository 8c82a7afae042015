"""The answers to errors of the application: each becomes a problem document."""

import logging
from collections.abc import Sequence

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from api.field_errors import field_errors, validation_detail
from api.problem_kinds import (
    HTTP_KINDS,
    INTERNAL,
    KINDS,
    MALFORMED_JSON,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    kind_of,
)
from api.problems import RETRY_AFTER_S, Refused, detail_of, request_id, respond
from api.upload_kinds import Kind
from clipseek import errors

log = logging.getLogger("clipseek.api")


def install(app: FastAPI) -> None:
    """Answer every error of the application with a problem document."""
    app.add_exception_handler(errors.ClipseekError, _refused)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)


async def answer_to(
    request: Request, error: errors.ClipseekError | Refused | RequestValidationError
) -> Response:
    """Return the answer to an error, for a route that adds something to it."""
    if isinstance(error, RequestValidationError):
        return await _validation_error(request, error)
    return refusal_of(request, error)


def refusal_of(request: Request, error: Refused | errors.ClipseekError) -> Response:
    """Return the answer to a request that is refused; every refusal passes here."""
    if isinstance(error, Refused):
        if error.reason is not None:
            log.warning("request %s: %s", request_id(request), error.reason)
        return respond(request, error.kind, error.detail, headers=error.headers)
    unavailable = isinstance(error, errors.ServiceUnavailable)
    headers = {"Retry-After": RETRY_AFTER_S} if unavailable else None
    return respond(request, kind_of(error), detail_of(request, error), headers=headers)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused | errors.ClipseekError)
    return refusal_of(request, error)


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    raw = error.errors()
    broken = next((item for item in raw if item["type"] == "json_invalid"), None)
    if broken is not None:
        reason = str(broken["ctx"]["error"])
        at = f"{reason} at character {broken['loc'][-1]}"
        return respond(request, MALFORMED_JSON, f"the body is not JSON: {at}")
    fields = field_errors(raw)
    kind = KINDS[errors.InvalidQuery]
    return respond(request, kind, validation_detail(fields, len(raw)), fields=fields)


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = HTTP_KINDS.get(error.status_code, INTERNAL)
    headers = dict(error.headers or {})
    if kind is METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request))
    return respond(request, kind, _http_detail(request, kind, error), headers=headers)


def _methods(request: Request) -> list[str]:
    """Return the methods that the path of a request takes; a route names only its own."""
    root = request.scope.get("root_path", "")
    path = request.scope["path"].removeprefix(root)
    routes: Sequence[Route] = request.app.state.routes
    found = (route.methods or set() for route in routes if route.path_regex.match(path))
    return sorted(set().union(*found))


def _http_detail(request: Request, kind: Kind, error: HTTPException) -> str:
    path = request.scope["path"]
    details = {
        NOT_FOUND: f"nothing is at {path}; /docs lists the paths",
        METHOD_NOT_ALLOWED: f"{path} does not take {request.method}; see the header Allow",
        MALFORMED_JSON: "the body cannot be read as JSON: it is not UTF-8, is nested too deep, or "
        "contains a number with thousands of digits",
    }
    return details.get(kind, str(error.detail))
