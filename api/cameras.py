"""The endpoints of cameras: list them, add one, change one, remove one."""

import time
from dataclasses import replace
from threading import Semaphore
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query
from starlette.responses import Response

from api import camera_examples, openapi_examples, problem_kinds
from api.asked import allowed_collections
from api.camera_kinds import TESTS_BUSY
from api.camera_schemas import CameraAnswer, CameraEdit, CamerasAnswer, NewCamera
from api.camera_test_schemas import CameraTest, CameraTestAnswer
from api.dependencies import CamerasKept, CamerasRead, Held, Opened
from api.limits import CameraName, expect
from api.patient_route import PatientRoute
from api.principal import Asking, Permission, Principal, permit, permit_all
from api.problem_kinds import STORE
from api.problems import RETRY_AFTER_S, Refused
from api.reading_router import ReadingRouter
from clipseek.cameras import WEBCAM, Camera, CameraNotFound, CameraTaken, address_of
from clipseek.errors import (
    ConfigError,
    InvalidQuery,
    ServiceUnavailable,
    UrlNotAllowed,
)
from clipseek.live.hosts import require_listed
from clipseek.live.looking import look
from clipseek.live.sealing import Seal
from clipseek.protocols import CameraReader
from clipseek.service import Service

NameInPath = Annotated[CameraName, Path()]
_PATH = "/v1/cameras"
_EXAMPLE = f"{_PATH}/yard"
_TESTS = Semaphore(2)
"""Each test is a process, and takes as long as the camera."""
_CHANGED = (
    InvalidQuery,
    UrlNotAllowed,
    problem_kinds.FORBIDDEN,
    problem_kinds.MALFORMED_JSON,
    problem_kinds.BODY_TOO_LARGE,
    ConfigError,
    ServiceUnavailable,
)

router = ReadingRouter(route_class=PatientRoute)
changing_router = APIRouter()


@router.get(
    _PATH,
    tags=["cameras"],
    summary="List the cameras",
    responses=openapi_examples.responses(
        _PATH, problem_kinds.FORBIDDEN, *STORE, success=camera_examples.CAMERAS_ANSWER
    ),
)
def cameras(asking: Asking, service: Opened, found: CamerasRead) -> CamerasAnswer:
    """Return the cameras of the collections that the key allows, by name."""
    allowed = allowed_collections(permit(asking, "search"), service)
    listed = found.cameras(collections=None if allowed is None else sorted(allowed))
    return CamerasAnswer(cameras=[_answer(asking, each) for each in listed])


@router.get(
    f"{_PATH}/{{name}}",
    tags=["cameras"],
    summary="Describe one camera",
    responses=openapi_examples.responses(
        _EXAMPLE,
        InvalidQuery,
        CameraNotFound,
        problem_kinds.FORBIDDEN,
        *STORE,
        success=camera_examples.CAMERA_ANSWER,
    ),
)
def camera(asking: Asking, service: Opened, found: CamerasRead, name: NameInPath) -> CameraAnswer:
    """Return the settings of a camera and how it does."""
    return _answer(asking, theirs(asking, "search", service, found, name))


@changing_router.post(
    _PATH,
    tags=["cameras"],
    summary="Add a camera",
    status_code=201,
    responses={
        **openapi_examples.responses(_PATH, CameraTaken, *_CHANGED),
        201: {"content": {"application/json": {"example": camera_examples.CAMERA_ANSWER}}},
    },
)
def add(
    asking: Asking,
    service: Opened,
    kept: CamerasKept,
    body: Annotated[NewCamera, Body(examples=[camera_examples.NEW_CAMERA])],
) -> CameraAnswer:
    """Add a camera. A recorder takes it within seconds; until then its state is `waiting`.

    It needs a key for all collections: a camera has its name in all of them, and whether a name is
    taken would tell of the cameras of others.
    """
    permit_all(asking, "admin")
    collection = body.collection or service.settings.collection
    address = _address(service, body.url)
    settings = body.model_dump(exclude={"name", "url", "collection"})
    made = Camera(body.name, collection, address, b"", **settings)
    if not made.is_webcam:
        sealed = Seal.of(service.settings).seal(body.url, epoch=made.epoch)
        made = replace(made, sealed=sealed)
    return _answer(asking, kept.add(made))


@changing_router.patch(
    f"{_PATH}/{{name}}",
    tags=["cameras"],
    summary="Change a camera",
    responses=openapi_examples.responses(
        _EXAMPLE, CameraNotFound, *_CHANGED, success=camera_examples.CAMERA_ANSWER
    ),
)
def change(
    asking: Asking,
    service: Opened,
    kept: CamerasKept,
    name: NameInPath,
    body: Annotated[CameraEdit, Body(examples=[camera_examples.CAMERA_EDIT])],
) -> CameraAnswer:
    """Change settings of a camera, pause it or resume it; its recorder follows within seconds."""
    found = theirs(asking, "admin", service, kept, name)
    changed = replace(found, **body.changes())  # type: ignore[arg-type]  # each was validated
    if body.url is not None:
        address = _address(service, body.url)
        if WEBCAM in (address, found.address):
            raise InvalidQuery("url: a webcam stays one, and no other camera becomes one; add one")
        sealed = Seal.of(service.settings).seal(body.url, epoch=found.epoch)
        changed = replace(changed, address=address, sealed=sealed)
    return _answer(asking, kept.change(changed))


@changing_router.delete(
    f"{_PATH}/{{name}}",
    tags=["cameras"],
    summary="Remove a camera",
    status_code=204,
    response_class=Response,
    responses=openapi_examples.responses(
        _EXAMPLE, InvalidQuery, CameraNotFound, problem_kinds.FORBIDDEN, ServiceUnavailable
    ),
)
def remove(
    asking: Asking,
    service: Opened,
    kept: CamerasKept,
    held: Held,
    name: NameInPath,
    recordings: Annotated[
        bool,
        Query(description="Whether what it has recorded goes too, but for what is held."),
        expect("true or false"),
    ] = False,
) -> Response:
    """Remove a camera. What it has recorded stays, unless `recordings` is true.

    Then a recorder or `indexer retain` removes it, within a minute if a recorder runs.
    """
    camera = theirs(asking, "admin", service, kept, name)
    kept.remove(name)
    if recordings:
        held.depart(camera.collection, name, time.time())
    return Response(status_code=204)


@changing_router.post(
    f"{_PATH}/{{name}}/test",
    tags=["cameras"],
    summary="Open a camera, and say what it sends",
    responses=openapi_examples.responses(
        f"{_EXAMPLE}/test",
        InvalidQuery,
        CameraNotFound,
        problem_kinds.FORBIDDEN,
        TESTS_BUSY,
        ConfigError,
        ServiceUnavailable,
        success=camera_examples.TEST_ANSWER,
    ),
)
def test(asking: Asking, service: Opened, found: CamerasRead, name: NameInPath) -> CameraTestAnswer:
    """Connect to a camera beside its recorder, wait for its first frame, and change nothing."""
    camera = theirs(asking, "admin", service, found, name)
    url = camera.address
    if not camera.is_webcam:
        url = Seal.of(service.settings).unseal(camera.sealed, camera=name, epoch=camera.epoch)
    return _tested(service, url)


@changing_router.post(
    f"{_PATH}/test",
    tags=["cameras"],
    summary="Open a camera that is not added yet, and say what it sends",
    responses=openapi_examples.responses(
        f"{_PATH}/test",
        InvalidQuery,
        UrlNotAllowed,
        problem_kinds.FORBIDDEN,
        problem_kinds.MALFORMED_JSON,
        problem_kinds.BODY_TOO_LARGE,
        TESTS_BUSY,
        success=camera_examples.TEST_ANSWER,
    ),
)
def test_url(
    asking: Asking,
    service: Opened,
    body: Annotated[CameraTest, Body(examples=[camera_examples.CAMERA_TEST])],
) -> CameraTestAnswer:
    """Connect to a URL, wait for its first frame, and keep nothing. It needs what adding needs."""
    permit_all(asking, "admin")
    _address(service, body.url)
    return _tested(service, body.url)


def _tested(service: Service, url: str) -> CameraTestAnswer:
    if not _TESTS.acquire(blocking=False):
        raise Refused(
            TESTS_BUSY,
            "two other cameras are being tested; try again in some seconds",
            {"Retry-After": RETRY_AFTER_S},
        )
    try:
        return CameraTestAnswer.of(look(url, service.settings))
    finally:
        _TESTS.release()


def theirs(
    asking: Principal, permission: Permission, service: Service, found: CameraReader, name: str
) -> Camera:
    """Return a camera of a collection in which somebody may do something.

    Raises:
        CameraNotFound: there is none, or it is of a collection that the principal may not use.
    """
    allowed = allowed_collections(permit(asking, permission), service)
    camera = found.get(name)
    if allowed is not None and camera.collection not in allowed:
        raise CameraNotFound(name)
    return camera


def _address(service: Service, url: str) -> str:
    """Return what people see of a URL that may be added; raise InvalidQuery, UrlNotAllowed."""
    try:
        if url != WEBCAM:
            require_listed(url, service.settings.camera_hosts)
        return address_of(url)
    except ValueError as error:
        raise InvalidQuery(f"url: {error}") from None


def _answer(asking: Principal, camera: Camera) -> CameraAnswer:
    is_admin = "admin" in asking.scopes and asking.within("admin").may_use(camera.collection)
    return CameraAnswer.of(camera, is_admin=is_admin)
