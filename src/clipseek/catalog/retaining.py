"""SqlRetaining: what retention looks at in the database of the catalog, and the holds."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

from sqlalchemy import Connection, Select, delete, insert, or_, select, update

from clipseek.catalog import schema, writes
from clipseek.catalog.database import WAIT_S, Database
from clipseek.catalog.rows import now, storable
from clipseek.catalog.tables import aliases, among, behind, cameras, collections, videos
from clipseek.catalog.tables import holds as hold_rows
from clipseek.catalog.watch_tables import alerts
from clipseek.holds import Chunk, Hold, HoldNotFound, Rule, seconds_of

CONNECTIONS = 2
"""The most connections: one thread looks at what is to go."""


class SqlRetaining:
    """A `Retaining` in a SQL database. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, url: str, *, wait_s: float = WAIT_S) -> Self:
        """Open the catalog at a URL, which must exist; it is connected to when it is used."""
        return cls(Database.at(url, create=False, wait_s=wait_s, most=CONNECTIONS))

    def rules(self) -> list[Rule]:
        """Return the rules that let something go: of cameras, and of collections."""
        of_all = select(collections.c.name, collections.c.retain_s, collections.c.retain_bytes)
        of_all = of_all.where(or_(collections.c.retain_s > 0, collections.c.retain_bytes > 0))
        # By the name that the camera was given, or by the alias: what it has recorded is in both.
        of_cameras = (
            select(collections.c.name, cameras.c.name, cameras.c.retain_s, cameras.c.retain_bytes)
            .select_from(cameras)
            .outerjoin(aliases, aliases.c.name == cameras.c.collection)
            .join(
                collections,
                or_(
                    collections.c.name == cameras.c.collection,
                    collections.c.key == aliases.c.collection,
                ),
            )
            .where(or_(cameras.c.retain_s > 0, cameras.c.retain_bytes > 0))
        )
        found = [Rule(*row) for row in self._rows(of_cameras)]
        return found + [Rule(name, None, age, most) for name, age, most in self._rows(of_all)]

    def chunks(self, collection: str, camera: str | None) -> list[Chunk]:
        """Return what a camera has recorded in a collection, or what all have."""
        columns = (
            videos.c.id,
            videos.c.stream,
            videos.c.uri,
            videos.c.recorded_at,
            videos.c.duration,
            videos.c.size_bytes,
        )
        of_camera = videos.c.stream != "" if camera is None else videos.c.stream == camera
        query = select(*columns).where(videos.c.collection == behind(collection), of_camera)
        return [
            Chunk(
                row.id,
                row.stream,
                row.uri,
                start := seconds_of(row.recorded_at),
                start + row.duration,
                row.size_bytes,
            )
            for row in self._rows(query)
        ]

    def kept(self) -> list[tuple[str, float, float]]:
        """Return what is kept: by holds, and by alerts of watches that keep."""
        of_holds = select(hold_rows.c.camera, hold_rows.c.start_at, hold_rows.c.end_at)
        of_alerts = select(alerts.c.stream, alerts.c.start_at, alerts.c.end_at).where(
            alerts.c.keeps, alerts.c.stream != "", alerts.c.start_at != ""
        )
        return [
            (camera, seconds_of(start), seconds_of(end))
            for query in (of_holds, of_alerts)
            for camera, start, end in self._rows(query)
        ]

    def limit(self, collection: str, retain_s: float | None, retain_bytes: int | None) -> None:
        """Say how long, and how much of what cameras record in a collection is kept."""
        with self._writing() as connection:
            found = writes.lock(connection, collection)
            row = update(collections).where(collections.c.key == found.key)
            connection.execute(row.values(retain_s=retain_s, retain_bytes=retain_bytes))

    def holds(self, *, cameras: Sequence[str] | None = None) -> list[Hold]:
        """Return the holds, the oldest first: all, or those on some cameras."""
        query = _HOLDS.order_by(hold_rows.c.number)
        if cameras is not None:
            query = query.where(among(hold_rows.c.camera, cameras, self._database.dialect))
        return [_hold(row) for row in self._rows(query)]

    def hold(self, hold: Hold) -> Hold:
        """Store a hold, and return it as it is stored."""
        storable(camera=hold.camera, reason=hold.reason, by=hold.by)
        values = {
            "id": hold.id,
            "camera": hold.camera,
            "start_at": hold.start_at,
            "end_at": hold.end_at,
            "reason": hold.reason,
            "principal": hold.by,
            "created_at": now(),
        }
        with self._writing() as connection:
            connection.execute(insert(hold_rows).values(values))
            return _hold(connection.execute(_HOLDS.where(hold_rows.c.id == hold.id)).one())

    def release(self, hold_id: str) -> Hold:
        """Remove a hold and return it; raise HoldNotFound."""
        with self._writing() as connection:
            row = connection.execute(_HOLDS.where(hold_rows.c.id == hold_id)).one_or_none()
            if row is None:
                raise HoldNotFound(hold_id)
            connection.execute(delete(hold_rows).where(hold_rows.c.id == hold_id))
        return _hold(row)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._database.close()

    def _rows(self, query: Select[Any]) -> Sequence[Any]:
        if not schema.is_there(self._database):
            return []
        with self._database.reading() as connection:
            return connection.execute(query).all()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Open a writing transaction, during which the catalog is not migrated."""
        with self._database.writing() as connection:
            schema.hold(connection, self._database.place)
            yield connection


_HOLDS = select(
    hold_rows.c.camera,
    hold_rows.c.start_at,
    hold_rows.c.end_at,
    hold_rows.c.reason,
    hold_rows.c.principal,
    hold_rows.c.id,
    hold_rows.c.created_at,
)


def _hold(row: Any) -> Hold:  # a row of `_HOLDS`
    return Hold(*row)
