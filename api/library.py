"""The endpoints of the library: each reads its request, calls the core and writes its answer.

They are plain functions, which run in worker threads, so the event loop never waits for the
database or a disk.
"""

from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Annotated

from fastapi import Path, Query, Request
from starlette.responses import Response

from api import conditions, openapi_examples, problem_kinds, problems
from api.asked import allowed_collections, readable, readable_segment
from api.collection_schemas import CollectionAnswer, CollectionsAnswer, IndexAnswer
from api.dependencies import Counted, Opened, Ordered, Redacted, Suggested
from api.limits import SegmentId, VideoId
from api.patient_route import PatientRoute
from api.principal import Asking, permit
from api.problem_kinds import STORE
from api.problems import Refused
from api.reading_router import ReadingRouter
from api.redacting import Redacting
from api.schemas import (
    InCollection,
    Page,
    PictureAsked,
    SegmentAnswer,
    SegmentsAnswer,
    VideoAnswer,
    VideosAnswer,
)
from clipseek.errors import (
    CollectionNotFound,
    InvalidQuery,
    SegmentNotFound,
    ServiceUnavailable,
    VideoNotFound,
)
from clipseek.service import Service
from clipseek.thumbnails import UnsafeName
from clipseek.types import Collection, Segment

FOREVER = "public, max-age=31536000, immutable"
"""Segment ids are never used again, so a segment's picture never changes."""
A_WHILE = "private, max-age=300"
"""A video that is indexed again may get another picture."""
A_MINUTE = "private, max-age=60"
"""What a camera has recorded may be removed, with every copy that is kept here."""


VideoIdInPath = Annotated[VideoId, Path()]
Asked = Annotated[InCollection, Query()]

router = ReadingRouter(route_class=PatientRoute)


@router.get(
    "/v1/videos",
    tags=["library"],
    summary="List the videos of a collection",
    responses=openapi_examples.responses(
        "/v1/videos",
        InvalidQuery,
        VideoNotFound,
        CollectionNotFound,
        problem_kinds.FORBIDDEN,
        *STORE,
        success=openapi_examples.VIDEOS_ANSWER,
    ),
)
def videos(
    asking: Asking, service: Opened, lists: Ordered, asked: Annotated[Page, Query()]
) -> VideosAnswer:
    """Return a page of videos; none if there is no default collection yet."""
    collection, limit = readable(asking, service, asked), asked.limit
    if asked.order == "id" and not asked.query:
        found = service.catalog.videos(collection, after=asked.after or "", limit=limit + 1)
        page, following = found[:limit], found[limit - 1].id if len(found) > limit else None
    else:
        page, following = lists.page(
            collection, asked.order, asked.query, after=asked.after, limit=limit
        )
    if not page and collection != service.settings.collection:
        service.catalog.collection(collection)  # raises if there is none
    return VideosAnswer(
        videos=[VideoAnswer.of(video, collection, service.settings.root) for video in page],
        next=following,
    )


@router.get(
    "/v1/videos/{video_id}",
    tags=["library"],
    summary="Describe one video",
    responses=openapi_examples.responses(
        "/v1/videos/abc",
        InvalidQuery,
        VideoNotFound,
        CollectionNotFound,
        problem_kinds.FORBIDDEN,
        *STORE,
        success=openapi_examples.VIDEO_ANSWER,
    ),
)
def video(asking: Asking, service: Opened, video_id: VideoIdInPath, asked: Asked) -> VideoAnswer:
    """Return what the catalog knows of a video."""
    collection = readable(asking, service, asked)
    found = service.catalog.video(collection, video_id)
    return VideoAnswer.of(found, collection, service.settings.root)


@router.get(
    "/v1/videos/{video_id}/segments",
    tags=["library"],
    summary="List the segments of one video",
    responses=openapi_examples.responses(
        "/v1/videos/abc/segments",
        InvalidQuery,
        VideoNotFound,
        CollectionNotFound,
        problem_kinds.FORBIDDEN,
        *STORE,
        success=openapi_examples.SEGMENTS_ANSWER,
    ),
)
def segments(
    asking: Asking, service: Opened, video_id: VideoIdInPath, asked: Asked
) -> SegmentsAnswer:
    """Return all segments of a video in the order of time."""
    collection, root = readable(asking, service, asked), service.settings.root
    found = service.catalog.segments(collection, video_id)
    answers = [SegmentAnswer.of(segment, collection, root) for segment in found]
    return SegmentsAnswer(segments=answers)


@router.get(
    "/v1/videos/{video_id}/thumbnail",
    tags=["library"],
    summary="Show a picture of one video",
    response_class=Response,
    responses=openapi_examples.picture(
        "/v1/videos/abc/thumbnail", VideoNotFound, CollectionNotFound
    ),
)
def video_thumbnail(
    request: Request,
    asking: Asking,
    service: Opened,
    redacting: Redacted,
    video_id: VideoIdInPath,
    asked: Annotated[PictureAsked, Query()],
) -> Response:
    """Return the picture of the segment at a time or, without one, in the middle of the video."""
    collection = readable(asking, service, asked)
    kinds = redacting.kinds(collection)
    found = service.catalog.segments(collection, video_id)
    if not found:
        raise Refused(problem_kinds.THUMBNAIL_GONE, "this video has no segments, so no picture")
    shown = found[len(found) // 2] if asked.at is None else shown_at(found, asked.at)
    return stored_picture(request, service, kinds, shown.thumbnail, A_WHILE)


def shown_at(segments: Sequence[Segment], seconds: float) -> Segment:
    """Return the segment that is shown at a time of a video; the last one after the end."""
    return next((each for each in segments if seconds < each.span.end), segments[-1])


@router.get(
    "/v1/segments/{segment_id}/thumbnail",
    tags=["library"],
    summary="Show the picture of one segment",
    response_class=Response,
    responses=openapi_examples.picture("/v1/segments/318/thumbnail", SegmentNotFound),
)
def thumbnail(
    request: Request,
    asking: Asking,
    service: Opened,
    redacting: Redacted,
    segment_id: Annotated[SegmentId, Path()],
) -> Response:
    """Return a JPEG of the segment's best frame; it never changes, so caches may keep it.

    What a camera has recorded may have to go, so no cache that people share keeps its pictures.
    """
    collection, segment = readable_segment(asking, service, segment_id)
    kinds = redacting.kinds(collection)
    # After `kinds`: those of a collection that was removed meanwhile would say "redact nothing".
    found = service.catalog.videos_by_id(collection, [segment.video_id])
    if segment.video_id not in found:
        raise SegmentNotFound(segment_id)
    caching = A_MINUTE if found[segment.video_id].stream else FOREVER
    return stored_picture(request, service, kinds, segment.thumbnail, caching)


def stored_picture(
    request: Request, service: Service, kinds: tuple[str, ...], name: str, caching: str
) -> Response:
    """Return a stored picture in which some kinds are redacted, unless the client has it."""
    try:
        jpeg = service.thumbnails.read(name)
    except ServiceUnavailable as error:
        if isinstance(error.__cause__, FileNotFoundError | UnsafeName):
            detail = "the picture of this moment does not exist any more; the moment still does"
            raise Refused(problem_kinds.THUMBNAIL_GONE, detail, reason=str(error)) from error
        raise
    if kinds:
        redacting: Redacting = request.app.state.redacting
        jpeg, caching = redacting.picture(name, jpeg, kinds), A_MINUTE
    said = " ".join((name, *kinds))  # it names the content
    etag = f'"{sha256(said.encode()).hexdigest()[:24]}"'
    headers = {"Cache-Control": caching, "ETag": etag}
    if service.settings.access == "keys" or kinds:
        # No cache may give it to somebody else; nginx is told by a header of its own.
        private = caching.replace("public", "private")
        headers |= {"Cache-Control": private, "X-Accel-Expires": "0"}
    if (status := conditions.outcome(request.headers, etag)) is not None:
        return problems.conditional(request, status, headers)
    return Response(jpeg, media_type="image/jpeg", headers=headers)


@router.get(
    "/v1/collections",
    tags=["library"],
    summary="List the collections",
    responses=openapi_examples.responses(
        "/v1/collections",
        problem_kinds.FORBIDDEN,
        *STORE,
        success=openapi_examples.COLLECTIONS_ANSWER,
    ),
)
def collections(
    asking: Asking,
    service: Opened,
    suggestions: Suggested,
    measured: Counted,
    redacting: Redacted,
    lists: Ordered,
) -> CollectionsAnswer:
    """Return every collection with its model, size, version and index; none on a new server.

    Collections that the key does not allow are left out.
    """
    asking = permit(asking, "search")
    answers, opened, redacts = [], service.collections.stats(), redacting.all()
    allowed = allowed_collections(asking, service)
    aliases = service.catalog.aliases(None if allowed is None else sorted(allowed))
    for found in listed_collections(service, allowed):
        count, segment_count, seconds = lists.counts(found)
        answers.append(
            CollectionAnswer(
                name=found.name,
                aliases=[alias for alias, name in aliases.items() if name == found.name],
                model=found.model,
                videos=count,
                segments=segment_count,
                seconds=seconds,
                version=found.version,
                examples=suggestions.of(found.name),
                redacts=list(redacts.get(found.name, ())),
                index=None
                if (stats := opened.get(found.name)) is None
                else IndexAnswer.of(stats, measured.recalls(found.name)),
            )
        )
    default = asking.default(service.settings.collection)
    return CollectionsAnswer(collections=answers, default=default)


def listed_collections(service: Service, allowed: frozenset[str] | None) -> list[Collection]:
    """Return the collections that can be asked, by name; those that are not allowed are not read.

    An alias is not listed: the collection behind it is allowed too.
    """
    if allowed is None:
        return [found for found in service.catalog.collections() if not found.is_standing_by]
    named = []
    for name in sorted(allowed):
        with suppress(CollectionNotFound):
            named.append((name, service.catalog.collection(name)))
    return [found for name, found in named if found.name == name]
