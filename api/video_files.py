"""The endpoint of the files of videos: as they are or, in a redacted collection, as copies."""

from math import isfinite

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import openapi_examples, problem_kinds
from api.dependencies import Cutting, Opened, Redacted
from api.excerpts import COPY_KINDS, MAX_CLIP_S, copy_of, shown_of
from api.library import Asked, VideoIdInPath
from api.media import locate, respond
from api.patient_route import PatientRoute
from api.principal import Asking
from api.problem_kinds import STORE
from api.problems import Refused
from api.reading_router import ReadingRouter
from api.redaction_kinds import REDACTED
from api.streaming import stream
from clipseek.errors import CollectionNotFound, InvalidQuery, VideoNotFound
from clipseek.redaction.faults import RedactionUnavailable
from clipseek.service import Service
from clipseek.sources import LOCAL, scheme_of
from clipseek.types import Video

router = ReadingRouter(route_class=PatientRoute)


@router.get(
    "/v1/videos/{video_id}/file",
    tags=["library"],
    summary="Play the file of one video",
    response_class=Response,
    responses={
        200: {"description": "The whole file.", "content": {"video/mp4": {}}},
        206: {"description": "The ranges asked for.", "content": {"video/mp4": {}}},
        304: {"description": "The file that `If-None-Match` names is still the same."},
        307: {"description": "A player finds the file at the object store, by a signed URL."},
        **openapi_examples.responses(
            "/v1/videos/abc/file",
            InvalidQuery,
            VideoNotFound,
            CollectionNotFound,
            problem_kinds.FORBIDDEN,
            REDACTED,
            problem_kinds.FILE_CHANGED,
            problem_kinds.FILE_GONE,
            problem_kinds.PRECONDITION_FAILED,
            problem_kinds.RANGE_NOT_SATISFIABLE,
            *COPY_KINDS,
            RedactionUnavailable,
            *STORE,
        ),
    },
)
async def video_file(
    request: Request,
    asking: Asking,
    service: Opened,
    cutting: Cutting,
    redacting: Redacted,
    video_id: VideoIdInPath,
    asked: Asked,
) -> Response:
    """Return the bytes of an indexed video, whole or in ranges (RFC 9110, 14).

    Only files that the catalog names are served; no path is taken from the request. In a redacted
    collection, this is a redacted copy, made on demand, of a video of at most 180 s.
    """
    shown = await run_in_threadpool(shown_of, asking, service, redacting, video_id, asked)
    video = shown.video
    if not shown.redact:
        return await run_in_threadpool(_original, request, service, video)
    if not (isfinite(video.duration) and 0 < video.duration <= MAX_CLIP_S):
        raise Refused(
            REDACTED,
            f"the pictures of this collection are redacted, and copies of at most {MAX_CLIP_S:g} s "
            f"are made; this video has {video.duration:g} s: play it with /preview, and download "
            "spans of it with /clip",
        )
    return await copy_of(request, cutting, shown)


def _original(request: Request, service: Service, video: Video) -> Response:
    """Send the file as it is."""
    if scheme_of(video.uri) != LOCAL:
        return stream(request, video, service.places, request.app.state.redirects)
    return respond(locate(video), service.settings.accel_dir)
