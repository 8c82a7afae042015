"""The endpoints of the library: each reads its request, calls the core and writes its answer.

They are plain functions, which run in worker threads, so the event loop never waits for the
database or a disk.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from api import examples, problems
from api.limits import SegmentId, VideoId
from api.media import locate, respond
from api.problems import STORE, Refused
from api.schemas import (
    CollectionAnswer,
    CollectionsAnswer,
    InCollection,
    Page,
    SegmentAnswer,
    SegmentsAnswer,
    VideoAnswer,
    VideosAnswer,
)
from clipseek.assembly import Service
from clipseek.errors import (
    CollectionNotFound,
    InvalidQuery,
    SegmentNotFound,
    ServiceUnavailable,
    VideoNotFound,
)
from clipseek.metrics import Metrics

DEFAULT = "default"
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


Opened = Annotated[Service, Depends(opened_service)]
Counted = Annotated[Metrics, Depends(opened_metrics)]
VideoIdInPath = Annotated[VideoId, Path()]
Asked = Annotated[InCollection, Query()]

router = APIRouter()


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
    file = locate(service.catalog.video(asked.collection, video_id))
    return respond(file, service.settings.accel_dir)


@router.head("/v1/segments/{segment_id}/thumbnail", include_in_schema=False)
@router.get(
    "/v1/segments/{segment_id}/thumbnail",
    tags=["library"],
    summary="Show the picture of one segment",
    response_class=Response,
    responses={
        200: {"description": "The picture.", "content": {"image/jpeg": {}}},
        **examples.responses(
            "/v1/segments/318/thumbnail",
            InvalidQuery,
            SegmentNotFound,
            problems.THUMBNAIL_GONE,
            *STORE,
        ),
    },
)
def thumbnail(service: Opened, segment_id: Annotated[SegmentId, Path()]) -> Response:
    """Return a JPEG of the segment's best frame; it never changes, so caches may keep it."""
    _, segment = service.catalog.segment(segment_id)
    try:
        jpeg = service.thumbnails.read(segment.thumbnail)
    except ServiceUnavailable as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise Refused(problems.THUMBNAIL_GONE, str(error)) from error
        raise
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
