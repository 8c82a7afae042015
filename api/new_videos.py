"""The endpoint that adds a video: of an upload or of a URL, as a job."""

from contextlib import suppress
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from api import job_examples, problem_kinds
from api.adding import Adding, Adds
from api.asked import allowed_collections, writable
from api.dependencies import Opened, Received
from api.job_schemas import JobAnswer, Tags, Title
from api.limits import DefaultCollection, text
from api.principal import Asking, Principal, permit
from api.problem_kinds import STORE
from api.problems import Refused
from api.receiving import Receiving
from api.schemas import InCollection
from clipseek.assembly import fetch_rules
from clipseek.errors import (
    CollectionNotFound,
    InvalidQuery,
    KeyReused,
    UploadBusy,
    UploadExpired,
    UploadNotFound,
    UrlNotAllowed,
)
from clipseek.jobs import Job, Payload
from clipseek.sources.guard import MAX_URL_CHARACTERS
from clipseek.uploads import Upload

RECENT = 1000
"""Jobs that are looked through for the one that has taken an upload already."""

Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_URL_CHARACTERS,
        description="Where the video is fetched from, of a host in `CLIPSEEK_FETCH_HOSTS`.",
    ),
    text(1, MAX_URL_CHARACTERS),
]
UploadId = Annotated[
    str,
    Field(min_length=1, max_length=64, description="The last part of the `Location` of an upload."),
    text(1, 64),
]


class NewVideo(BaseModel):
    """A video to index: exactly one of `upload` and `url`."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "upload": "9f2c1a7be04d55689f2c1a7be04d5568",
                    "title": "A day at the sea",
                    "tags": ["sea"],
                }
            ]
        },
    )

    upload: UploadId | None = None
    url: Url | None = None
    collection: DefaultCollection = None
    title: Title | None = None
    tags: Tags | None = None

    @model_validator(mode="after")
    def _require_one(self) -> Self:
        if (self.upload is None) == (self.url is None):
            raise PydanticCustomError("limits", "must have either an upload or a url")
        return self

    @property
    def said(self) -> dict[str, object]:
        """What is said of the video, wherever it comes from."""
        return self.model_dump(include={"title", "tags"}, exclude_none=True)


router = APIRouter()


@router.post(
    "/v1/videos",
    tags=["jobs"],
    summary="Add a video",
    status_code=202,
    responses=job_examples.accepted(
        "/v1/videos",
        InvalidQuery,
        CollectionNotFound,
        KeyReused,
        UploadNotFound,
        UploadExpired,
        UploadBusy,
        UrlNotAllowed,
        problem_kinds.UPLOAD_INCOMPLETE,
        problem_kinds.FORBIDDEN,
        problem_kinds.MALFORMED_JSON,
        problem_kinds.BODY_TOO_LARGE,
        *STORE,
        success=job_examples.INGEST_ANSWER,
    ),
)
def add_video(
    asking: Asking, service: Opened, receiving: Received, adds: Adds, body: NewVideo
) -> JobAnswer:
    """Ask for a video to be indexed: an upload that is complete, or what is at a URL.

    An upload becomes one job: asked again, also without an idempotency key, the answer is that job.
    """
    asking = permit(asking, "write")
    if body.url is not None:
        guard, _ = fetch_rules(service.settings)
        target = guard.check(body.url)
        collection = writable(asking, service, InCollection(collection=body.collection))
        payload = {"url": body.url, "name": target.name, **body.said}
        return adds.add("ingest", collection, payload)
    assert body.upload is not None
    try:
        upload = receiving.uploads.get(body.upload, asking.name)
    except UploadNotFound:
        allowed = allowed_collections(asking, service)
        return adds.told(_taken(adds, asking, body, allowed))
    named = InCollection(collection=body.collection or upload.collection)
    collection = writable(asking, service, named)
    _require_complete(upload)
    payload = {"upload": upload.id, "name": upload.metadata.get("filename") or "video", **body.said}
    if upload.job:
        return adds.told(_same(adds.queue.get(upload.job), upload, collection, payload))
    return _begun(adds, receiving, upload, collection, payload)


def _begun(
    adds: Adding, receiving: Receiving, upload: Upload, collection: str, payload: Payload
) -> JobAnswer:
    """Add the job of an upload, under a key of its own if the client gives none."""
    own = adds.keyed(adds.key or f"upload {upload.id}")
    answer = own.add("ingest", collection, payload)
    with suppress(UploadNotFound):  # a worker was quicker and has taken it
        receiving.uploads.claim(upload.id, upload.owner, answer.id)
    return answer


def _same(job: Job, upload: Upload, collection: str, payload: Payload) -> Job:
    """Return the job of an upload; raise UploadBusy if it is not what is asked for now."""
    if (job.collection, job.payload) != (collection, payload):
        raise UploadBusy(upload.id, job.id)
    return job


def _taken(adds: Adding, asking: Principal, body: NewVideo, allowed: frozenset[str] | None) -> Job:
    """Return the job that has taken an upload already: the answer that named it may be lost.

    Raises:
        UploadNotFound: there is none, or something else was asked for.
    """
    assert body.upload is not None
    # Only those that may be seen: jobs of others would displace the one that is looked for.
    names = None if allowed is None else sorted(allowed)
    for job in adds.queue.jobs(collections=names, limit=RECENT):
        payload = dict(job.payload)
        if payload.pop("upload", None) == body.upload and job.by == asking.name:
            payload.pop("name", None)
            if payload == body.said and body.collection in (None, job.collection):
                return job
    raise UploadNotFound(body.upload)


def _require_complete(upload: Upload) -> None:
    if not upload.is_complete:
        raise Refused(
            problem_kinds.UPLOAD_INCOMPLETE,
            f"upload {upload.id} has {upload.offset} of {upload.length} bytes; send the rest "
            "with PATCH first",
        )
