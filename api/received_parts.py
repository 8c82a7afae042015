"""The endpoint for machines that index elsewhere, and send what they have indexed."""

from contextlib import suppress
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from api import job_examples, openapi_examples, problem_kinds
from api.adding import Adds
from api.asked import writable
from api.dependencies import Opened, Received
from api.job_schemas import JobAnswer
from api.limits import DefaultCollection, VideoId, text
from api.principal import Asking, permit
from api.problem_kinds import STORE
from api.problems import Refused
from api.reading_router import ReadingRouter
from api.schemas import InCollection
from clipseek.archive import Origin, Part, prefix_of
from clipseek.errors import (
    CollectionNotFound,
    InvalidQuery,
    KeyReused,
    UploadBusy,
    UploadExpired,
    UploadNotFound,
)


class ReceivedPart(BaseModel):
    """A part of an archive, as `indexer forward` sends it: some videos without their files."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    upload: Annotated[
        str,
        Field(min_length=1, max_length=64, description="The upload that has the bytes."),
        text(1, 64),
    ]
    collection: DefaultCollection = None
    part: Part
    origin: Origin


class Sent(InCollection):
    """Which videos that were sent are listed."""

    after: VideoId | None = Field(default=None, description="The `next` of the page before.")


class SentAnswer(BaseModel):
    """Some of the videos that a key has sent."""

    videos: list[str] = Field(description="Ids of videos that this key has sent.")
    next: str | None = Field(
        default=None, description="Pass it as `after` for the next page; null at the end."
    )


PAGE = 1000
"""Videos that are looked through for one answer."""

router = ReadingRouter()


@router.get(
    "/v1/parts/videos",
    tags=["jobs"],
    summary="List the videos that were sent with this key",
    responses=openapi_examples.responses(
        "/v1/parts/videos",
        InvalidQuery,
        CollectionNotFound,
        problem_kinds.FORBIDDEN,
        *STORE,
        success={"videos": ["3b1f0a52c7d94e6886a1f2d03c5be917"], "next": None},
    ),
)
def sent_videos(asking: Asking, service: Opened, asked: Annotated[Sent, Query()]) -> SentAnswer:
    """List what is in a collection from the machine that asks, some videos at a time."""
    collection = writable(asking, service, asked)
    service.catalog.collection(collection)  # raises if there is none
    page = service.catalog.videos(collection, after=asked.after or "", limit=PAGE)
    prefix = prefix_of(asking.name)
    return SentAnswer(
        videos=[video.id for video in page if video.uri.startswith(prefix)],
        next=page[-1].id if len(page) == PAGE else None,
    )


@router.post(
    "/v1/parts",
    tags=["jobs"],
    summary="Add videos that were indexed elsewhere",
    status_code=202,
    responses=job_examples.accepted(
        "/v1/parts",
        InvalidQuery,
        KeyReused,
        UploadNotFound,
        UploadExpired,
        UploadBusy,
        problem_kinds.UPLOAD_INCOMPLETE,
        problem_kinds.FORBIDDEN,
        problem_kinds.MALFORMED_JSON,
        problem_kinds.BODY_TOO_LARGE,
        *STORE,
        success=job_examples.RECEIVE_ANSWER,
    ),
)
def add_part(
    asking: Asking, service: Opened, receiving: Received, adds: Adds, body: ReceivedPart
) -> JobAnswer:
    """Ask for the videos of a part to be stored: one that `indexer forward` has uploaded.

    They replace what the same key has sent of them before, and nothing else. Their files stay where
    they are. A collection that is missing is made.
    """
    asking = permit(asking, "write")
    collection = writable(asking, service, InCollection(collection=body.collection))
    payload = {
        "upload": body.upload,
        "part": body.part.model_dump(mode="json"),
        "origin": body.origin.model_dump(mode="json"),
    }
    own = adds.keyed(adds.key or f"part {body.upload}")
    if before := own.repeated("receive", collection, payload):
        return before
    upload = receiving.uploads.get(body.upload, asking.name)
    if not upload.is_complete:
        raise Refused(
            problem_kinds.UPLOAD_INCOMPLETE,
            f"upload {upload.id} has {upload.offset} of {upload.length} bytes; send the rest "
            "with PATCH first",
        )
    answer = own.add("receive", collection, payload)
    with suppress(UploadNotFound):  # a worker was quicker and has stored it
        receiving.uploads.claim(upload.id, upload.owner, answer.id)
    return answer
