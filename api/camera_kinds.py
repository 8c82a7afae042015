"""The kinds of problems that are about cameras."""

from api.upload_kinds import Kind
from clipseek.cameras import CameraNotFound, CameraTaken
from clipseek.errors import ClipseekError
from clipseek.feeds import FeedRefused
from clipseek.holds import HoldNotFound

TESTS_BUSY = Kind(
    "camera-tests-busy",
    503,
    "Other cameras are being tested",
    "Two are tested at a time. Repeat the request after `Retry-After` seconds.",
)
CAMERA_KINDS: dict[type[ClipseekError], Kind] = {
    CameraNotFound: Kind(
        "camera-not-found",
        404,
        "No such camera",
        "`GET /v1/cameras` lists the cameras that the key allows.",
    ),
    CameraTaken: Kind(
        "camera-exists",
        409,
        "There is a camera with this name",
        "Choose another name, change that camera with `PATCH`, or remove it first.",
    ),
    FeedRefused: Kind(
        "feed-refused",
        409,
        "No pictures are taken from a browser for this camera now",
        "`detail` says why. Another browser may send them, or the camera is paused or has a URL.",
    ),
    HoldNotFound: Kind(
        "hold-not-found",
        404,
        "No such hold",
        "`GET /v1/holds` lists the holds on cameras that the key may administer.",
    ),
}
