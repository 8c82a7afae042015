"""The endpoints of a video's timeline: how what is asked fits it from its start to its end."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import openapi_examples, problem_kinds
from api.asked import readable
from api.dependencies import Opened
from api.json_route import WrittenJson
from api.library import VideoIdInPath
from api.looking import Looking
from api.patient_route import PatientRoute
from api.principal import Asking
from api.problem_kinds import STORE
from api.reading_router import ReadingRouter
from api.timeline_schemas import (
    PARTS,
    PARTS_ANSWER,
    TIMELINE_ANSWER,
    TimelineAnswer,
    TimelineAsked,
    TimelineParts,
    written,
)
from clipseek.errors import (
    CollectionNotFound,
    ConfigError,
    InvalidQuery,
    ModelMismatch,
    QueryNotRead,
    UrlNotAllowed,
    VideoNotFound,
)
from clipseek.parts import Part, Text
from clipseek.service import Service
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
    return WrittenJson(_written(service, collection, video_id, [Text(asked.query)]))


@router.post(
    "/v1/videos/{video_id}/timeline",
    tags=["search"],
    summary="Show how several parts together fit a whole video",
    response_model=TimelineAnswer,
    responses=openapi_examples.responses(
        "/v1/videos/abc/timeline",
        InvalidQuery,
        QueryNotRead,
        UrlNotAllowed,
        VideoNotFound,
        CollectionNotFound,
        ModelMismatch,
        ConfigError,
        problem_kinds.FORBIDDEN,
        problem_kinds.MALFORMED_JSON,
        problem_kinds.BODY_TOO_LARGE,
        problem_kinds.OVERLOADED,
        *STORE,
        success=PARTS_ANSWER,
    ),
)
async def composed_timeline(
    request: Request,
    asking: Asking,
    service: Opened,
    video_id: VideoIdInPath,
    asked: Annotated[TimelineParts, Body(examples=[PARTS])],
) -> Response:
    """Return what the timeline of a sentence has, for the `parts` of a search.

    What is asked of each frame is what a search asks of each segment, and pictures alone count: not
    what is said. With `then`, ask for the parts of one step. Nothing is stored.
    """
    collection = await run_in_threadpool(readable, asking, service, asked)
    looking: Looking = request.app.state.looking
    async with looking.decoding(asked.images) as pictures:
        parts = asked.asked(pictures)
        body = await run_in_threadpool(_written, service, collection, video_id, parts)
    return WrittenJson(body)


def _written(service: Service, collection: str, video_id: str, parts: Sequence[Part]) -> bytes:
    searcher = service.searcher
    found = timeline(searcher.collections, searcher.texts, collection, video_id, parts)
    return to_json(written(found, service.settings.root))
