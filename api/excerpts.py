"""The endpoints that return a span of a video as a file: a moment to keep, or a preview to play."""

from collections.abc import Callable
from functools import partial
from math import isfinite
from pathlib import Path as FilePath
from typing import Annotated, TypeVar

from fastapi import Path, Query, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from api import openapi_examples, problem_kinds, wish_kinds
from api.asked import readable, readable_segment
from api.cutter import Cutter
from api.dependencies import Cutting, Opened, Redacted, Wished
from api.library import VideoIdInPath
from api.limits import SegmentId, expect
from api.media import VideoFile, VideoResponse
from api.principal import Asking
from api.problem_kinds import STORE
from api.problems import Refused
from api.reading_router import ReadingRouter
from api.redacting import Redacting
from api.redaction_kinds import REDACTED
from api.schemas import InCollection
from api.wishing import BeingFetched, Shown, Wishing
from clipseek.errors import (
    CollectionNotFound,
    InvalidQuery,
    SegmentNotFound,
    ServiceUnavailable,
    UnreadableVideo,
    VideoNotFound,
)
from clipseek.excerpts import Busy, Growing, key_of
from clipseek.files import open_regular
from clipseek.redaction.faults import RedactionUnavailable
from clipseek.service import Service
from clipseek.types import Span, Video
from clipseek.video.excerpting import Recipe

MAX_CLIP_S, MAX_PREVIEW_S, PREVIEW_S = 180.0, 300.0, 60.0
CLIP_HEIGHT, REDACTED_HEIGHT, PREVIEW_HEIGHT = 1080, 720, 360
RETRY_AFTER = {"Retry-After": "10"}

T = TypeVar("T")


def seconds(what: str) -> object:
    """Return how a parameter in seconds is described."""
    return Field(ge=0, le=1e9, allow_inf_nan=False, description=what)


Start = Annotated[
    float, seconds("Seconds from the start of the video."), expect("a number from 0 on")
]
End = Annotated[float, seconds("Seconds; the span is [start, end)."), expect("a number from 0 on")]


class SpanAsked(InCollection):
    """A span of a video."""

    start: Start
    end: End


class PreviewAsked(InCollection):
    """Which part of a video is previewed."""

    start: Start = 0.0
    end: End | None = None


router = ReadingRouter()

COPY_KINDS = (
    problem_kinds.NOT_CUT,
    problem_kinds.EXCERPTS_BUSY,
    problem_kinds.EXCERPTS_UNAVAILABLE,
)
"""What may happen to a file that is made."""
_KINDS = (
    InvalidQuery,
    CollectionNotFound,
    problem_kinds.FORBIDDEN,
    problem_kinds.FILE_CHANGED,
    problem_kinds.FILE_GONE,
    problem_kinds.PRECONDITION_FAILED,
    problem_kinds.RANGE_NOT_SATISFIABLE,
    *COPY_KINDS,
    REDACTED,
    RedactionUnavailable,
    wish_kinds.SITE_AWAY,
    wish_kinds.TOO_MANY_WISHES,
    *STORE,
)
_FILE = {
    200: {"description": "The whole file.", "content": {"video/mp4": {}}},
    202: {
        "description": "The file is at another machine, and the span is being fetched from it; "
        "ask again after `Retry-After` seconds.",
        "model": BeingFetched,
        "content": {"application/json": {"example": openapi_examples.BEING_FETCHED}},
    },
    206: {"description": "The ranges asked for.", "content": {"video/mp4": {}}},
    304: {"description": "The file that `If-None-Match` names is still the same."},
}


@router.get(
    "/v1/segments/{segment_id}/clip",
    tags=["library"],
    summary="Download one segment as a video",
    response_class=Response,
    responses={
        **_FILE,
        **openapi_examples.responses(
            "/v1/segments/318/clip", SegmentNotFound, VideoNotFound, *_KINDS
        ),
    },
)
async def segment_clip(
    request: Request,
    asking: Asking,
    service: Opened,
    cutting: Cutting,
    wishing: Wished,
    redacting: Redacted,
    segment_id: Annotated[SegmentId, Path()],
) -> Response:
    """Return the segment as an MP4; see `GET /v1/videos/{video_id}/clip`."""

    def found() -> tuple[Shown, Span]:
        collection, segment = readable_segment(asking, service, segment_id)
        return _shown(asking, service, redacting, collection, segment.video_id), segment.span

    shown, span = await run_in_threadpool(found)
    end = min(span.end, span.start + MAX_CLIP_S)
    return await _clip(request, cutting, wishing, shown, span.start, end)


@router.get(
    "/v1/videos/{video_id}/clip",
    tags=["library"],
    summary="Download a span of a video",
    response_class=Response,
    responses={
        **_FILE,
        **openapi_examples.responses("/v1/videos/abc/clip", VideoNotFound, *_KINDS),
    },
)
async def video_clip(
    request: Request,
    asking: Asking,
    service: Opened,
    cutting: Cutting,
    wishing: Wished,
    redacting: Redacted,
    video_id: VideoIdInPath,
    asked: Annotated[SpanAsked, Query()],
) -> Response:
    """Return the span as an MP4 with H.264 and AAC, at most 180 s long.

    If the video is in H.264 and a keyframe is at most 0.5 s before the span, its packets are
    copied, and the file begins at that keyframe. Otherwise the span is encoded, at most 1080 pixels
    high. The original is not changed. In a redacted collection, each span is encoded, at most 720
    pixels high.
    """
    shown = await run_in_threadpool(shown_of, asking, service, redacting, video_id, asked)
    start, end = _span(shown.video, asked.start, asked.end, MAX_CLIP_S)
    return await _clip(request, cutting, wishing, shown, start, end)


@router.get(
    "/v1/videos/{video_id}/preview",
    tags=["library"],
    summary="Play a video that browsers cannot play",
    response_class=Response,
    responses={
        **_FILE,
        **openapi_examples.responses("/v1/videos/abc/preview", VideoNotFound, *_KINDS),
    },
)
async def video_preview(
    request: Request,
    asking: Asking,
    service: Opened,
    cutting: Cutting,
    wishing: Wished,
    redacting: Redacted,
    video_id: VideoIdInPath,
    asked: Annotated[PreviewAsked, Query()],
) -> Response:
    """Return a span of a video as an MP4 with H.264 and AAC, at most 360 pixels high.

    It is sent while it is encoded (fragmented MP4), so it plays after about a second, and is kept.
    Its time zero is `start`. Without `end` it is 60 s long; it may be 300 s long.
    """
    shown = await run_in_threadpool(shown_of, asking, service, redacting, video_id, asked)
    video = shown.video
    end = asked.start + PREVIEW_S if asked.end is None else asked.end
    start, end = _span(video, asked.start, end, MAX_PREVIEW_S)
    recipe = Recipe(start, end, PREVIEW_HEIGHT, copy=False, growing=True, redact=shown.redact)
    if shown.site is not None:
        title = f"{video.title} preview"
        return await _fetched(request, wishing, shown, recipe, title, attached=False)
    key = key_of(shown.content, recipe)
    kept = cutting.excerpts.find(key)
    if kept is not None:
        return _file(kept, f"{video.title} preview", attached=False)
    if request.method == "HEAD":
        return Response(media_type="video/mp4", headers={"Cache-Control": "no-store"})
    start_it = partial(cutting.start, video)
    growing = await cutting.call(_told(cutting.excerpts.growing), key, recipe, start_it)
    return _Sent(growing)


async def _clip(
    request: Request, cutting: Cutter, wishing: Wishing, shown: Shown, start: float, end: float
) -> Response:
    recipe = _recipe(shown, start, end)
    title = f"{shown.video.title} {start:.2f}-{end:.2f}"
    if shown.site is not None:
        return await _fetched(request, wishing, shown, recipe, title, attached=True)
    return await _made(request, cutting, shown, recipe, title, attached=True)


async def copy_of(request: Request, cutting: Cutter, shown: Shown) -> Response:
    """Answer with a redacted copy of a whole video, made on demand."""
    recipe = _recipe(shown, 0.0, round(shown.video.duration, 3))
    return await _made(request, cutting, shown, recipe, shown.video.title, attached=False)


def _recipe(shown: Shown, start: float, end: float) -> Recipe:
    """Return how a span is written that is to be kept."""
    if shown.redact:
        return Recipe(start, end, REDACTED_HEIGHT, copy=False, growing=False, redact=shown.redact)
    return Recipe(start, end, CLIP_HEIGHT, copy=True, growing=False)


async def _made(
    request: Request, cutting: Cutter, shown: Shown, recipe: Recipe, title: str, *, attached: bool
) -> Response:
    key = key_of(shown.content, recipe)
    kept = cutting.excerpts.find(key)
    if kept is None:
        if request.method == "HEAD":
            return Response(media_type="video/mp4", headers={"Cache-Control": "no-store"})
        start_it = partial(cutting.start, shown.video)
        kept = await cutting.call(_told(cutting.excerpts.made), key, recipe, start_it)
    return _file(kept, title, attached=attached)


async def _fetched(
    request: Request, wishing: Wishing, shown: Shown, recipe: Recipe, title: str, *, attached: bool
) -> Response:
    """Answer with a span of a video whose file is at another machine, or that it is fetched."""
    if recipe.redact:
        raise Refused(
            REDACTED,
            "the pictures of this collection are redacted, and its footage is at another machine, "
            "which sends it as it is; its pictures are shown here",
        )
    asks = request.method != "HEAD"
    found = partial(wishing.found, shown, shown.site or "", recipe, asks=asks)
    kept = await run_in_threadpool(found)
    return kept if isinstance(kept, Response) else _file(kept, title, attached=attached)


def shown_of(
    asking: Asking, service: Service, redacting: Redacting, video_id: str, asked: InCollection
) -> Shown:
    """Return the video that is asked for, and how it is shown."""
    collection = readable(asking, service, asked)
    return _shown(asking, service, redacting, collection, video_id)


def _shown(
    asking: Asking, service: Service, redacting: Redacting, collection: str, video_id: str
) -> Shown:
    """Return a video of a collection that somebody may read.

    The collection is part of what excerpts are named by, so that nobody learns whether others have
    the same video and have asked for the same span.
    """
    redact = redacting.ready(collection)
    video = service.catalog.video(collection, video_id)
    key = service.catalog.collection(collection).key
    return Shown(video, key, f"{collection} {video.id} {video.stamp}", asking.name, redact)


def _span(video: Video, start: float, end: float, longest: float) -> tuple[float, float]:
    """Return the part of a span that is in the video, to the millisecond; raise InvalidQuery."""
    if not end > start:
        raise InvalidQuery(f"end must be greater than start ({start:g}), got {end:g}")
    if end - start > longest:
        raise InvalidQuery(
            f"end must be at most {longest:g} s after start ({start:g}), got {end:g}"
        )
    if isfinite(video.duration) and start >= video.duration:
        raise InvalidQuery(f"start must be before the end at {video.duration:g}, got {start:g}")
    return round(start, 3), round(max(min(end, video.duration), start + 0.001), 3)


def _told(function: Callable[..., T]) -> Callable[..., T]:
    """Return a function that says what went wrong in problems; paths go to the log alone."""

    def told(*given: object) -> T:
        try:
            return function(*given)
        except Busy:
            raise Refused(
                problem_kinds.EXCERPTS_BUSY,
                "another excerpt is being made, and one is made at a time; ask again in a moment",
                RETRY_AFTER,
            ) from None
        except UnreadableVideo as error:
            raise Refused(
                problem_kinds.NOT_CUT,
                "this span could not be made; ask for a shorter one, or download the whole video",
                reason=str(error),
            ) from error
        except ServiceUnavailable as error:
            raise Refused(
                problem_kinds.EXCERPTS_UNAVAILABLE,
                "this server cannot store excerpts; its log says why, under the id of this request",
                reason=str(error),
            ) from error

    return told


def _file(path: FilePath, title: str, *, attached: bool) -> Response:
    """Answer with a complete file, whole or in ranges."""
    try:
        file = open_regular(path, follow_links=False)
    except OSError as error:  # deleted a moment ago, because others needed the room
        raise Refused(
            problem_kinds.EXCERPTS_BUSY,
            "the excerpt was deleted to make room; ask again",
            RETRY_AFTER,
            reason=f"{path}: {error.strerror}",
        ) from error
    name = FilePath(f"{title.replace('/', '_')}.mp4")
    status = FilePath(f"/dev/fd/{file.fileno()}").stat()
    response = VideoResponse(VideoFile(name, file, status, "video/mp4"))
    if attached:
        disposition = response.headers["content-disposition"]
        response.headers["content-disposition"] = disposition.replace("inline", "attachment", 1)
    return response


class _Sent(StreamingResponse):
    """Sends an excerpt while it is written, and lets it end when the client leaves."""

    def __init__(self, growing: Growing) -> None:
        super().__init__(growing, media_type="video/mp4", headers={"Cache-Control": "no-store"})
        self._growing = growing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the blocks."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await run_in_threadpool(self._growing.close)
