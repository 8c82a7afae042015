"""Lists: the order of the videos of a collection, and their number, for as long as they stay."""

import threading
from collections import OrderedDict
from typing import NamedTuple

from clipseek.errors import CollectionNotFound
from clipseek.listing import Order, listed
from clipseek.protocols import CatalogReader
from clipseek.publishing import history
from clipseek.types import Collection, Video

KEPT = 4
"""Orders that are kept, of all collections: some 20 MB each for 100 000 videos."""


class Page(NamedTuple):
    """Videos of one page, and the id of the last one if there are more."""

    videos: list[Video]
    following: str | None


class _Ordered(NamedTuple):
    ids: tuple[str, ...]
    places: dict[str, int]


class Lists:
    """Reads the names of all videos once for an order, not for each page. Thread-safe.

    What is kept belongs to one version of a collection and its past, so every page is of the last
    one, and of a backup that was put back.
    """

    def __init__(self, catalog: CatalogReader) -> None:
        self._catalog = catalog
        self._kept = OrderedDict[tuple[str, ...], _Ordered]()
        self._counts: dict[str, tuple[str, tuple[int, int, float]]] = {}
        self._lock = threading.Lock()

    def page(self, name: str, order: Order, query: str, *, after: str | None, limit: int) -> Page:
        """Return a page of the videos whose titles have every word of `query`.

        A video that is removed meanwhile is not on the page. If it is the last one, the next page
        raises VideoNotFound.
        """
        last = self._catalog.video(name, after) if after else None
        try:
            ordered = self._ordered(name, order, query)
        except CollectionNotFound:
            return Page([], None)
        if last is None:
            begin = 0
        elif last.id in ordered.places:
            begin = ordered.places[last.id] + 1
        else:  # its title has not the words any more
            return self._following(name, order, query, last, limit)
        return self._shown(name, ordered.ids[begin : begin + limit + 1], limit)

    def counts(self, found: Collection) -> tuple[int, int, float]:
        """Return videos, segments and seconds of a collection, added up once for each version."""
        now = history(self._catalog, found.name, found.version)
        seen, counts = self._counts.get(found.key, ("", (0, 0, 0.0)))
        if seen != now:
            counts = self._catalog.counts(found.name)
            # What was added up may be of a later version: the next request adds up again.
            self._counts[found.key] = now, counts
        return counts

    def _ordered(self, name: str, order: Order, query: str) -> _Ordered:
        with self._catalog.consistent(name) as now:
            found = now.collection(name)
            key = (found.key, history(now, name, found.version), order, query)
            with self._lock:
                if key in self._kept:
                    self._kept.move_to_end(key)
                    return self._kept[key]
            most = now.counts(name)[0]
            ids = tuple(listed(now.names(name), order, query, after=None, most=max(1, most)))
        ordered = _Ordered(ids, {video_id: place for place, video_id in enumerate(ids)})
        with self._lock:
            self._kept[key] = ordered
            for each in [each for each in self._kept if each[0] == key[0] and each[1] != key[1]]:
                del self._kept[each]
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return ordered

    def _following(self, name: str, order: Order, query: str, last: Video, limit: int) -> Page:
        names = self._catalog.names(name)
        return self._shown(name, listed(names, order, query, after=last, most=limit + 1), limit)

    def _shown(self, name: str, ids: tuple[str, ...] | list[str], limit: int) -> Page:
        shown = list(ids[:limit])
        found = self._catalog.videos_by_id(name, shown)
        page = [found[video_id] for video_id in shown if video_id in found]
        return Page(page, shown[-1] if len(ids) > limit else None)
