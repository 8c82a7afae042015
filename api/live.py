"""The endpoints of what cameras show: their newest picture, and their recording as it grows."""

from functools import partial

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import openapi_examples
from api.cameras import NameInPath, theirs
from api.dependencies import CamerasRead, Opened, Redacted, Shown
from api.library import A_WHILE, stored_picture
from api.patient_route import PatientRoute
from api.principal import Asking
from api.problem_kinds import FORBIDDEN, NOT_RECORDED, STORE, THUMBNAIL_GONE, TOO_MANY_STREAMS
from api.problems import Refused
from api.reading_router import ReadingRouter
from clipseek.cameras import CameraNotFound
from clipseek.errors import CollectionNotFound, InvalidQuery, VideoNotFound
from clipseek.live.blurring import Blurred
from clipseek.live.playing import Tail
from clipseek.redaction.faults import RedactionUnavailable
from clipseek.redaction.setting import chosen_of
from clipseek.service import Service
from clipseek.types import Segment

_EXAMPLE = "/v1/cameras/yard"

router = ReadingRouter(route_class=PatientRoute)
stream_router = APIRouter(route_class=PatientRoute)


@router.get(
    "/v1/cameras/{name}/thumbnail",
    tags=["cameras"],
    summary="Show the newest picture of one camera",
    response_class=Response,
    responses=openapi_examples.picture(f"{_EXAMPLE}/thumbnail", CameraNotFound),
)
def camera_thumbnail(
    request: Request,
    asking: Asking,
    service: Opened,
    redacting: Redacted,
    found: CamerasRead,
    name: NameInPath,
) -> Response:
    """Return the JPEG of the newest moment: of a still scene, it may be minutes old."""
    camera = theirs(asking, "search", service, found, name)
    kinds = redacting.kinds(camera.collection)
    segments = _newest(service, camera.collection, name)
    if not segments:
        raise Refused(THUMBNAIL_GONE, "nothing of this camera is indexed yet, so no picture")
    thumbnail = segments[-1].thumbnail
    return stored_picture(request, service, kinds, thumbnail, A_WHILE)


def _newest(service: Service, collection: str, name: str) -> list[Segment]:
    """Return the segments of the newest chunk of a camera; none if there is none."""
    try:
        chunk = service.catalog.newest(collection, name)
        return [] if chunk is None else service.catalog.segments(collection, chunk.id)
    except (CollectionNotFound, VideoNotFound):
        return []


@stream_router.get(
    "/v1/cameras/{name}/live",
    tags=["cameras"],
    summary="Play what one camera shows now",
    response_class=Response,
    responses={
        200: {
            "description": "Fragmented MP4 for a Media Source, from the last keyframe on, as it is "
            "recorded. Where a file of the recording ends, the head of the next one follows. The "
            "stream ends after a quarter of an hour, and where nothing is recorded any more. In a "
            "redacted collection it has five frames a second, at most 360 pixels high.",
            "content": {"video/mp4": {}},
        },
        **openapi_examples.responses(
            f"{_EXAMPLE}/live",
            InvalidQuery,
            CameraNotFound,
            FORBIDDEN,
            NOT_RECORDED,
            RedactionUnavailable,
            TOO_MANY_STREAMS,
            *STORE,
        ),
    },
)
async def live(
    asking: Asking,
    service: Opened,
    found: CamerasRead,
    streams: Shown,
    redacting: Redacted,
    name: NameInPath,
) -> Response:
    """Send the recording of a camera while it is written; one that is not recorded has none."""
    camera = await run_in_threadpool(theirs, asking, "search", service, found, name)
    kinds = await run_in_threadpool(redacting.ready, camera.collection)
    settings = service.settings
    tail = Tail(settings.recording_root / camera.epoch)
    may_go_on = partial(redacting.is_still, kinds, camera.collection)
    if not kinds:
        return await streams.open(asking.name, tail, may_go_on)
    blurred = Blurred(
        tail,
        kinds,
        memory_bytes=settings.max_decode_bytes,
        frame_pixels=settings.max_frame_pixels,
        chosen=chosen_of(settings),
    )
    return await streams.open(asking.name, blurred, may_go_on)
