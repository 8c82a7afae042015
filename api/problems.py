"""Problem documents (RFC 9457): what is said of an error, and to whom."""

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi import Request
from starlette.responses import Response

from api.field_errors import MAX_DETAIL, clean
from api.problem_kinds import PRECONDITION_FAILED
from api.schemas import FieldError, Problem
from api.upload_kinds import Kind
from clipseek import errors

log = logging.getLogger("clipseek.api")

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = "5"
CHANGED = "it is not what If-Match names or has changed since; ask without the header"
FAULT = "the server failed; its log has the traceback under this request id"
"""What is said of a fault: it may name what only operators may know."""
LOGGED = (
    "something that the server needs is missing or cannot be reached; its log says what, under the "
    "id of this request"
)
"""What is told of an error that is for operators alone."""


class Refused(Exception):
    """The API itself refuses a request: no error of the core, but a kind of problem.

    `reason` is for the operator, in the log: it may name paths and commands, which viewers must not
    see.
    """

    def __init__(
        self,
        kind: Kind,
        detail: str,
        headers: Mapping[str, str] | None = None,
        *,
        reason: str | None = None,
    ) -> None:
        self.kind = kind
        self.detail = detail
        self.headers = headers
        self.reason = reason
        super().__init__(detail)


def detail_of(request: Request, error: errors.ClipseekError) -> str:
    """Return what is told of an error; what is for operators alone goes to the log.

    An error of the caller does not: the operator has nothing to do.
    """
    told = error.told
    if told != str(error) and not isinstance(error, errors.RequestError):
        log.warning("request %s: %s", request_id(request), error)
    return LOGGED if told is None else told


def problem(
    kind: Kind,
    detail: str,
    *,
    instance: str,
    request_id: str,
    fields: Sequence[FieldError] | None = None,
    root: str = "",
) -> Problem:
    """Build the document; text that UTF-8 cannot write is replaced.

    `root` is the path that the API is served below: the type leads to a page there.
    """
    return Problem(
        type=f"{root}{kind.type}",
        title=kind.title,
        status=kind.status,
        detail=clean(detail, MAX_DETAIL),
        instance=clean(instance, MAX_DETAIL),
        request_id=request_id,
        errors=list(fields) if fields else None,
    )


def respond(
    request: Request,
    kind: Kind,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    fields: Sequence[FieldError] | None = None,
) -> Response:
    """Answer a request with a problem."""
    document = problem(
        kind,
        detail,
        instance=request.scope["path"],
        request_id=request_id(request),
        fields=fields,
        root=request.scope.get("root_path", ""),
    )
    body = json.dumps(document.model_dump(exclude_none=True), ensure_ascii=False)
    said = {"Cache-Control": "no-store", **(headers or {})}  # caches would keep a 404 or a 410
    return Response(body.encode(), kind.status, headers=said, media_type=MEDIA_TYPE)


def conditional(request: Request, status: HTTPStatus, headers: Mapping[str, str]) -> Response:
    """Answer as `conditions.outcome` says; `headers` are what an answer of 200 would have."""
    if status == HTTPStatus.NOT_MODIFIED:
        answer = Response(status_code=status, headers=dict(headers))
        weak = f"W/{answer.headers['ETag']}"
        if "Vary" in answer.headers and weak in request.headers.get("if-none-match", ""):
            # The client has it compressed: with the strong tag, it could add bytes of the other.
            answer.headers["ETag"] = weak
        return answer
    return respond(request, PRECONDITION_FAILED, CHANGED)


def request_id(request: Request) -> str:
    """Return the id that the outermost middleware gave the request."""
    return str(getattr(request.state, "request_id", "unknown"))
