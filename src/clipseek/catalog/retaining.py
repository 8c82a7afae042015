"""SqlRetaining: what retention looks at in the database of the catalog, and the holds."""

import math
from collections.abc import Sequence
from typing import Any, Self

from sqlalchemy import Join, Table, and_, delete, insert, or_, select, text, update

from clipseek.catalog import upserts, writes
from clipseek.catalog.database import WAIT_S, Database
from clipseek.catalog.ledger import Ledger
from clipseek.catalog.retention_tables import departed, expiring
from clipseek.catalog.rows import now, storable
from clipseek.catalog.tables import aliases, among, behind, cameras, collections, videos
from clipseek.catalog.tables import holds as hold_rows
from clipseek.catalog.watch_tables import alerts
from clipseek.holds import Chunk, Hold, HoldNotFound, Rule, is_kept
from clipseek.recorded import seconds_of

CONNECTIONS = 2
"""The most connections: one thread looks at what is to go."""


class SqlRetaining(Ledger):
    """A `Retaining` in a SQL database. Thread-safe."""

    @classmethod
    def open(cls, url: str, *, wait_s: float = WAIT_S) -> Self:
        """Open the catalog at a URL, which must exist; it is connected to when it is used."""
        return cls(Database.at(url, create=False, wait_s=wait_s, most=CONNECTIONS))

    def rules(self) -> list[Rule]:
        """Return the rules that let something go: of cameras, and of collections."""
        of_all = select(collections.c.name, collections.c.retain_s, collections.c.retain_bytes)
        of_all = of_all.where(or_(collections.c.retain_s > 0, collections.c.retain_bytes > 0))
        of_cameras = (
            select(collections.c.name, cameras.c.name, cameras.c.retain_s, cameras.c.retain_bytes)
            .select_from(_in_collections(cameras))
            .where(or_(cameras.c.retain_s > 0, cameras.c.retain_bytes > 0))
        )
        of_departed = select(collections.c.name, departed.c.camera, departed.c.before)
        of_departed = of_departed.select_from(_in_collections(departed))
        found = [Rule(*row) for row in self._rows(of_cameras)]
        found += [Rule(name, None, age, most) for name, age, most in self._rows(of_all)]
        return found + [
            Rule(name, camera, None, None, before)
            for name, camera, before in self._rows(of_departed)
        ]

    def chunks(self, collection: str, camera: str | None) -> list[Chunk]:
        """Return what a camera has recorded in a collection, or what all have."""
        of_camera = videos.c.stream != "" if camera is None else videos.c.stream == camera
        query = select(*_CHUNK).where(videos.c.collection == behind(collection), of_camera)
        return [_chunk(row) for row in self._rows(query)]

    def kept(self) -> list[tuple[str, float, float]]:
        """Return what is kept: by holds, and by alerts of watches that keep."""
        return _spans([row for query in _KEPT for row in self._rows(query)])

    def let_go(self, collection: str, chunks: Sequence[Chunk]) -> list[Chunk]:
        """Decide that chunks are removed, but for those that are kept by now; return the others."""
        with self._writing() as connection:
            if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
                connection.execute(text("LOCK TABLE holds, alerts IN SHARE MODE"))
            kept = _spans([row for query in _KEPT for row in connection.execute(query)])
            loose = {chunk.id: chunk for chunk in chunks if not is_kept(chunk, kept)}
            named = among(videos.c.id, list(loose), connection.dialect.name)
            this = select(videos.c.collection, videos.c.id)
            this = this.where(videos.c.collection == behind(collection), named)
            found = connection.execute(this.with_for_update(read=True)).all()
            rows = [{"collection": key, "video_id": video_id} for key, video_id in found]
            if rows:
                made = upserts.into(connection, expiring)
                connection.execute(made.on_conflict_do_nothing(), rows)
        there = {video_id for _, video_id in found}
        return [chunk for chunk in loose.values() if chunk.id in there]

    def going(self) -> list[tuple[str, Chunk]]:
        """Return what was decided and is not removed yet, with the names of the collections."""
        this = and_(
            expiring.c.collection == videos.c.collection, expiring.c.video_id == videos.c.id
        )
        query = select(collections.c.name, *_CHUNK).select_from(expiring).join(videos, this)
        query = query.join(collections, collections.c.key == videos.c.collection)
        return [(row.name, _chunk(row)) for row in self._rows(query)]

    def limit(self, collection: str, retain_s: float | None, retain_bytes: int | None) -> None:
        """Say how long, and how much of what cameras record in a collection is kept."""
        with self._writing() as connection:
            found = writes.lock(connection, collection)
            row = update(collections).where(collections.c.key == found.key)
            connection.execute(row.values(retain_s=retain_s, retain_bytes=retain_bytes))

    def depart(self, collection: str, camera: str, before: float) -> None:
        """Say that a camera was removed with all that began before a time."""
        values = {"collection": collection, "camera": camera, "before": before}
        with self._writing() as connection:
            made = upserts.into(connection, departed)
            connection.execute(
                made.values(values).on_conflict_do_update(
                    index_elements=[departed.c.collection, departed.c.camera],
                    set_={"before": before},
                )
            )

    def forget(self, rule: Rule) -> None:
        """Remove the rule of a camera that was removed."""
        this = and_(departed.c.camera == rule.camera, departed.c.before == rule.before)
        with self._writing() as connection:
            connection.execute(delete(departed).where(this))

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


def _in_collections(of: Table) -> Join:
    """Join rows of cameras to collections: by the name that they give, and by the alias.

    What such a camera has recorded may be in both.
    """
    return of.outerjoin(aliases, aliases.c.name == of.c.collection).join(
        collections,
        or_(collections.c.name == of.c.collection, collections.c.key == aliases.c.collection),
    )


_CHUNK = (
    videos.c.id,
    videos.c.stream,
    videos.c.uri,
    videos.c.recorded_at,
    videos.c.indexed_at,
    videos.c.duration,
    videos.c.size_bytes,
)
_KEPT = (
    select(hold_rows.c.camera, hold_rows.c.start_at, hold_rows.c.end_at),
    select(alerts.c.stream, alerts.c.start_at, alerts.c.end_at).where(
        alerts.c.keeps, alerts.c.stream != "", alerts.c.start_at != ""
    ),
)
_HOLDS = select(
    hold_rows.c.camera,
    hold_rows.c.start_at,
    hold_rows.c.end_at,
    hold_rows.c.reason,
    hold_rows.c.principal,
    hold_rows.c.id,
    hold_rows.c.created_at,
)


def _chunk(row: Any) -> Chunk:  # a row with the columns of `_CHUNK`
    start = seconds_of(row.recorded_at)
    if start is not None:
        return Chunk(row.id, row.stream, row.uri, start, start + row.duration, row.size_bytes)
    # All that is known is that it was recorded before it was indexed.
    end = _or(row.indexed_at, math.inf)
    return Chunk(row.id, row.stream, row.uri, -math.inf, end, row.size_bytes)


def _spans(rows: Sequence[Any]) -> list[tuple[str, float, float]]:
    """Return what is kept; a span without a time at one end has none there."""
    return [(camera, _or(start, -math.inf), _or(end, math.inf)) for camera, start, end in rows]


def _or(time: str, other: float) -> float:
    seconds = seconds_of(time)
    return other if seconds is None else seconds


def _hold(row: Any) -> Hold:  # a row of `_HOLDS`
    return Hold(*row)
