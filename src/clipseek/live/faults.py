"""What is wrong with a camera, in sentences: libav's own errors hold its URL with the password."""

import os
from collections.abc import Mapping

REFUSED = "it refuses the user or the password (401); set the right ones"
SILENT = "it does not answer in time; check the network and that the camera is on"
_BY_NAME: Mapping[str, str] = {
    "HTTPUnauthorizedError": REFUSED,
    "HTTPForbiddenError": "it refuses this user (403); allow the user to see the stream",
    "HTTPNotFoundError": "it has no such stream (404); check the path of the URL",
    "HTTPBadRequestError": "it does not understand the request (400); check the path of the URL",
    "HTTPTooManyRequestsError": "it has too many clients (429); close others, or use its substream",
    "HTTPOtherClientError": "it refuses the request; check the URL",
    "HTTPServerError": "it has a fault of its own (5xx); restart it if this stays",
    "ConnectionRefusedError": "nothing listens there; check the host and the port",
    "ConnectionResetError": "it has cut the connection",
    "BrokenPipeError": "it has cut the connection",
    "TimeoutError": SILENT,
    "ExitError": SILENT,
    "BlockingIOError": SILENT,
    "InvalidDataError": "what it sends cannot be read as video",
    "ProtocolNotFoundError": "it leads to another kind of address, which is not followed",
    "DecoderNotFoundError": "its codec cannot be decoded here",
    "StreamNotFoundError": "it sends no video",
    "EOFError": "it has ended the stream",
    "MemoryError": "it needs more memory than CLIPSEEK_CAMERA_BYTES allows",
}


def reason_of(error: BaseException) -> str:
    """Return why a camera failed, without a word of the error's own message."""
    for kind in type(error).__mro__:
        if (known := _BY_NAME.get(kind.__name__)) is not None:
            return known
    number = getattr(error, "errno", None)
    if isinstance(number, int) and 0 < number < 200:
        return f"it cannot be reached: {os.strerror(number)}"
    return f"it cannot be read ({type(error).__name__})"
