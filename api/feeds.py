"""The endpoint that lets a browser send the pictures of a webcam."""

from fastapi import APIRouter

from api import camera_examples, openapi_examples, problem_kinds
from api.cameras import NameInPath, theirs
from api.dependencies import CamerasKept, Opened, WebcamFeeds
from api.feed_schemas import FeedAnswer
from api.feed_sockets import PROTOCOL, SOCKET, is_installed
from api.principal import Asking
from clipseek.cameras import CameraNotFound
from clipseek.errors import ConfigError, InvalidQuery, ServiceUnavailable
from clipseek.feeds import TICKET_S, FeedRefused, digest_of, new_ticket

router = APIRouter()


@router.post(
    "/v1/cameras/{name}/feed",
    tags=["cameras"],
    summary="Ask to send the pictures of a webcam",
    responses=openapi_examples.responses(
        "/v1/cameras/desk/feed",
        InvalidQuery,
        CameraNotFound,
        FeedRefused,
        problem_kinds.FORBIDDEN,
        ConfigError,
        ServiceUnavailable,
        success=camera_examples.FEED_ANSWER,
    ),
)
def feed(
    asking: Asking, service: Opened, kept: CamerasKept, feeds: WebcamFeeds, name: NameInPath
) -> FeedAnswer:
    """Return a ticket for one WebSocket, for a camera whose URL is `webcam:`.

    Open the WebSocket at `path` with the subprotocols of the answer, in their order. The server
    sends the text `begin N` when a recorder reads: send that text back, and then a stream from its
    beginning, as `MediaRecorder` makes it (WebM or MP4), in binary messages of at most 1 MiB. On
    `stop`, nobody reads. The server closes the connection after a quarter of an hour: ask again.
    """
    camera = theirs(asking, "write", service, kept, name)
    if not camera.is_webcam:
        raise FeedRefused(name, "it has a URL of its own; add a camera with the URL 'webcam:'")
    if camera.paused:
        raise FeedRefused(name, "it is paused; resume it")
    if not is_installed():
        raise ConfigError(
            "webcams need the package websockets; install it: pip install 'clipseek[live]'"
        )
    ticket = new_ticket()
    feeds.offer(name, digest_of(ticket), TICKET_S)
    return FeedAnswer(path=SOCKET.removeprefix("/"), protocols=[PROTOCOL, ticket], valid_s=TICKET_S)
