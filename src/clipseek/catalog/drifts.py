"""SqlDrifts: what was measured of cameras and folders, in the database of the catalog."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Self

from sqlalchemy import and_, delete, func, insert, select

from clipseek.catalog.database import WAIT_S, Database
from clipseek.catalog.drift_tables import drifts
from clipseek.catalog.ledger import Ledger
from clipseek.catalog.rows import now, storable
from clipseek.catalog.tables import behind, collections
from clipseek.drifts import Compared, Drift
from clipseek.errors import CollectionNotFound

CONNECTIONS = 2
"""The most connections of one store: each of its transactions takes milliseconds."""


class SqlDriftReader(Ledger):
    """A `DriftReader`; the right to SELECT is enough. Thread-safe."""

    @classmethod
    def open(cls, url: str, *, wait_s: float = WAIT_S) -> Self:
        """Open the catalog at a URL, which need not exist yet; nothing is made or written."""
        return cls(Database.at(url, read_only=True, wait_s=wait_s, most=CONNECTIONS))

    def drifts(self, collection: str, *, group: str | None = None) -> list[Drift]:
        """Return what was measured of a collection, by group and then by week."""
        query = select(drifts).where(drifts.c.collection == behind(collection))
        if group is not None:
            query = query.where(drifts.c.group == group)
        return [_drift(row) for row in self._rows(query.order_by(drifts.c.group, drifts.c.week))]

    def latest(self) -> list[tuple[str, Drift]]:
        """Return the newest week of each group, with the name of its collection."""
        key = (drifts.c.collection, drifts.c.group)
        newest = select(*key, func.max(drifts.c.week).label("week")).group_by(*key).subquery()
        same = and_(
            newest.c.collection == drifts.c.collection,
            newest.c.group == drifts.c.group,
            newest.c.week == drifts.c.week,
        )
        query = (
            select(collections.c.name, drifts)
            .select_from(drifts)
            .join(newest, same)
            .join(collections, collections.c.key == drifts.c.collection)
            .order_by(collections.c.name, drifts.c.group)
        )
        return [(row.name, _drift(row)) for row in self._rows(query)]


class SqlDrifts(SqlDriftReader):
    """A `DriftStore` in a SQL database. Thread-safe."""

    @classmethod
    def open(cls, url: str, *, wait_s: float = WAIT_S) -> Self:
        """Open the catalog at a URL, which must exist when something is written."""
        return cls(Database.at(url, create=False, wait_s=wait_s, most=CONNECTIONS))

    def store(self, collection: str, found: Sequence[Drift]) -> None:
        """Store weeks of a collection, in the place of what was stored of the same ones."""
        for each in found:
            storable(group=each.group, week=each.week, tags="".join(each.tags))
        with self._writing() as connection:
            key = connection.scalar(select(behind(collection)))
            if key is None:
                raise CollectionNotFound(collection)
            for each in found:
                same = (drifts.c.group == each.group, drifts.c.week == each.week)
                connection.execute(delete(drifts).where(drifts.c.collection == key, *same))
                connection.execute(insert(drifts).values({"collection": key, **_row(each)}))


def _row(drift: Drift) -> dict[str, Any]:
    figures = asdict(drift)
    for name in ("group", "week", "measured_at"):
        del figures[name]
    return {
        "group": drift.group,
        "week": drift.week,
        "figures": figures,
        "measured_at": now(),
    }


def _drift(row: Any) -> Drift:
    figures = dict(row.figures)
    for name in ("content", "view", "sharp"):
        if (said := figures[name]) is not None:
            figures[name] = Compared(**{**said, "null": tuple(said["null"])})
    figures["faults"] = tuple(figures["faults"])
    # JSONB does not keep the order of its keys.
    figures["tags"] = dict(sorted(figures["tags"].items(), key=lambda tag: (-tag[1], tag[0])))
    return Drift(group=row.group, week=row.week, measured_at=row.measured_at, **figures)
