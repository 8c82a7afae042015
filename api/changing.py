"""The endpoints that change videos: each asks for a job, which `indexer work` runs."""

from typing import Annotated

from fastapi import APIRouter, Body

from api import job_examples, problem_kinds
from api.adding import Adds
from api.asked import writable
from api.dependencies import Opened
from api.job_schemas import JobAnswer, VideoEdit
from api.library import Asked, VideoIdInPath
from api.principal import Asking
from api.problem_kinds import STORE
from clipseek.errors import CollectionNotFound, InvalidQuery, KeyReused, VideoNotFound

router = APIRouter()

_ASKED = (
    InvalidQuery,
    VideoNotFound,
    CollectionNotFound,
    KeyReused,
    problem_kinds.FORBIDDEN,
    *STORE,
)


@router.delete(
    "/v1/videos/{video_id}",
    tags=["jobs"],
    summary="Remove one video",
    status_code=202,
    responses=job_examples.accepted("/v1/videos/abc", *_ASKED, success=job_examples.REMOVE_ANSWER),
)
def remove(
    asking: Asking, service: Opened, adds: Adds, video_id: VideoIdInPath, asked: Asked
) -> JobAnswer:
    """Ask for a video to be removed; its file goes with it if it came by an upload."""
    collection = writable(asking, service, asked)
    service.catalog.video(collection, video_id)
    return adds.add("remove", collection, {"video": video_id})


@router.patch(
    "/v1/videos/{video_id}",
    tags=["jobs"],
    summary="Edit the title and the tags of one video",
    status_code=202,
    responses=job_examples.accepted(
        "/v1/videos/abc",
        *_ASKED,
        problem_kinds.MALFORMED_JSON,
        problem_kinds.BODY_TOO_LARGE,
        success=job_examples.EDIT_ANSWER,
    ),
)
def edit(
    asking: Asking,
    service: Opened,
    adds: Adds,
    video_id: VideoIdInPath,
    asked: Asked,
    body: Annotated[VideoEdit, Body(examples=[job_examples.EDIT])],
) -> JobAnswer:
    """Ask for another title, other tags or both; the tags replace all that the video has."""
    collection = writable(asking, service, asked)
    service.catalog.video(collection, video_id)
    payload: dict[str, object] = {"video": video_id}
    payload |= body.model_dump(exclude_none=True)
    return adds.add("edit", collection, payload)
