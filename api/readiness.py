"""Whether the server may get requests: not before it is warm, and not when it is about to end."""

import logging
import threading

from clipseek.assembly import Service
from clipseek.errors import ClipseekError, ServiceUnavailable
from clipseek.types import SearchRequest

PATIENCE_S = 0.5
"""Seconds a probe waits for another one, or for the models to be loaded; probes time out at 1 s."""

log = logging.getLogger("clipseek.api")


class Readiness:
    """Warms the collections, each once, and says whether searches can be answered at once."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._warming = threading.Lock()
        self._warm: set[str] = set()
        self._ending = threading.Event()

    def begin(self) -> None:
        """Warm what there is; what cannot be now is tried again by every `check`."""
        try:
            with self._warming:
                self._warm_up()
        except ClipseekError as error:
            log.warning("not ready yet: %s", error)

    def check(self) -> None:
        """Raise unless searches can be answered now.

        Raises:
            ServiceUnavailable: the models are being loaded, the server ends, or the catalog cannot
                be reached.
            CatalogOutdated: the catalog has another schema.
        """
        if self._ending.is_set():
            raise ServiceUnavailable("the server is about to end; ask another one")
        if not self._warming.acquire(timeout=PATIENCE_S):
            raise ServiceUnavailable("the collections are being opened; ask again in a moment")
        try:
            self._warm_up()
        finally:
            self._warming.release()

    def end(self) -> None:
        """Say from now on that no more requests should come."""
        self._ending.set()

    def _warm_up(self) -> None:
        """Open every collection, and answer one search of each: that loads the whole model."""
        searcher = self._service.searcher
        searcher.ready()
        for name in searcher.stats().keys() - self._warm:
            (answer,) = searcher.search([SearchRequest("a", limit=1, collection=name)])
            if not isinstance(answer, ClipseekError):
                self._warm.add(name)
