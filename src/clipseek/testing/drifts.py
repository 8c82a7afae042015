"""MemoryDrifts: a `DriftStore` in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from clipseek.catalog.rows import storable
from clipseek.drifts import Drift
from clipseek.errors import CollectionNotFound


class MemoryDrifts:
    """Weeks by collection, group and week."""

    def __init__(self, collections: Sequence[str]) -> None:
        """Take the names of the collections that there are."""
        self._collections = frozenset(collections)
        self._weeks: dict[tuple[str, str, str], Drift] = {}

    def drifts(self, collection: str, *, group: str | None = None) -> list[Drift]:
        """Return what was measured of a collection, by group and then by week."""
        keys = sorted(key for key in self._weeks if key[0] == collection)
        return [self._weeks[key] for key in keys if group in (None, key[1])]

    def latest(self) -> list[tuple[str, Drift]]:
        """Return the newest week of each group, with the name of its collection."""
        newest = {key[:2]: (key[0], self._weeks[key]) for key in sorted(self._weeks)}
        return list(newest.values())

    def store(self, collection: str, found: Sequence[Drift]) -> None:
        """Store weeks of a collection, in the place of what was stored of the same ones."""
        if collection not in self._collections:
            raise CollectionNotFound(collection)
        for each in found:
            storable(group=each.group, week=each.week, tags="".join(each.tags))
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        for each in found:
            self._weeks[collection, each.group, each.week] = replace(each, measured_at=now)

    def close(self) -> None:
        """Do nothing."""
