"""The endpoints of machines that keep their footage: which spans are wanted of them."""

import os
from pathlib import Path as FilePath
from time import monotonic
from typing import Annotated, Self

import anyio
from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import openapi_examples, problem_kinds, wish_kinds
from api.asked import writable
from api.dependencies import Opened, Received, Wished
from api.limits import DefaultCollection, expect, text
from api.principal import Asking
from api.problem_kinds import STORE
from api.problems import Refused
from api.reading_router import ReadingRouter
from api.schemas import InCollection
from api.wishing import Wishing
from clipseek.brought import MOST_BYTES, digest_of
from clipseek.errors import (
    CollectionNotFound,
    DiskFull,
    InvalidQuery,
    UploadBusy,
    UploadExpired,
    UploadNotFound,
)
from clipseek.live.boxes import is_complete
from clipseek.uploads import Uploads
from clipseek.wishes import Why, Wish, WishNotFound

POLL_S = 0.25
LONGEST_S = 8.0
"""An answer is waited for at most so long: nginx ends a connection that is silent for 10 s."""
AT_ONCE = 8
"""Wishes of one answer."""

WishId = Annotated[
    str,
    Path(min_length=1, max_length=64, description="The `id` of a wish."),
    text(1, 64),
]


class WantedAsked(InCollection):
    """Of which collection, and how long an answer may take."""

    wait: Annotated[
        float,
        Field(
            ge=0,
            le=LONGEST_S,
            allow_inf_nan=False,
            description=f"Seconds to wait for a wish if there is none now, 0 to {LONGEST_S:g}.",
        ),
        expect(f"a number from 0 to {LONGEST_S:g}"),
    ] = 0.0


class WishAnswer(BaseModel):
    """One span that is wanted."""

    id: str
    video: str = Field(description="The id of the video.")
    start: float = Field(description="Seconds of the video; the span is [start, end).")
    end: float
    height: int = Field(description="The picture is to be at most so many pixels high.")
    preview: bool = Field(
        description="Whether it is encoded for any browser; otherwise packets may be copied."
    )

    @classmethod
    def of(cls, wish: Wish) -> Self:
        """Write a wish of the core."""
        return cls(
            id=wish.id,
            video=wish.video,
            start=wish.start,
            end=wish.end,
            height=wish.height,
            preview=wish.is_preview,
        )


class WantedAnswer(BaseModel):
    """What is wanted of the machine that asks, the oldest wish first."""

    wanted: list[WishAnswer]


class SentSpan(BaseModel):
    """The file of a span, or why it cannot be sent."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra={"examples": [{"why": "gone"}]},
    )

    collection: DefaultCollection = None
    upload: Annotated[
        str | None,
        Field(max_length=64, description="A complete upload with the file, an MP4."),
        text(1, 64),
    ] = None
    sha256: Annotated[
        str | None,
        Field(pattern=r"^[0-9a-f]{64}$", description="The SHA-256 of the file."),
        expect("64 hexadecimal digits"),
    ] = None
    why: Annotated[
        Why | None,
        Field(description="Why the span cannot be sent."),
        expect("one of gone, changed, unrecorded, not_cut and too_large"),
    ] = None

    @model_validator(mode="after")
    def _require_one(self) -> Self:
        is_file = self.upload is not None and self.sha256 is not None
        is_part = self.upload is not None or self.sha256 is not None
        if is_file == (self.why is not None) or is_part != is_file:
            raise PydanticCustomError("limits", "must have upload and sha256, or why")
        return self


router = ReadingRouter()


@router.get(
    "/v1/parts/wanted",
    tags=["jobs"],
    summary="List the spans that are wanted of the machine that asks",
    responses=openapi_examples.responses(
        "/v1/parts/wanted",
        InvalidQuery,
        CollectionNotFound,
        problem_kinds.FORBIDDEN,
        *STORE,
        success=openapi_examples.WANTED_ANSWER,
    ),
)
async def wanted(
    asking: Asking, service: Opened, wishing: Wished, asked: Annotated[WantedAsked, Query()]
) -> WantedAnswer:
    """List spans of videos that this key has sent and whose files are at its machine.

    Each is told once in a minute until it is sent, refused, or not waited for any more. Who asks is
    taken to be connected for the next 45 seconds.
    """

    def begun() -> str:
        collection = writable(asking, service, asked)
        key = service.catalog.collection(collection).key
        wishing.store.see(asking.name, key)
        return key

    key, until = await run_in_threadpool(begun), monotonic() + asked.wait
    while True:
        found = await run_in_threadpool(wishing.store.take, asking.name, key, AT_ONCE)
        if found or monotonic() >= until or wishing.is_ending():
            return WantedAnswer(wanted=[WishAnswer.of(wish) for wish in found])
        await anyio.sleep(POLL_S)


@router.post(
    "/v1/parts/wanted/{wish_id}",
    tags=["jobs"],
    summary="Send a span that is wanted, or say why not",
    status_code=204,
    response_class=Response,
    responses={
        204: {"description": "The span is there, or the reason is noted."},
        **openapi_examples.responses(
            "/v1/parts/wanted/9f2c1a7be04d55689f2c1a7be04d5568",
            InvalidQuery,
            CollectionNotFound,
            WishNotFound,
            UploadNotFound,
            UploadExpired,
            UploadBusy,
            DiskFull,
            problem_kinds.UPLOAD_INCOMPLETE,
            wish_kinds.NOT_A_SPAN,
            problem_kinds.FORBIDDEN,
            problem_kinds.MALFORMED_JSON,
            problem_kinds.BODY_TOO_LARGE,
            *STORE,
        ),
    },
)
async def sent(
    asking: Asking,
    service: Opened,
    receiving: Received,
    wishing: Wished,
    wish_id: WishId,
    body: SentSpan,
) -> Response:
    """Store the file of a span that was uploaded, so that it plays for everybody who waits for it.

    The upload is deleted. Only the key of the machine that is to send the span can do that.
    """

    def done() -> None:
        collection = writable(asking, service, InCollection(collection=body.collection))
        wish = wishing.store.get(wish_id, asking.name)
        if wish.collection != service.catalog.collection(collection).key:
            raise WishNotFound(wish_id)
        if body.why is not None:
            wishing.store.refuse(wish_id, asking.name, body.why)
            return
        _keep(wishing, receiving.uploads, wish, body)
        wishing.store.fulfil(wish_id, asking.name)

    await receiving.call(done)
    return Response(status_code=204)


def _keep(wishing: Wishing, uploads: Uploads, wish: Wish, body: SentSpan) -> None:
    """Move the bytes of an upload to where spans are kept.

    Raises:
        Refused: it is not complete, or not the file that it is to be.
        ClipseekError: as `Uploads.get`, or another request or a job uses it.
    """
    upload = uploads.get(body.upload or "", wish.site)
    if upload.job:
        raise UploadBusy(upload.id)
    if not upload.is_complete:
        raise Refused(
            problem_kinds.UPLOAD_INCOMPLETE,
            f"upload {upload.id} has {upload.offset} of {upload.length} bytes; send the rest "
            "with PATCH first",
        )
    with uploads.parts.locked(upload.id):
        file = uploads.parts.data(upload.id)
        if upload.length > MOST_BYTES:
            wrong = f"has {upload.length} bytes, and {MOST_BYTES} are the most"
        elif digest_of(file) != body.sha256:
            wrong = "does not have the SHA-256 that was sent with it"
        elif not _is_mp4(file):
            wrong = "is not a complete MP4"
        else:
            wishing.brought.keep(wish.collection, wish.video, wish.id, file)
            wrong = ""
        uploads.parts.delete(upload.id)
    if wrong:
        raise Refused(wish_kinds.NOT_A_SPAN, f"upload {upload.id} {wrong}; send it again")


def _is_mp4(file: FilePath) -> bool:
    with file.open("rb") as opened:

        def read(at: int, size: int) -> bytes:
            return os.pread(opened.fileno(), size, at)

        return is_complete(read, os.fstat(opened.fileno()).st_size)
