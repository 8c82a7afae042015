"""Problem documents (RFC 9457): the one table from errors to HTTP statuses, and their rendering."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from api.schemas import FieldError, Problem
from clipseek import errors

log = logging.getLogger("clipseek.api")

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = "5"
MAX_ERRORS = 5
MAX_DETAIL = 1000
MAX_FIELD = 80


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of problem: its name in the URL, its status, its title and what to do about it."""

    name: str
    status: int
    title: str
    meaning: str

    @property
    def type(self) -> str:
        """The stable reference that clients compare with."""
        return f"/problems/{self.name}"


KINDS: dict[type[errors.ClipseekError], Kind] = {
    errors.InvalidQuery: Kind(
        "invalid-query",
        422,
        "A value of the request is outside its limits",
        "`detail` names the value and its limits, `errors` names each field. Correct it and "
        "repeat the request.",
    ),
    errors.QueryNotRead: Kind(
        "query-not-read",
        422,
        "The query has no words",
        "The query has no letter, digit or pictograph, or none that the model reads. Describe the "
        "moment in words.",
    ),
    errors.VideoNotFound: Kind(
        "video-not-found",
        404,
        "No such video",
        "The collection has no video with this id; `GET /v1/videos` lists its videos.",
    ),
    errors.SegmentNotFound: Kind(
        "segment-not-found",
        404,
        "No such segment",
        "The video of this segment was removed or indexed again since the search. Repeat the "
        "search.",
    ),
    errors.CollectionNotFound: Kind(
        "collection-not-found",
        404,
        "No such collection",
        "`GET /v1/collections` lists the collections; an ingest makes a new one.",
    ),
    errors.UnreadableVideo: Kind(
        "unreadable-video",
        422,
        "The file cannot be read as a video",
        "`detail` names the file and the reason.",
    ),
    errors.NothingIndexed: Kind(
        "nothing-indexed",
        409,
        "Nothing is indexed yet",
        "The operator indexes videos into the collection; the log names the command.",
    ),
    errors.ModelMismatch: Kind(
        "model-mismatch",
        409,
        "The collection is indexed with another model",
        "Search another collection. The operator restores the model that the log names.",
    ),
    errors.CatalogOutdated: Kind(
        "catalog-outdated",
        503,
        "The catalog has another revision than this release reads",
        "The operator runs `indexer migrate`, or starts the release that migrated the catalog; "
        "the log says where it is.",
    ),
    errors.ServiceUnavailable: Kind(
        "service-unavailable",
        503,
        "The database or the data folder cannot be reached now",
        "The request is correct. Repeat it after `Retry-After` seconds.",
    ),
    errors.ConfigError: Kind(
        "configuration",
        500,
        "A setting of the server is missing or wrong",
        "The operator corrects the setting that the log names under the request id.",
    ),
}
"""Every error that clipseek raises on purpose, and what the API says for it."""

STORE = (errors.CatalogOutdated, errors.ServiceUnavailable)
"""What every endpoint that asks the catalog can meet."""

MALFORMED_JSON = Kind(
    "malformed-json",
    400,
    "The body is not JSON",
    "`detail` says at which character the JSON is wrong.",
)
BAD_REQUEST = Kind(
    "bad-request",
    400,
    "The HTTP request cannot be read",
    "`detail` says what is wrong with its first line or its headers.",
)
NOT_FOUND = Kind("not-found", 404, "Nothing is at this path", "`/docs` lists the paths.")
METHOD_NOT_ALLOWED = Kind(
    "method-not-allowed",
    405,
    "This path does not support this method",
    "The header `Allow` lists the methods that it supports.",
)
REQUEST_TIMEOUT = Kind(
    "request-timeout",
    408,
    "The request did not arrive in time",
    "Send headers and body without pausing.",
)
FILE_CHANGED = Kind(
    "file-changed",
    409,
    "The video file has changed since it was indexed",
    "The operator ingests the file again; the log names it.",
)
FILE_GONE = Kind(
    "file-gone",
    410,
    "The video file does not exist any more",
    "The operator restores the file, or ingests it from its new path; the log names it.",
)
THUMBNAIL_GONE = Kind(
    "thumbnail-gone",
    410,
    "The picture does not exist any more",
    "The operator makes it again with `indexer ingest --force`; the log names it.",
)
PRECONDITION_FAILED = Kind(
    "precondition-failed",
    412,
    "The condition `If-Match` or `If-Unmodified-Since` is not true",
    "Omit the header, or request the current state.",
)
BODY_TOO_LARGE = Kind(
    "body-too-large",
    413,
    "The body is too large",
    "Send at most 1 MiB: fewer searches or fewer video ids.",
)
TARGET_TOO_LONG = Kind(
    "target-too-long",
    414,
    "Path and query are too long",
    "`detail` says how long they may be.",
)
UNSUPPORTED_MEDIA_TYPE = Kind(
    "unsupported-media-type",
    415,
    "The body must be JSON",
    "Send the header `Content-Type: application/json`.",
)
RANGE_NOT_SATISFIABLE = Kind(
    "range-not-satisfiable",
    416,
    "The range is outside the file",
    "The header `Content-Range` gives the size of the file.",
)
HOST_NOT_ALLOWED = Kind(
    "host-not-allowed",
    421,
    "The server is not known by this name",
    "Use its address or `localhost`, or ask the operator to add the name to "
    "`CLIPSEEK_ALLOWED_HOSTS`.",
)
HEAD_TOO_LARGE = Kind(
    "headers-too-large",
    431,
    "The headers are too large",
    "`detail` says how large they may be.",
)
INTERNAL = Kind(
    "internal-error",
    500,
    "The server failed",
    "This is an error in clipseek: its log has the traceback under the request id.",
)
FAULT = "the server failed; its log has the traceback under this request id"
"""What is said of a fault: it may name what only operators may know."""
OVERLOADED = Kind(
    "overloaded",
    503,
    "Too many searches are waiting",
    "The request is correct. Repeat it after `Retry-After` seconds.",
)
DEADLINE = Kind(
    "deadline-exceeded",
    504,
    "The search waited too long",
    "It was not computed. Repeat it after `Retry-After` seconds.",
)

HTTP_KINDS = {
    kind.status: kind
    for kind in (
        MALFORMED_JSON,
        NOT_FOUND,
        METHOD_NOT_ALLOWED,
        FILE_CHANGED,
        FILE_GONE,
        BODY_TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE,
        RANGE_NOT_SATISFIABLE,
        INTERNAL,
    )
}
OTHER_KINDS = (
    BAD_REQUEST,
    REQUEST_TIMEOUT,
    THUMBNAIL_GONE,
    PRECONDITION_FAILED,
    TARGET_TOO_LONG,
    HOST_NOT_ALLOWED,
    HEAD_TOO_LARGE,
    OVERLOADED,
    DEADLINE,
)
ALL_KINDS = {kind.name: kind for kind in (*KINDS.values(), *HTTP_KINDS.values(), *OTHER_KINDS)}


CHANGED = "it is not what If-Match names or has changed since; ask without the header"


class Refused(Exception):
    """The API itself refuses a request: no error of the core, but a kind of problem.

    `reason` is for the operator, in the log: it may name paths and commands, which are of no use
    to viewers and none of their business.
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


def kind_of(error: errors.ClipseekError) -> Kind:
    """Return the kind of an error by its class or the nearest base that has one."""
    for cls in type(error).__mro__:
        if cls in KINDS:
            return KINDS[cls]
    return INTERNAL


LOGGED = (
    "something that the server needs is missing or cannot be reached; its log says what, under the "
    "id of this request"
)
"""What is told of an error that is for operators alone."""


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
        detail=_clean(detail, MAX_DETAIL),
        instance=_clean(instance, MAX_DETAIL),
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
        return Response(status_code=status, headers=dict(headers))
    return respond(request, PRECONDITION_FAILED, CHANGED)


def request_id(request: Request) -> str:
    """Return the id that the outermost middleware gave the request."""
    return str(getattr(request.state, "request_id", "unknown"))


def field_errors(raw: Sequence[Any]) -> list[FieldError]:
    """Say in one sentence per field what pydantic found; at most `MAX_ERRORS` of them."""
    return [
        FieldError(field=_field(error["loc"]), detail=_sentence(error))
        for error in raw[:MAX_ERRORS]
    ]


def validation_detail(fields: Sequence[FieldError], total: int) -> str:
    """Join the sentences of the fields into one."""
    more = f"; and {total - len(fields)} more" if total > len(fields) else ""
    return "; ".join(field.detail for field in fields) + more


def install(app: FastAPI) -> None:
    """Answer every error of the application with a problem document."""
    app.add_exception_handler(errors.ClipseekError, _clipseek_error)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)


async def _clipseek_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.ClipseekError)
    unavailable = isinstance(error, errors.ServiceUnavailable)
    headers = {"Retry-After": RETRY_AFTER_S} if unavailable else None
    return respond(request, kind_of(error), detail_of(request, error), headers=headers)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    if error.reason is not None:
        log.warning("request %s: %s", request_id(request), error.reason)
    return respond(request, error.kind, error.detail, headers=error.headers)


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


def _field(location: Sequence[int | str]) -> str:
    """Name a field as a path, without the part of the request that it is in."""
    names = [str(part) for part in location[1:]] or [str(part) for part in location]
    return _clean(".".join(names), MAX_FIELD)


def _sentence(error: Mapping[str, Any]) -> str:
    """Say what a field must be; `schemas.expect` has said it already for most."""
    field = _field(error["loc"])
    reasons = {
        "limits": error["msg"],
        "missing": "is required",
        "extra_forbidden": "is not a known field",
        "model_type": "must be an object",
        "model_attributes_type": "must be an object",
        "dict_type": "must be an object",
    }
    return _clean(f"{field} {reasons.get(error['type'], _lower(error['msg']))}", MAX_DETAIL)


def _lower(message: str) -> str:
    return "is wrong: " + message[:1].lower() + message[1:]


def _clean(text: str, length: int) -> str:
    """Cut text and replace what UTF-8 cannot write, such as lone surrogates."""
    cut = text if len(text) <= length else text[: length - 1] + "…"
    return cut.encode("utf-8", "replace").decode()
