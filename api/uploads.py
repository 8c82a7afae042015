"""The endpoints of uploads: version 1.0 of tus, the protocol for resumable uploads.

https://tus.io/protocols/resumable-upload: the core and the extensions creation, expiration and
termination. `X-HTTP-Method-Override` is not read: it would let a request pass as another one.
"""

import base64
import binascii
import re
from collections.abc import Callable, Coroutine
from email.utils import formatdate
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.responses import Response

from api import error_handlers, openapi_examples, problem_kinds, upload_kinds
from api.dependencies import Opened, Received
from api.limits import expect, text
from api.principal import Asking, Principal, permit
from api.problems import Refused
from api.receiving import Receiving
from clipseek.config import collection_name
from clipseek.errors import (
    ClipseekError,
    CollectionNotFound,
    DiskFull,
    InvalidQuery,
    ServiceUnavailable,
    UploadBusy,
    UploadExpired,
    UploadNotFound,
    UploadQuotaExceeded,
    UploadTooLarge,
    WrongOffset,
)
from clipseek.uploads import Upload

VERSION = "1.0.0"
PART = "application/offset+octet-stream"
MAX_LENGTH = 2**53 - 1
"""The largest number that JavaScript, and so most clients of tus, can count to."""

ASKED_HEADERS = ("Tus-Resumable", "Upload-Length", "Upload-Metadata", "Upload-Offset")
ANSWERED_HEADERS = (
    "Location",
    "Tus-Extension",
    "Tus-Max-Size",
    "Tus-Resumable",
    "Tus-Version",
    "Upload-Expires",
    "Upload-Length",
    "Upload-Offset",
)
"""What the pages of other sites must be allowed to send and to read."""

_KEY = re.compile(r"[!-+\--~]{1,64}")
_EXAMPLE = "/v1/uploads/9f2c1a7be04d55689f2c1a7be04d5568"


class TusRoute(APIRoute):
    """A route that speaks tus: requests and answers name its version, also those of errors."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        answer = super().get_route_handler()

        async def speak(request: Request) -> Response:
            try:
                if request.method != "OPTIONS":
                    _require_version(request)
                response = await answer(request)
            except (ClipseekError, Refused, RequestValidationError) as error:
                response = await error_handlers.answer_to(request, error)
            response.headers["Tus-Resumable"] = VERSION
            response.headers["Cache-Control"] = "no-store"
            return response

        return speak


UploadId = Annotated[
    str,
    Path(min_length=1, max_length=64, description="The last part of the `Location` of an upload."),
    text(1, 64),
]
Length = Annotated[
    int,
    Header(
        alias="Upload-Length",
        ge=1,
        le=MAX_LENGTH,
        description=f"Bytes of the whole file, 1 to {MAX_LENGTH}.",
    ),
    expect(f"a whole number from 1 to {MAX_LENGTH}"),
]
Offset = Annotated[
    int,
    Header(
        alias="Upload-Offset",
        ge=0,
        le=MAX_LENGTH,
        description="Bytes that are stored already; the body continues there.",
    ),
    expect(f"a whole number from 0 to {MAX_LENGTH}"),
]
Metadata = Annotated[
    str,
    Header(
        alias="Upload-Metadata",
        description="What is known of the file: keys and their values in Base64, such as "
        "`filename c2VhLm1wNA==,collection Y2l0eQ==`. `collection` names the library.",
    ),
]
Speaks = Annotated[
    str | None,
    Header(alias="Tus-Resumable", description=f"The version of tus: `{VERSION}`."),
]

router = APIRouter(route_class=TusRoute)


def _problems(
    path: str, *others: upload_kinds.Kind | type[ClipseekError]
) -> dict[int | str, dict[str, Any]]:
    """Return what every endpoint that changes or reads an upload may answer, and the others."""
    return openapi_examples.responses(
        path,
        InvalidQuery,
        problem_kinds.TUS_VERSION,
        problem_kinds.FORBIDDEN,
        CollectionNotFound,
        *others,
        ServiceUnavailable,
    )


@router.options("/v1/uploads", tags=["library"], summary="Say how uploads work", status_code=204)
async def options(receiving: Received) -> Response:
    """Name the versions of tus, its extensions and the largest upload."""
    return Response(
        status_code=204,
        headers={
            "Tus-Version": VERSION,
            "Tus-Extension": "creation,expiration,termination",
            "Tus-Max-Size": str(receiving.uploads.bounds.file_bytes),
        },
    )


@router.post(
    "/v1/uploads",
    tags=["library"],
    summary="Begin an upload",
    status_code=201,
    response_class=Response,
    responses={
        201: {"description": "`Location` is the upload; send its bytes there with PATCH."},
        **_problems("/v1/uploads", UploadTooLarge, UploadQuotaExceeded, DiskFull),
    },
)
async def begin(
    service: Opened,
    receiving: Received,
    asking: Asking,
    length: Length,
    metadata: Metadata = "",
    _speaks: Speaks = None,
) -> Response:
    """Make room for a file of this length. Nothing is indexed before a job says so."""
    asking = permit(asking, "write")
    known = _known(metadata)
    collection = _collection(known, asking.default(service.settings.collection))
    permit(asking, "write", collection)
    upload = await receiving.begin(asking.name, collection, length, known)
    location = f"{service.settings.root}/v1/uploads/{upload.id}"
    return Response(status_code=201, headers={"Location": location, **_state(upload)})


@router.head(
    "/v1/uploads/{upload_id}",
    tags=["library"],
    summary="Say how much of an upload is stored",
    response_class=Response,
    responses={
        200: {"description": "`Upload-Offset` bytes of `Upload-Length` are stored."},
        **_problems(_EXAMPLE, UploadNotFound, UploadExpired),
    },
)
async def look(
    receiving: Received, asking: Asking, upload_id: UploadId, _speaks: Speaks = None
) -> Response:
    """Return where to continue; so many bytes are on the disk."""
    upload = await _theirs(receiving, asking, upload_id)
    return Response(headers={"Upload-Length": str(upload.length), **_state(upload)})


@router.patch(
    "/v1/uploads/{upload_id}",
    tags=["library"],
    summary="Add bytes to an upload",
    status_code=204,
    response_class=Response,
    responses={
        204: {"description": "All bytes of the body are on the disk."},
        **_problems(
            _EXAMPLE,
            problem_kinds.NOT_A_PART,
            problem_kinds.REQUEST_TIMEOUT,
            problem_kinds.TOO_MANY_PARTS,
            UploadNotFound,
            UploadExpired,
            UploadBusy,
            UploadTooLarge,
            WrongOffset,
            DiskFull,
        ),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {PART: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def append(
    request: Request,
    receiving: Received,
    asking: Asking,
    upload_id: UploadId,
    offset: Offset,
    _speaks: Speaks = None,
) -> Response:
    """Store a part as it comes in. What came before a cut stays: ask with HEAD, and continue."""
    await _theirs(receiving, asking, upload_id)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != PART:
        raise Refused(
            problem_kinds.NOT_A_PART,
            f"Content-Type must be {PART}, got {kind or 'none'}",
        )
    upload = await receiving.append(request, upload_id, asking.name, offset)
    return Response(status_code=204, headers=_state(upload))


@router.delete(
    "/v1/uploads/{upload_id}",
    tags=["library"],
    summary="End an upload",
    status_code=204,
    response_class=Response,
    responses={
        204: {"description": "The upload and its bytes are deleted."},
        **_problems(_EXAMPLE, UploadNotFound, UploadExpired, UploadBusy),
    },
)
async def end(
    receiving: Received, asking: Asking, upload_id: UploadId, _speaks: Speaks = None
) -> Response:
    """Delete what was uploaded, unless a job uses it."""
    await _theirs(receiving, asking, upload_id)
    await receiving.end(upload_id, asking.name)
    return Response(status_code=204)


async def _theirs(receiving: Receiving, asking: Principal, upload_id: str) -> Upload:
    """Return an upload that a principal may continue and end."""
    permit(asking, "write")
    upload = await receiving.call(receiving.uploads.get, upload_id, asking.name)
    permit(asking, "write", upload.collection)
    return upload


def _state(upload: Upload) -> dict[str, str]:
    """Return the headers that say how much is stored, and for how long."""
    return {
        "Upload-Offset": str(upload.offset),
        "Upload-Expires": formatdate(upload.expires, usegmt=True),
    }


def _require_version(request: Request) -> None:
    named = request.headers.get("tus-resumable")
    if named != VERSION:
        raise Refused(
            problem_kinds.TUS_VERSION,
            f"Tus-Resumable must be {VERSION}, got {named or 'none'}",
            {"Tus-Version": VERSION},
        )


def _known(metadata: str) -> dict[str, str]:
    """Read `Upload-Metadata`: pairs of a key and a value in Base64; raise InvalidQuery."""
    known: dict[str, str] = {}
    for pair in filter(None, (each.strip() for each in metadata.split(","))):
        key, _, value = pair.partition(" ")
        try:
            if not _KEY.fullmatch(key) or key in known:
                raise ValueError(key)
            known[key] = base64.b64decode(value.strip(), validate=True).decode()
        except (ValueError, binascii.Error) as error:
            raise InvalidQuery(
                "Upload-Metadata must be pairs of a key and a value in Base64 of UTF-8, each key "
                f"once, separated by commas, got {pair[:60]!r}"
            ) from error
    return known


def _collection(known: dict[str, str], default: str) -> str:
    """Return the collection that an upload is for; raise InvalidQuery."""
    try:
        return collection_name(known.get("collection", default))
    except ValueError as error:
        raise InvalidQuery(f"collection in Upload-Metadata: {error}") from error
