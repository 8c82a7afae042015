"""The views of all collections that were asked for, kept current; each has its own lock."""

import logging
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic

from clipseek.errors import ClipseekError, CollectionNotFound, NothingIndexed
from clipseek.library.view import View
from clipseek.protocols import CatalogReader
from clipseek.publishing import IndexStore
from clipseek.types import Collection

LATE_AFTER = 2
"""Refreshes that a view may miss before it is late."""
PATIENCE_S = 0.5
"""Seconds to wait for a silent catalog if there is a stale view."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sight:
    """The view to answer from.

    age_s: If it is stale, seconds since it was last known to be current; otherwise None.
    """

    view: View
    age_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Opened:
    """A view and when the catalog was last asked for what changed since, in `monotonic` seconds."""

    view: View
    asked: float


class Views:
    """Opens the view of each collection at its first use, and keeps it current. Thread-safe.

    A view that was not known to be current for `LATE_AFTER * refresh_s` is late: it is brought up
    to date before it answers. If the catalog cannot be asked, it answers for `stale_s` more
    seconds, and says so; with 0, it does not.

    When a name is given to another collection, its view goes on answering until `prepare` has
    opened that one and its model is loaded, for the seconds that `hold` was given.
    """

    def __init__(
        self,
        catalog: CatalogReader,
        store: IndexStore,
        *,
        refresh_s: float,
        stale_s: float = 0.0,
    ) -> None:
        self._held_s = 0.0
        self._moved: dict[str, float] = {}
        self._prepared: dict[str, View] = {}
        self._can_answer: Callable[[Collection], bool] = lambda _collection: True
        self._catalog = catalog
        self._store = store
        self._late_s = LATE_AFTER * refresh_s
        self._stale_s = stale_s
        self._opened: dict[str, _Opened] = {}
        self._away: dict[str, float] = {}
        self._reading: dict[str, tuple[int, int]] = {}
        self._locks: dict[str, threading.Lock] = {}

    def current(self, name: str) -> Sight | None:
        """Return the view to answer from, if there is one that may; never waits."""
        opened = self._opened.get(name)
        if opened is None:
            return None
        now = monotonic()
        age_s = now - opened.asked
        if age_s <= self._late_s:
            return Sight(opened.view)
        # Somebody must have asked in vain a moment ago.
        is_away = now - self._away.get(name, -math.inf) <= self._late_s
        if is_away and age_s <= self._late_s + self._stale_s:
            return Sight(opened.view, age_s)
        return None

    def last(self, name: str) -> View | None:
        """Return the view that was last answered from, however old it is; never waits."""
        opened = self._opened.get(name)
        return None if opened is None else opened.view

    def doubt(self, name: str) -> None:
        """Note that the catalog was asked for what changed, and gave no answer in time."""
        self._away[name] = monotonic()

    def get(self, name: str) -> Sight:
        """Return the view to answer from, opened or brought up to date if necessary.

        Raises:
            NothingIndexed: the default collection does not exist.
            CollectionNotFound: another collection does not exist.
            ServiceUnavailable: the catalog cannot be reached, and the view is too old, if any.
        """
        if (sight := self.current(name)) is not None:
            return sight
        lock = self._lock(name)
        if not lock.acquire(timeout=PATIENCE_S):
            self.doubt(name)
            if (sight := self.current(name)) is not None:
                return sight
            lock.acquire()
        try:
            return self.current(name) or self._brought(name)
        finally:
            lock.release()

    def learn(self, name: str) -> None:
        """Let an opened view know the names of its videos, if it may become stale."""
        with self._lock(name):
            opened = self._opened.get(name)
            if self._stale_s and opened is not None and not opened.view.is_named:
                self._opened[name] = _Opened(opened.view.named(self._catalog), opened.asked)

    def _brought(self, name: str) -> Sight:
        """Bring a view up to date, or open it; a stale one is better than none."""
        asked = monotonic()
        try:
            view = self._current(name)
        except CollectionNotFound:
            raise
        except ClipseekError:
            self.doubt(name)
            if (stale := self.current(name)) is None:
                raise
            return stale
        self._put(name, view, asked)
        return Sight(view)

    def _current(self, name: str) -> View:
        """Follow the changes, or open; what is published is left to `refresh`."""
        late = self._opened.get(name)
        try:
            if late is not None:
                view = self._successor(name, late.view)
                if name in self._moved:
                    return view
                return self._named(view.follow(self._catalog, self._store), late.view)
            return self._read(name)
        except CollectionNotFound as error:
            self._forget(name)
            if name == "default":
                raise NothingIndexed(name) from error
            raise

    def _successor(self, name: str, view: View) -> View:
        """Return the view to go on from: itself, unless its name was given to another collection.

        Then it is the view of that one, if that can answer at once.
        """
        key = self._catalog.collection(name).key
        if key == view.collection.key:
            self._moved.pop(name, None)
            self._prepared.pop(name, None)
            return view
        since = self._moved.setdefault(name, monotonic())
        known = (*self._prepared.values(), *(each.view for each in self._opened.values()))
        for found in known:
            if found.collection.key == key and (
                not len(found) or self._can_answer(found.collection)
            ):
                self._moved.pop(name, None)
                self._prepared.pop(name, None)
                return found.called(name)
        if monotonic() - since >= self._held_s:
            self._moved.pop(name, None)
        return view

    def hold(self, seconds: float, can_answer: Callable[[Collection], bool]) -> None:
        """Let views go on answering after their name was given to another collection.

        `can_answer` says whether the model of a collection is loaded.
        """
        self._held_s, self._can_answer = seconds, can_answer

    def moved(self) -> list[str]:
        """Return the names that were given to another collection, which is to be prepared."""
        return list(self._moved)

    def prepare(self, name: str) -> Collection:
        """Open what a name stands for now, beside the view that answers; return the collection."""
        view = View.open(self._catalog, self._store, name)
        self._prepared[name] = view
        return view.collection

    def _read(self, name: str) -> View:
        def note(done: int, total: int) -> None:
            self._reading[name] = done, total

        try:
            return View.open(self._catalog, self._store, name, progress=note)
        finally:
            self._reading.pop(name, None)

    def reading(self) -> Mapping[str, tuple[int, int]]:
        """Return for each collection that is being read in full the segments read so far, and all.

        This happens if there is no usable snapshot.
        """
        return dict(self._reading)

    def refresh(self) -> None:
        """Bring every opened view up to the last committed change.

        One that cannot be keeps none of the others back; its error is raised at the end.
        """
        failed: Exception | None = None
        for name, opened in list(self._opened.items()):
            asked = monotonic()
            try:
                view = self._successor(name, opened.view)
                if name not in self._moved:
                    view = view.refresh(self._catalog, self._store)
                    view = self._named(view, opened.view)
                self._replace(name, opened.view, view, asked)
            except CollectionNotFound:
                self._forget(name)
            except Exception as error:  # noqa: BLE001  it is raised below
                self.doubt(name)
                failed = failed or error
        if failed is not None:
            raise failed

    def _replace(self, name: str, before: View, view: View, asked: float) -> None:
        """Swap a view in, unless a search has gone further meanwhile: then bring it there first.

        Opening a large snapshot takes longer than a view may be late. A search may also have gone
        on to the other collection that the name was given to: it is not taken back from there.
        """
        with self._lock(name):
            now = self._opened.get(name)
            if now is not None and now.view is not before:
                if name in self._moved:
                    return
                view = self._named(view, now.view)
                asked = monotonic()
                view = self._named(view.follow(self._catalog, self._store), view)
            self._put(name, view, asked)

    def _named(self, view: View, before: View) -> View:
        """Return a view with the names of its videos, if the one before had them."""
        return view.named(self._catalog, before) if before.is_named else view

    def _put(self, name: str, view: View, asked: float) -> None:
        """Swap a view in; say once why the snapshot that is published is not used."""
        before = self._opened.get(name)
        if view.note and (before is None or before.view.note != view.note):
            log.warning("the snapshot of collection %s is not used: %s", name, view.note)
        self._opened[name] = _Opened(view, asked)
        self._away.pop(name, None)

    def _forget(self, name: str) -> None:
        self._moved.pop(name, None)
        self._prepared.pop(name, None)
        self._opened.pop(name, None)
        self._away.pop(name, None)

    def _lock(self, name: str) -> threading.Lock:
        return self._locks.setdefault(name, threading.Lock())

    def opened(self) -> Mapping[str, tuple[View, float]]:
        """Return every opened view, and the seconds since it was last known to be current."""
        now = monotonic()
        return {
            name: (opened.view, now - opened.asked) for name, opened in list(self._opened.items())
        }
