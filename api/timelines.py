"""The endpoint of a video's timeline: how relevant a sentence is from its start to its end."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic_core import to_json
from starlette.responses import Response

from api import openapi_examples, problem_kinds
from api.asked import readable
from api.dependencies import Opened
from api.json_route import WrittenJson
from api.library import VideoIdInPath
from api.patient_route import PatientRoute
from api.principal import Asking
from api.problem_kinds import STORE
from api.reading_router import ReadingRouter
from api.timeline_schemas import TIMELINE_ANSWER, TimelineAnswer, TimelineAsked, written
from clipseek.errors import (
    CollectionNotFound,
    ConfigError,
    InvalidQuery,
    ModelMismatch,
    QueryNotRead,
    VideoNotFound,
)
from clipseek.timeline import timeline

router: APIRouter = ReadingRouter(route_class=PatientRoute)


@router.get(
    "/v1/videos/{video_id}/timeline",
    tags=["search"],
    summary="Show how relevant a sentence is over a whole video",
    response_model=TimelineAnswer,
    responses=openapi_examples.responses(
        "/v1/videos/abc/timeline",
        InvalidQuery,
        QueryNotRead,
        VideoNotFound,
        CollectionNotFound,
        ModelMismatch,
        ConfigError,
        problem_kinds.FORBIDDEN,
        *STORE,
        success=TIMELINE_ANSWER,
    ),
)
def video_timeline(
    asking: Asking,
    service: Opened,
    video_id: VideoIdInPath,
    asked: Annotated[TimelineAsked, Query()],
) -> Response:
    """Return the relevance at each sampled frame, the segments, and which of them match.

    A moment of a search may consist of several adjacent segments.
    """
    collection = readable(asking, service, asked)
    searcher = service.searcher
    found = timeline(searcher.collections, searcher.texts, collection, video_id, asked.query)
    return WrittenJson(to_json(written(found, service.settings.root)))
