"""The endpoint of the tags on spans of one video."""

from itertools import islice
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, Field

from api import openapi_examples, problem_kinds
from api.asked import readable
from api.dependencies import Opened
from api.hit_schemas import SegmentTagAnswer
from api.limits import VideoId, expect
from api.patient_route import PatientRoute
from api.principal import Asking
from api.problem_kinds import STORE
from api.reading_router import ReadingRouter
from api.schemas import InCollection
from clipseek.errors import CollectionNotFound, InvalidQuery, VideoNotFound

MAX_TAGS = 1000

router = ReadingRouter(route_class=PatientRoute)


class VideoTagsAsked(InCollection):
    """How many tags."""

    limit: Annotated[
        int,
        Field(ge=1, le=MAX_TAGS, description=f"Maximum number of tags, 1 to {MAX_TAGS}."),
        expect(f"a whole number from 1 to {MAX_TAGS}"),
    ] = 100


class VideoTagsAnswer(BaseModel):
    """The tags on spans of a video that were not rejected, in the order of time."""

    segment_tags: list[SegmentTagAnswer]
    more: bool = Field(description="Whether there are more.")


VIDEO_TAGS_ANSWER: dict[str, Any] = {
    "segment_tags": [
        {"tag": "red car", "start": 42.0, "end": 47.0, "relevance": 0.91, "state": "accepted"}
    ],
    "more": False,
}


@router.get(
    "/v1/videos/{video_id}/segment-tags",
    tags=["review"],
    summary="List the tags on spans of one video",
    responses=openapi_examples.responses(
        "/v1/videos/abc/segment-tags",
        InvalidQuery,
        VideoNotFound,
        CollectionNotFound,
        problem_kinds.FORBIDDEN,
        *STORE,
        success=VIDEO_TAGS_ANSWER,
    ),
)
def video_tags(
    asking: Asking,
    service: Opened,
    video_id: Annotated[VideoId, Path(description="The id of a video.")],
    asked: Annotated[VideoTagsAsked, Query()],
) -> VideoTagsAnswer:
    """Return the tags that rules propose on spans of a video, and those that people decided on."""
    name = readable(asking, service, asked)
    video = service.catalog.video(name, video_id)
    found = list(islice(service.catalog.marks(name, video_ids=[video.id]), asked.limit + 1))
    return VideoTagsAnswer(
        segment_tags=[
            SegmentTagAnswer(
                tag=mark.tag,
                start=mark.span.start,
                end=mark.span.end,
                relevance=mark.relevance,
                state=mark.state,
            )
            for _, mark in found[: asked.limit]
        ],
        more=len(found) > asked.limit,
    )
