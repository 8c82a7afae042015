"""The kinds of problems that are about spans of videos whose files are at other machines."""

from api.upload_kinds import Kind
from clipseek.errors import ClipseekError
from clipseek.wishes import WishNotFound

SITE_AWAY = Kind(
    "site-away",
    503,
    "The machine that has the file is not connected now",
    "`detail` names the machine and says since when it is away. Ask again when it is back.",
)
TOO_MANY_WISHES = Kind(
    "too-many-spans",
    503,
    "As many spans are fetched from other machines as may be",
    "Repeat the request after `Retry-After` seconds.",
)
NOT_A_SPAN = Kind(
    "not-a-span",
    422,
    "The upload is not the span that it is to be",
    "`detail` says why. The upload is deleted; send the file again.",
)
WISH_KINDS: dict[type[ClipseekError], Kind] = {
    WishNotFound: Kind(
        "wish-not-found",
        404,
        "Nobody waits for this span",
        "It was sent already, nobody has asked for it for ten minutes, or it is wanted of "
        "another machine.",
    ),
}
