"""The endpoints of holds: spans of recordings that are kept, whatever their age."""

from typing import Annotated

from fastapi import APIRouter, Body, Path
from starlette.responses import Response

from api import camera_examples, openapi_examples, problem_kinds
from api.asked import allowed_collections
from api.camera_schemas import HoldAnswer, HoldsAnswer, NewHold
from api.cameras import theirs
from api.dependencies import CamerasRead, Held, Opened
from api.limits import text
from api.patient_route import PatientRoute
from api.principal import Asking, Principal, permit, permit_all
from api.problem_kinds import STORE
from api.reading_router import ReadingRouter
from clipseek.cameras import CameraNotFound
from clipseek.errors import InvalidQuery, ServiceUnavailable
from clipseek.holds import Hold, HoldNotFound, Retaining
from clipseek.protocols import CameraReader
from clipseek.service import Service

HoldId = Annotated[str, Path(min_length=1, max_length=64), text(1, 64)]
_PATH = "/v1/holds"

router = ReadingRouter(route_class=PatientRoute)
changing_router = APIRouter()


@router.get(
    _PATH,
    tags=["cameras"],
    summary="List the holds",
    responses=openapi_examples.responses(
        _PATH, problem_kinds.FORBIDDEN, *STORE, success=camera_examples.HOLDS_ANSWER
    ),
)
def holds(asking: Asking, service: Opened, found: CamerasRead, held: Held) -> HoldsAnswer:
    """Return the holds on cameras of the collections that the key may administer."""
    return HoldsAnswer(
        holds=[HoldAnswer.of(hold) for hold in _theirs(asking, service, found, held)]
    )


@changing_router.post(
    _PATH,
    tags=["cameras"],
    summary="Keep a span of what a camera has recorded",
    status_code=201,
    responses={
        **openapi_examples.responses(
            _PATH,
            InvalidQuery,
            CameraNotFound,
            problem_kinds.FORBIDDEN,
            problem_kinds.MALFORMED_JSON,
            problem_kinds.BODY_TOO_LARGE,
            *STORE,
        ),
        201: {"content": {"application/json": {"example": camera_examples.HOLD_ANSWER}}},
    },
)
def add(
    asking: Asking,
    service: Opened,
    found: CamerasRead,
    held: Held,
    body: Annotated[NewHold, Body(examples=[camera_examples.NEW_HOLD])],
) -> HoldAnswer:
    """Keep each chunk that overlaps the span, until the hold is removed."""
    _administered(asking, service, found, body.camera)
    try:
        hold = Hold(body.camera, body.start_at, body.end_at, body.reason, by=asking.name)
    except ValueError as error:
        raise InvalidQuery(str(error)) from error
    return HoldAnswer.of(held.hold(hold.in_utc()))


@changing_router.delete(
    f"{_PATH}/{{hold_id}}",
    tags=["cameras"],
    summary="Remove a hold",
    status_code=204,
    response_class=Response,
    responses=openapi_examples.responses(
        f"{_PATH}/3kZ0a",
        InvalidQuery,
        HoldNotFound,
        problem_kinds.FORBIDDEN,
        ServiceUnavailable,
    ),
)
def remove(
    asking: Asking, service: Opened, found: CamerasRead, held: Held, hold_id: HoldId
) -> Response:
    """Let retention remove what the hold has kept, as soon as it has expired."""
    if hold_id not in {hold.id for hold in _theirs(asking, service, found, held)}:
        raise HoldNotFound(hold_id)
    held.release(hold_id)
    return Response(status_code=204)


def _theirs(
    asking: Principal, service: Service, found: CameraReader, held: Retaining
) -> list[Hold]:
    """Return the holds on cameras that somebody may administer; those of others are not read."""
    allowed = allowed_collections(permit(asking, "admin"), service)
    if allowed is None:
        return held.holds()
    cameras = found.cameras(collections=sorted(allowed))
    since = {camera.name: camera.created_at for camera in cameras}
    # One that is older than its camera is about another, maybe of others, that had the name before.
    return [
        hold for hold in held.holds(cameras=sorted(since)) if hold.created_at >= since[hold.camera]
    ]


def _administered(asking: Principal, service: Service, found: CameraReader, camera: str) -> None:
    """Return if somebody may administer a camera; one that was removed, if all collections."""
    try:
        theirs(asking, "admin", service, found, camera)
    except CameraNotFound:
        if permit(asking, "admin").collections is not None:
            raise
        permit_all(asking, "admin")
