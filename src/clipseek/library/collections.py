"""The collections that are searched: a view of each, kept current, and its model."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from clipseek.errors import ClipseekError, CollectionNotFound, ConfigError, StateError
from clipseek.library.models import Models
from clipseek.library.view import View
from clipseek.library.views import Sight, Views
from clipseek.protocols import CatalogReader
from clipseek.threads import Worker
from clipseek.types import Collection

HELD_S = 60.0
"""Seconds that a view goes on answering after its name was given to another collection, while that
one is opened and its model loaded."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CollectionStats:
    """What one opened collection looks like now."""

    version: int
    segments: int
    snapshot_version: int | None
    delta_size: int
    snapshot_at: str | None = None
    is_exact: bool = True
    age_s: float = 0.0
    objects: int = 0


class Collections:
    """Opens collections and keeps them open. Thread-safe.

    No answer comes from a view that was last current more than `LATE_AFTER * refresh_s` ago, even
    on a busy machine: a late view is brought up to date first. If the catalog cannot be reached,
    the view answers for a while (`Views`), and the answer says how old it is; after that, searches
    are refused.
    """

    def __init__(
        self, catalog: CatalogReader, views: Views, models: Models, *, refresh_s: float = 1.0
    ) -> None:
        self.catalog = catalog
        self.models = models
        self._views = views
        self.refreshing = Worker("refresh", self._turn, pause_s=refresh_s)
        self._preparing = Worker("prepare", self.prepare, pause_s=refresh_s)

    def prepare(self) -> None:
        """Open what takes another collection's place, and load its model, before it has to answer.

        Both collections of a switch stay ready until one is removed, because it can be rolled back.
        One that cannot be prepared keeps none of the others back; its error is raised at the end.
        """
        keys = {view.collection.key for view, _ in self._views.opened().values()}
        both = [
            switch.other
            for switch in self.catalog.switches()
            if switch.state != "embedding" and {switch.old, switch.new} & keys
        ]
        failed: ClipseekError | None = None
        for opened, names in ((self._views.prepare, self._views.moved()), (self._beside, both)):
            for name in names:
                try:
                    self.models.get(opened(name))
                except CollectionNotFound:
                    continue  # it was removed meanwhile
                except ClipseekError as error:
                    failed = failed or error
        if failed is not None:
            raise failed

    def _beside(self, name: str) -> Collection:
        return self._views.get(name).view.collection

    def _turn(self) -> None:
        self.models.sweep()
        self.refresh()

    def opened(self, name: str) -> View | None:
        """Return the view of a collection if it is open and not late; never waits."""
        sight = self._views.current(name)
        return None if sight is None or sight.age_s is not None else sight.view

    def sight(self, name: str) -> Sight | None:
        """Return the view that a collection is answered from now, if there is one; never waits."""
        return self._views.current(name)

    def last(self, name: str) -> Collection | None:
        """Return what a name stood for when it was last answered; never waits."""
        view = self._views.last(name)
        return None if view is None else view.collection

    def doubt(self, name: str) -> bool:
        """Note that `open` takes too long; say whether a stale view will do instead."""
        self._views.doubt(name)
        return self.is_open(name)

    def is_open(self, name: str) -> bool:
        """Whether a search of a collection would wait for nothing but its own work."""
        sight = self._views.current(name)
        if sight is None:
            return False
        return not len(sight.view) or self.models.is_loaded(sight.view.collection)

    def goes_on(self, name: str) -> bool:
        """Whether searches of a collection are answered even if the catalog cannot be reached."""
        sight = self._views.current(name)
        if sight is None:
            return False
        return not len(sight.view) or self.models.is_known(sight.view.collection)

    def open(self, name: str) -> None:
        """Bring a collection's view up to date and load its model, so that it `is_open`.

        Raises:
            ClipseekError: as `latest` and `Models.get` do.
        """
        view = self._brought(name)
        if len(view):
            self.models.get(view.collection)

    def _brought(self, name: str) -> View:
        view = self._views.get(name).view
        self._views.learn(name)
        return view

    def latest(self, name: str) -> Sight:
        """Return the view of a collection to answer from, opened at its first use.

        Raises:
            NothingIndexed: the default collection does not exist.
            CollectionNotFound: another collection does not exist.
            ServiceUnavailable: the catalog cannot be reached, and the view is too old.
        """
        return self._views.get(name)

    def refresh(self) -> None:
        """Bring every opened view up to the last committed change."""
        self._views.refresh()

    def ready(self) -> None:
        """Open what is needed to answer at once; raise unless searches can be answered now.

        A collection whose model is not on this machine does not keep the others from being
        served: a search of it is told so.

        Raises:
            ServiceUnavailable: the catalog cannot be reached.
            CatalogOutdated: the catalog is at another revision.
        """
        for collection in self.catalog.collections():
            try:
                self._brought(collection.name)
                self.models.warm(collection)
            except CollectionNotFound:
                continue  # it was removed after the collections were listed
            except (ConfigError, StateError) as error:
                log.warning("collection %s cannot be searched: %s", collection.name, error)

    def stats(self) -> dict[str, CollectionStats]:
        """Return the state of every opened collection by name."""
        return {
            name: CollectionStats(
                version=view.version,
                segments=len(view),
                snapshot_version=view.snapshot_version,
                delta_size=view.delta_size,
                snapshot_at=view.snapshot_at,
                is_exact=view.is_exact,
                age_s=age_s,
                objects=len(view.objects),
            )
            for name, (view, age_s) in self._views.opened().items()
        }

    def reading(self) -> Mapping[str, tuple[int, int]]:
        """Return for each collection that is being read in full the segments read, and all."""
        return self._views.reading()

    def start(self) -> None:
        """Keep the views current in background threads until `close`."""
        self._views.hold(HELD_S, self.models.is_loaded)
        self.refreshing.start()
        self._preparing.start()

    def close(self) -> None:
        """Stop the background threads."""
        self._preparing.close()
        self.refreshing.close()
