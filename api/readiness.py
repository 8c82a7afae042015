"""Whether the server may get requests: not before it is warm, and not when it is about to end."""

import asyncio
import logging
import threading
from collections.abc import Mapping

from clipseek.errors import ClipseekError, ServiceUnavailable
from clipseek.query import Query
from clipseek.service import Service

PATIENCE_S = 0.5
"""Seconds a probe waits for another one, or for the models to be loaded; probes time out at 1 s."""
LISTEN_S = 10.0
"""Seconds after which a server listens even if it is not warm yet, so that probes can say why."""
_STEP_S = 0.1

log = logging.getLogger("clipseek.api")


def _opening(reading: Mapping[str, tuple[int, int]]) -> str:
    """Say what keeps the server from being ready, and how far it is."""
    if not reading:
        return "the collections are being opened; ask again in a moment"
    read = ", ".join(
        f"{done} of {total} segments of collection {name}"
        for name, (done, total) in sorted(reading.items())
    )
    return (
        f"{read} are read from the catalog, because there is no snapshot that can be used; "
        "`indexer build` makes one, which is read in seconds"
    )


class Readiness:
    """Warms the collections, each once, and says whether searches can be answered at once."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._warming = threading.Lock()
        self._warm: set[str] = set()
        self._ending = threading.Event()
        self.listen_s = 0.0

    async def listens(self, warming: asyncio.Task[None]) -> None:
        """Return when the server may listen: it is warm, ends, or has waited for `listen_s`.

        A proxy sends searches to whatever listens, and a connection that is refused makes it ask
        another replica, which a search that waits for a model does not.
        """
        late = asyncio.get_running_loop().time() + self.listen_s
        while (left := late - asyncio.get_running_loop().time()) > 0 and not self.is_ending:
            ended, _ = await asyncio.wait({warming}, timeout=min(_STEP_S, left))
            if ended:
                return

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
            ServiceUnavailable: the models are being loaded, the server ends, nobody has looked for
                new changes for too long, or the catalog cannot be reached and the views are too old
                to answer from.
            CatalogOutdated: the catalog is at another revision.
            ConfigError: the data folder belongs to another catalog.
        """
        if self._ending.is_set():
            raise ServiceUnavailable("the server is about to end; ask another one", for_all=True)
        self._require_refreshed()
        if not self._warming.acquire(timeout=PATIENCE_S):
            if self._goes_on():
                return
            raise ServiceUnavailable(_opening(self._service.collections.reading()), for_all=True)
        try:
            self._warm_up()
        except ServiceUnavailable:
            if not self._goes_on():
                raise
        finally:
            self._warming.release()

    @property
    def is_ending(self) -> bool:
        """Whether the server is about to end."""
        return self._ending.is_set()

    def end(self) -> None:
        """Say from now on that no more requests should come."""
        self._ending.set()

    def _require_refreshed(self) -> None:
        """Raise if the thread that keeps the views current has not done so for too long."""
        settings, age_s = (
            self._service.settings,
            self._service.collections.refreshing.age_s,
        )
        limit_s = max(settings.refresh_limit_s, settings.stale_s, 2 * settings.refresh_s)
        if age_s is not None and age_s > limit_s:
            raise ServiceUnavailable(
                f"no look for new changes has succeeded for {age_s:.0f} s, and CLIPSEEK_REFRESH_"
                f"LIMIT_S is {limit_s:g}; the log says why",
                for_all=True,
            )

    def _goes_on(self) -> bool:
        """Whether searches of all that is warm are answered, if the catalog is there or not."""
        return bool(self._warm) and all(map(self._service.collections.goes_on, self._warm))

    def _warm_up(self) -> None:
        """Open every collection, and answer one search of each: that loads the whole model."""
        self._service.check()
        searcher = self._service.searcher
        searcher.collections.ready()
        for name in searcher.collections.stats().keys() - self._warm:
            (answer,) = searcher.search([Query.of("a", limit=1, collection=name)])
            if not isinstance(answer, ClipseekError):
                self._warm.add(name)
