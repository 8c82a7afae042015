"""Which cameras may be added over HTTP: those at hosts that the operator lists."""

import ipaddress
from collections.abc import Sequence

from clipseek.cameras import SCHEMES, split_url
from clipseek.errors import UrlNotAllowed

ANY = "*"


def require_listed(url: str, hosts: Sequence[str]) -> None:
    """Return if the host of a camera's URL is on a list; nothing is connected to or resolved.

    Cameras have private addresses most often, so these are not refused: that a host is listed says
    that people who may administer this server may let it connect there. A host is `*`, a name,
    `*.NAME` for all names below one, a name with `:PORT`, or a network.

    Raises:
        ValueError: it is not the URL of a camera.
        UrlNotAllowed: its host is not listed.
    """
    parts = split_url(url)
    host = (parts.hostname or "").removesuffix(".")
    port = parts.port or SCHEMES[parts.scheme]
    if not any(_fits(host, port, listed, default=SCHEMES[parts.scheme]) for listed in hosts):
        raise UrlNotAllowed(
            host,
            "no camera may be added at this host; ask the operator to add it to "
            "CLIPSEEK_CAMERA_HOSTS, or to add the camera by the command",
        )


def _fits(host: str, port: int, listed: str, *, default: int) -> bool:
    if listed == ANY:
        return True
    if "/" in listed:
        try:
            return ipaddress.ip_address(host) in ipaddress.ip_network(listed)
        except ValueError:
            return False
    name, _, at = listed.partition(":")
    if port != int(at or default):
        return False
    return host == name or (name.startswith("*.") and host.endswith(name[1:]))
