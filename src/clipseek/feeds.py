"""Feeds: pictures that browsers send of their webcams, and who receives them. Pure.

A browser asks for a *ticket*, and opens a WebSocket with it at any replica. That replica then holds
the feed of the camera under a lease, and a recorder reads what comes from the replica's URL.
"""

import hashlib
import secrets
from typing import Protocol

from clipseek.errors import RequestError, StateError

TICKET_S = 30.0
"""How long a ticket may be used."""
LEASE_S = 10.0
"""After so long without a sign of life from its replica, a feed is over."""
PATH = "/internal/feeds/"
"""Where a replica gives what it receives, followed by a secret that only the catalog has."""


class FeedRefused(StateError):
    """Nobody may send pictures for a camera now."""

    def __init__(self, camera: str, reason: str) -> None:
        self.camera = camera
        super().__init__(f"camera {camera!r} takes no pictures from a browser now: {reason}")


class NotSent(RequestError):
    """No browser sends pictures for a webcam."""

    def __init__(self) -> None:
        super().__init__("no browser sends its pictures; open the live page where the webcam is")


class FeedStore(Protocol):
    """Which feeds there are. Every method may raise ServiceUnavailable (database gone)."""

    def offer(self, camera: str, digest: str, valid_s: float) -> None:
        """Store the digest of a ticket for a camera, in the place of one that was not used.

        Raises:
            FeedRefused: somebody sends pictures for this camera already.
            CameraNotFound: there is no such camera.
        """
        ...

    def begin(self, digest: str, url: str, lease_s: float) -> str | None:
        """Use a ticket, once; return the camera, or None if the ticket is not valid any more.

        From now on recorders read its pictures at `url`. A ticket that is not valid is only looked
        up: nothing is written, because anybody may try one.
        """
        ...

    def renew(self, digest: str, lease_s: float) -> bool:
        """Renew the lease; False if the camera was removed or the lease is over."""
        ...

    def end(self, digest: str) -> None:
        """End a feed."""
        ...

    def url(self, camera: str) -> str | None:
        """Return where the pictures of a camera are received, or None if nobody sends any."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


def new_ticket() -> str:
    """Return a random ticket: 256 bits, of characters that the name of a subprotocol may have."""
    return secrets.token_urlsafe(32)


def digest_of(ticket: str) -> str:
    """Return what is stored of a ticket: its SHA-256 as hexadecimal text."""
    return hashlib.sha256(ticket.encode()).hexdigest()
