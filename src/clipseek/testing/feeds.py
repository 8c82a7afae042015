"""MemoryFeeds: feeds in a dictionary."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from clipseek.cameras import CameraNotFound
from clipseek.feeds import FeedRefused


@dataclass(slots=True)
class _Entry:
    """The ticket of a camera, the URL once it was used, and when either expires."""

    digest: str
    due: float
    url: str = ""


@dataclass
class MemoryFeeds:
    """A `FeedStore` in a dictionary; `known` says which cameras there are."""

    known: Callable[[str], bool]
    now: Callable[[], float] = time.monotonic
    entries: dict[str, _Entry] = field(default_factory=dict)

    def offer(self, camera: str, digest: str, valid_s: float) -> None:
        """Store the digest of a ticket; raise FeedRefused or CameraNotFound."""
        if not self.known(camera):
            raise CameraNotFound(camera)
        if self.url(camera) is not None:
            raise FeedRefused(camera, "somebody sends them")
        self.entries[camera] = _Entry(digest, self.now() + valid_s)

    def begin(self, digest: str, url: str, lease_s: float) -> str | None:
        """Use a ticket; return its camera, or None."""
        for camera, entry in self._live():
            if entry.digest == digest and not entry.url:
                entry.url, entry.due = url, self.now() + lease_s
                return camera
        return None

    def renew(self, digest: str, lease_s: float) -> bool:
        """Renew the lease; False if it is over."""
        for _, entry in self._live():
            if entry.digest == digest and entry.url:
                entry.due = self.now() + lease_s
                return True
        return False

    def end(self, digest: str) -> None:
        """End a feed."""
        self.entries = {
            camera: entry for camera, entry in self.entries.items() if entry.digest != digest
        }

    def url(self, camera: str) -> str | None:
        """Return where the pictures of a camera are received, or None."""
        return next((entry.url or None for name, entry in self._live() if name == camera), None)

    def close(self) -> None:
        """Keep everything: there is nothing to give back."""

    def _live(self) -> list[tuple[str, _Entry]]:
        now = self.now()
        return [
            (camera, entry)
            for camera, entry in self.entries.items()
            if entry.due > now and self.known(camera)
        ]
