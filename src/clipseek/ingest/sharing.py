"""Which videos this run works on, and which are left to other runs of the same collection."""

import logging
import secrets
import threading
from collections.abc import Callable

from clipseek.errors import ClipseekError
from clipseek.protocols import CatalogWriter

BEAT_S = 5.0
"""The longest pause between two signs of life."""
BEATS_PER_LEASE = 4
LOOK_S = 0.5
"""Seconds between two looks whether another run is done with what was left to it."""
_log = logging.getLogger(__name__)


class Sharing:
    """Claims videos in the catalog, so that several runs do nothing twice. Thread-safe.

    A subject of a claim is a uri, so that two runs do not read the same file, or the id of a video,
    so that they do not embed the same content. A thread renews the leases. If this process dies,
    they expire and another run takes the videos over; if it is only slow, `CatalogWriter.put`
    refuses what it no longer has a claim on.
    """

    def __init__(
        self,
        catalog: CatalogWriter,
        collection: str,
        *,
        lease_s: float,
        on_wait: Callable[[int], None] = lambda _count: None,
    ) -> None:
        """Tell `on_wait` how many videos are waited for."""
        self.name = secrets.token_urlsafe(16)
        self._catalog = catalog
        self._collection = collection
        self._lease_s = lease_s
        self._on_wait = on_wait
        self._held: dict[str, set[str]] = {}
        self._left: dict[str, str] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._beating: threading.Thread | None = None

    def take(self, uri: str, subject: str) -> bool:
        """Claim a subject for a source; if another run has it, leave the source and return False.

        Raises:
            ClipseekError: the catalog cannot be used.
        """
        self._begin()
        if self._catalog.claim(self._collection, subject, by=self.name, lease_s=self._lease_s):
            with self._lock:
                self._held.setdefault(uri, set()).add(subject)
            return True
        self.leave(uri, subject)
        return False

    def leave(self, uri: str, subject: str) -> None:
        """Note that another run works on the subject that a source needs."""
        with self._lock:
            self._left[uri] = subject

    def release(self, uri: str) -> None:
        """Give up what was claimed for a source, because its fate is known.

        Raises:
            ClipseekError: the catalog cannot be used.
        """
        if subjects := self.stored(uri):
            self._catalog.release(self._collection, sorted(subjects), by=self.name)

    def stored(self, uri: str) -> set[str]:
        """Note that the claims for a source ended when it was stored; return their subjects."""
        with self._lock:
            return self._held.pop(uri, set())

    def wait(self, stop: threading.Event) -> list[str]:
        """Wait until another run is done with a source that was left to it, or has died.

        Returns:
            The sources to look at again; none if nothing was left, or the run stops.

        Raises:
            ClipseekError: the catalog cannot be used.
        """
        with self._lock:
            left = dict(self._left)
        has_told = False
        while left and not stop.is_set():
            subjects = list(set(left.values()))
            taken = self._catalog.claimed(self._collection, subjects, by=self.name)
            free = [uri for uri, subject in left.items() if subject not in taken]
            if free:
                with self._lock:
                    for uri in free:
                        del self._left[uri]
                return free
            if not has_told:
                self._on_wait(len(left))
                has_told = True
            stop.wait(LOOK_S)
        return []

    def close(self) -> None:
        """Give up all claims; if the catalog cannot be reached, they expire."""
        self._ended.set()
        if self._beating is None:
            return
        self._beating.join()
        try:
            self._catalog.release_all(self.name)
        except ClipseekError as error:
            _log.debug("claims expire by themselves: %s", error)

    def _begin(self) -> None:
        """Renew leases from now on: a run that finds nothing to do writes nothing."""
        with self._lock:
            if self._beating is None:
                self._beating = threading.Thread(target=self._beat, name="claims", daemon=True)
                self._beating.start()

    def _beat(self) -> None:
        while not self._ended.wait(min(BEAT_S, self._lease_s / BEATS_PER_LEASE)):
            try:
                self._catalog.renew_claims(self.name, self._lease_s)
            except ClipseekError as error:
                # The next one may succeed; what is stored needs a valid claim in any case.
                _log.debug("claims are not renewed: %s", error)
