"""The endpoints: each reads its request, calls the core once and writes its answer.

Endpoints that are plain functions run in worker threads, so the event loop never waits for the
model, the index, the database or a disk.
"""

import time
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query, Request
from pydantic import ValidationError
from starlette.responses import Response

from api import examples, problems
from api.limits import SegmentId, VideoId
from api.media import VideoResponse, locate
from api.problems import Refused
from api.schemas import (
    Batch,
    BatchAnswer,
    CollectionAnswer,
    CollectionsAnswer,
    InCollection,
    Page,
    ProblemItem,
    Search,
    SearchAnswer,
    SegmentAnswer,
    SegmentsAnswer,
    VideoAnswer,
    VideosAnswer,
)
from clipseek.assembly import Service
from clipseek.errors import (
    CatalogOutdated,
    ClipseekError,
    CollectionNotFound,
    ConfigError,
    InvalidQuery,
    ModelMismatch,
    NothingIndexed,
    SegmentNotFound,
    ServiceUnavailable,
    VideoNotFound,
)
from clipseek.metrics import Metrics
from clipseek.types import SearchResult

DEFAULT = "default"
STORE = (CatalogOutdated, ServiceUnavailable)
BODY = (problems.MALFORMED_JSON, problems.BODY_TOO_LARGE, problems.UNSUPPORTED_MEDIA_TYPE)
FOREVER = "public, max-age=31536000, immutable"
"""Segment ids are never used again, so a segment's picture never changes."""


async def opened_service(request: Request) -> Service:
    """Return the service that the application was made with."""
    service: Service = request.app.state.service
    return service


async def opened_metrics(request: Request) -> Metrics:
    """Return the metrics that the application was made with."""
    metrics: Metrics = request.app.state.metrics
    return metrics


async def require_json(request: Request) -> None:
    """Refuse a body that does not say it is JSON."""
    given = request.headers.get("content-type", "")
    kind = given.partition(";")[0].strip().lower()
    if kind != "application/json" and not (
        kind.startswith("application/") and kind.endswith("+json")
    ):
        raise Refused(
            problems.UNSUPPORTED_MEDIA_TYPE,
            f"the body must be JSON, got {kind or 'no Content-Type'}; "
            "send the header Content-Type: application/json",
        )


Opened = Annotated[Service, Depends(opened_service)]
Counted = Annotated[Metrics, Depends(opened_metrics)]
VideoIdInPath = Annotated[VideoId, Path()]
Asked = Annotated[InCollection, Query()]

router = APIRouter()


@router.post(
    "/v1/search",
    tags=["search"],
    summary="Find the moments that a sentence describes",
    dependencies=[Depends(require_json)],
    responses=examples.responses(
        "/v1/search",
        InvalidQuery,
        CollectionNotFound,
        NothingIndexed,
        ModelMismatch,
        ConfigError,
        *STORE,
        *BODY,
        success=examples.SEARCH_ANSWER,
    ),
)
def search(
    body: Annotated[Search, Body(examples=[examples.SEARCH])], service: Opened, metrics: Counted
) -> SearchAnswer:
    """Return the moments that fit the query, best first, each with its relevance and its links.

    No moment that fits is an answer too: the hits are then of low relevance, or, with
    `min_relevance`, none.
    """
    started = time.perf_counter()
    result = service.searcher.search([body.request()])[0]
    found = isinstance(result, SearchResult)
    metrics.count_searches(answered=int(found), refused=int(not found))
    if isinstance(result, ClipseekError):
        raise result
    return SearchAnswer.of(result, _elapsed_ms(started))


@router.post(
    "/v1/search/batch",
    tags=["search"],
    summary="Find the moments of several sentences at once",
    dependencies=[Depends(require_json)],
    response_model_exclude_none=True,
    responses=examples.responses(
        "/v1/search/batch", InvalidQuery, *STORE, *BODY, success=examples.BATCH_ANSWER
    ),
)
def search_batch(
    request: Request,
    body: Annotated[Batch, Body(examples=[examples.BATCH])],
    service: Opened,
    metrics: Counted,
) -> BatchAnswer:
    """Answer up to 256 searches in one pass of the model and of the index.

    Each search is judged by itself: one that cannot be answered has a problem in its place and
    the others their moments. Only a wrong envelope refuses the whole request.
    """
    started = time.perf_counter()
    items = [_parsed(item) for item in body.searches]
    valid = [item.request() for item in items if isinstance(item, Search)]
    results = iter(service.searcher.search(valid))
    answers = [next(results) if isinstance(item, Search) else item for item in items]
    took_ms = _elapsed_ms(started)
    answered = sum(isinstance(answer, SearchResult) for answer in answers)
    metrics.count_searches(answered=answered, refused=len(answers) - answered)
    return BatchAnswer(
        results=[_item(request, i, answer, took_ms) for i, answer in enumerate(answers)]
    )


@router.get(
    "/v1/videos",
    tags=["library"],
    summary="List the videos of a collection",
    responses=examples.responses(
        "/v1/videos",
        InvalidQuery,
        CollectionNotFound,
        *STORE,
        success=examples.VIDEOS_ANSWER,
    ),
)
def videos(service: Opened, asked: Annotated[Page, Query()]) -> VideosAnswer:
    """Return a page of videos by ascending id; none where the default collection is still new."""
    collection, limit = asked.collection, asked.limit
    found = service.catalog.videos(collection, after=asked.after or "", limit=limit + 1)
    if not found and collection != DEFAULT:
        service.catalog.collection(collection)  # raises where there is none
    page = found[:limit]
    return VideosAnswer(
        videos=[VideoAnswer.of(video, collection) for video in page],
        next=page[-1].id if len(found) > limit else None,
    )


@router.get(
    "/v1/videos/{video_id}",
    tags=["library"],
    summary="Describe one video",
    responses=examples.responses(
        "/v1/videos/abc",
        InvalidQuery,
        VideoNotFound,
        *STORE,
        success=examples.VIDEO_ANSWER,
    ),
)
def video(service: Opened, video_id: VideoIdInPath, asked: Asked) -> VideoAnswer:
    """Return what the catalog knows of a video."""
    return VideoAnswer.of(service.catalog.video(asked.collection, video_id), asked.collection)


@router.get(
    "/v1/videos/{video_id}/segments",
    tags=["library"],
    summary="List the segments of one video",
    responses=examples.responses(
        "/v1/videos/abc/segments",
        InvalidQuery,
        VideoNotFound,
        *STORE,
        success=examples.SEGMENTS_ANSWER,
    ),
)
def segments(service: Opened, video_id: VideoIdInPath, asked: Asked) -> SegmentsAnswer:
    """Return all segments of a video in the order of time."""
    found = service.catalog.segments(asked.collection, video_id)
    answers = [SegmentAnswer.of(segment, asked.collection) for segment in found]
    return SegmentsAnswer(segments=answers)


@router.head("/v1/videos/{video_id}/file", include_in_schema=False)
@router.get(
    "/v1/videos/{video_id}/file",
    tags=["library"],
    summary="Play the file of one video",
    response_class=Response,
    responses={
        200: {"description": "The whole file.", "content": {"video/mp4": {}}},
        206: {"description": "The ranges asked for.", "content": {"video/mp4": {}}},
        304: {"description": "The file that `If-None-Match` names is still the same."},
        **examples.responses(
            "/v1/videos/abc/file",
            InvalidQuery,
            VideoNotFound,
            problems.FILE_CHANGED,
            problems.FILE_GONE,
            problems.RANGE_NOT_SATISFIABLE,
            *STORE,
        ),
    },
)
def video_file(service: Opened, video_id: VideoIdInPath, asked: Asked) -> Response:
    """Return the bytes of an indexed video, whole or in ranges (RFC 9110, 14).

    Only files that the catalog names are served; no path is taken from the request.
    """
    return VideoResponse(locate(service.catalog.video(asked.collection, video_id)))


@router.head("/v1/segments/{segment_id}/thumbnail", include_in_schema=False)
@router.get(
    "/v1/segments/{segment_id}/thumbnail",
    tags=["library"],
    summary="Show the picture of one segment",
    response_class=Response,
    responses={
        200: {"description": "The picture.", "content": {"image/jpeg": {}}},
        **examples.responses("/v1/segments/318/thumbnail", InvalidQuery, SegmentNotFound, *STORE),
    },
)
def thumbnail(service: Opened, segment_id: Annotated[SegmentId, Path()]) -> Response:
    """Return a JPEG of the segment's best frame; it never changes, so caches may keep it."""
    _, segment = service.catalog.segment(segment_id)
    jpeg = service.thumbnails.read(segment.thumbnail)
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": FOREVER})


@router.get(
    "/v1/collections",
    tags=["library"],
    summary="List the collections",
    responses=examples.responses("/v1/collections", *STORE, success=examples.COLLECTIONS_ANSWER),
)
def collections(service: Opened) -> CollectionsAnswer:
    """Return every collection with its model, its size and its version; none on a new server."""
    answers = []
    for found in service.catalog.collections():
        count, segment_count, seconds = service.catalog.counts(found.name)
        answers.append(
            CollectionAnswer(
                name=found.name,
                model=found.model,
                videos=count,
                segments=segment_count,
                seconds=seconds,
                version=found.version,
            )
        )
    return CollectionsAnswer(collections=answers)


def _parsed(item: Any) -> Search | list[Any]:
    """Return one search of a batch, or what pydantic finds wrong with it."""
    try:
        return Search.model_validate(item)
    except ValidationError as error:
        return [{**found, "loc": ("search", *found["loc"])} for found in error.errors()]


def _item(
    request: Request,
    position: int,
    answer: SearchResult | ClipseekError | Sequence[Any],
    took_ms: float,
) -> SearchAnswer | ProblemItem:
    """Write the answer to one search of a batch."""
    if isinstance(answer, SearchResult):
        return SearchAnswer.of(answer, took_ms)
    instance = f"{request.scope['path']}#/searches/{position}"
    request_id = problems.request_id(request)
    if isinstance(answer, ClipseekError):
        kind, detail, fields = problems.kind_of(answer), str(answer), None
    else:
        kind, fields = problems.KINDS[InvalidQuery], problems.field_errors(answer)
        detail = problems.validation_detail(fields, len(answer))
    return ProblemItem(
        problem=problems.problem(
            kind, detail, instance=instance, request_id=request_id, fields=fields
        )
    )


def _elapsed_ms(started: float) -> float:
    return (time.perf_counter() - started) * 1000
