"""SqlWatches: watches and alerts in the database of the catalog, SQLite or PostgreSQL."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Self

from sqlalchemy import Connection, Select, and_, delete, func, insert, select, text, update

from clipseek.catalog import leases
from clipseek.catalog.database import WAIT_S, Database
from clipseek.catalog.ledger import Ledger
from clipseek.catalog.rows import now
from clipseek.catalog.tables import among
from clipseek.catalog.watch_rows import put, require_storable, row_of, store, watch_of
from clipseek.catalog.watch_tables import alerts, deliveries, watch_states, watch_turns, watches
from clipseek.watches import (
    Alert,
    AlertNotFound,
    Delivery,
    DeliveryCounts,
    Findings,
    StreamState,
    Turn,
    Watch,
    WatchNotFound,
)

CONNECTIONS = 4
"""The most connections of one store: each of its transactions takes milliseconds."""

_WITH_DELIVERY = select(
    alerts,
    func.coalesce(deliveries.c.state, "none").label("delivery"),
    func.coalesce(deliveries.c.attempts, 0).label("attempts"),
    func.coalesce(deliveries.c.reason, "").label("reason"),
).select_from(alerts.outerjoin(deliveries, deliveries.c.alert == alerts.c.id))


class SqlWatchReader(Ledger):
    """A `WatchReader`; the right to SELECT is enough. Thread-safe."""

    @classmethod
    def open(cls, url: str, *, wait_s: float = WAIT_S) -> Self:
        """Open the catalog at a URL, which need not exist yet; nothing is made or written."""
        return cls(Database.at(url, read_only=True, wait_s=wait_s, most=CONNECTIONS))

    def watch(self, watch_id: str) -> Watch:
        """Return a watch; raise WatchNotFound."""
        found = self._rows(select(watches).where(watches.c.id == watch_id))
        if not found:
            raise WatchNotFound(watch_id)
        return watch_of(found[0]._mapping)

    def watches(self, *, collections: Sequence[str] | None = None) -> list[Watch]:
        """Return the watches by name and id: all, or those of some names of collections."""
        query = select(watches)
        if collections is not None:
            query = query.where(among(watches.c.collection, collections, self._database.dialect))
        found = [watch_of(row._mapping) for row in self._rows(query)]
        return sorted(found, key=lambda watch: (watch.name, watch.id))

    def alert(self, alert_id: str) -> Alert:
        """Return an alert; raise AlertNotFound."""
        found = self._alerts(_WITH_DELIVERY.where(alerts.c.id == alert_id))
        if not found:
            raise AlertNotFound(alert_id)
        return found[0]

    def alerts(
        self,
        *,
        collections: Sequence[str] | None = None,
        watch: str | None = None,
        after: str = "",
        limit: int = 100,
    ) -> list[Alert]:
        """Return alerts, the newest first, those that are older than the alert `after`."""
        query = _WITH_DELIVERY.order_by(alerts.c.number.desc()).limit(limit)
        if collections is not None:
            query = query.where(among(alerts.c.collection, collections, self._database.dialect))
        if watch is not None:
            query = query.where(alerts.c.watch == watch)
        if after:
            query = query.where(alerts.c.number < self.alert(after).number)
        return self._alerts(query)

    def alerts_of(self, watch: str, video_ids: Sequence[str]) -> list[Alert]:
        """Return the alerts of a watch in some videos, oldest first."""
        some = among(alerts.c.video_id, video_ids, self._database.dialect)
        query = _WITH_DELIVERY.where(alerts.c.watch == watch, some)
        return self._alerts(query.order_by(alerts.c.number))

    def news(self, number: int, *, limit: int = 1000) -> list[Alert]:
        """Return alerts with higher numbers, ascending; no lower one can appear later."""
        query = _WITH_DELIVERY.where(alerts.c.number > number)
        return self._alerts(query.order_by(alerts.c.number).limit(limit))

    def latest(self) -> int:
        """Return the number of the newest alert; 0 if there is none."""
        rows = self._rows(select(func.max(alerts.c.number)))
        return (rows[0][0] or 0) if rows else 0

    def states(self, watches: Sequence[str]) -> dict[tuple[str, str], StreamState]:
        """Return what is known of the streams of some watches, by watch and stream."""
        some = among(watch_states.c.watch, watches, self._database.dialect)
        return {
            (row.watch, row.stream): StreamState(
                row.until, row.is_up, row.alert, -math.inf if row.fired_at is None else row.fired_at
            )
            for row in self._rows(select(watch_states).where(some))
        }

    def judged(self) -> dict[str, int]:
        """Return up to which version each collection was judged, by its key."""
        rows = self._rows(select(watch_turns.c.collection, watch_turns.c.version))
        return {row.collection: row.version for row in rows}

    def delivery_counts(self) -> DeliveryCounts:
        """Count the deliveries by state."""
        counts = select(deliveries.c.state, func.count()).group_by(deliveries.c.state)
        oldest = (
            select(func.min(alerts.c.created_at))
            .select_from(alerts.join(deliveries, deliveries.c.alert == alerts.c.id))
            .where(deliveries.c.state == "waiting")
        )
        since = next((row[0] for row in self._rows(oldest)), None)
        oldest_s = 0.0
        if since:
            passed = datetime.now(UTC) - datetime.fromisoformat(since)
            oldest_s = max(0.0, passed.total_seconds())
        return DeliveryCounts({row[0]: row[1] for row in self._rows(counts)}, oldest_s)

    def _alerts(self, query: Select[Any]) -> list[Alert]:
        return [Alert(**row._mapping) for row in self._rows(query)]


class SqlWatches(SqlWatchReader):
    """A `WatchStore` in a SQL database. Thread-safe.

    Leases are compared with the clock of a PostgreSQL, as those of jobs are.
    """

    @classmethod
    def open(cls, url: str, *, wait_s: float = WAIT_S) -> Self:
        """Open the catalog at a URL, which must exist when something is written."""
        return cls(Database.at(url, create=False, wait_s=wait_s, most=CONNECTIONS))

    def add(self, watch: Watch) -> Watch:
        """Store a watch; return it with `created_at` and `since`, which are now."""
        require_storable(watch)
        with self._writing() as connection:
            since = leases.clock(connection.dialect.name)
            row = {**row_of(watch), "id": watch.id, "created_at": now(), "since": since}
            added = insert(watches).values(row).returning(watches)
            return watch_of(connection.execute(added).one()._mapping)

    def change(self, watch: Watch) -> Watch:
        """Store what a watch is from now on, by its id; one that is switched on begins now."""
        require_storable(watch)
        this = watches.c.id == watch.id
        with self._writing() as connection:
            was_on = connection.scalar(select(watches.c.is_on).where(this).with_for_update())
            if was_on is None:
                raise WatchNotFound(watch.id)
            row = row_of(watch)
            if watch.is_on and not was_on:
                row["since"] = leases.clock(connection.dialect.name)
                connection.execute(delete(watch_states).where(watch_states.c.watch == watch.id))
            if watch.webhook is None:
                _give_up(connection, watch.id, "the watch has no webhook any more")
            changed = update(watches).where(this).values(row).returning(watches)
            return watch_of(connection.execute(changed).one()._mapping)

    def remove(self, watch_id: str) -> None:
        """Remove a watch; alerts stay, and those that wait to be sent are not sent."""
        with self._writing() as connection:
            removed = connection.execute(delete(watches).where(watches.c.id == watch_id))
            if not removed.rowcount:
                raise WatchNotFound(watch_id)
            _give_up(connection, watch_id, "the watch was removed")

    def take(self, owner: str, key: str, epoch: str, lease_s: float) -> Turn | None:
        """Take or renew the turn of a collection for `lease_s` seconds; None if another has it."""
        with self._writing() as connection:
            clock = leases.clock(connection.dialect.name)
            none = {"collection": key, "epoch": epoch, "version": -1, "at": clock, "owner": ""}
            put(connection, watch_turns, {**none, "due": 0.0}, ["collection"], {})
            free = (watch_turns.c.owner.in_((owner, ""))) | (watch_turns.c.due <= clock)
            # Another epoch is another collection: nothing of it was judged.
            known = watch_turns.c.epoch == epoch
            connection.execute(
                update(watch_turns)
                .where(watch_turns.c.collection == key, free, ~known)
                .values(epoch=epoch, version=-1, at=clock)
            )
            taken = (
                update(watch_turns)
                .where(watch_turns.c.collection == key, free)
                .values(owner=owner, due=clock + lease_s)
                .returning(watch_turns)
            )
            row = connection.execute(taken).one_or_none()
            return None if row is None else Turn(key, row.epoch, row.version, row.at, row.owner)

    def commit(self, turn: Turn, version: int, findings: Findings, lease_s: float) -> bool:
        """Store what was found up to a version, and renew; False, and no change, if lost."""
        with self._writing() as connection:
            if findings.alerts and connection.dialect.name == "postgresql":
                # So that alerts become visible in the order of their numbers.
                connection.execute(text("LOCK TABLE alerts IN SHARE ROW EXCLUSIVE MODE"))
            clock = leases.clock(connection.dialect.name)
            mine = and_(
                watch_turns.c.collection == turn.key,
                watch_turns.c.epoch == turn.epoch,
                watch_turns.c.owner == turn.owner,
                watch_turns.c.version == turn.version,
            )
            values = {"version": version, "at": clock, "due": clock + lease_s}
            if not connection.execute(update(watch_turns).where(mine).values(values)).rowcount:
                return False
            store(connection, findings)
        return True

    def release(self, owner: str) -> None:
        """Give up all turns, and what was taken to be delivered."""
        with self._writing() as connection:
            for table in (watch_turns, deliveries):
                connection.execute(
                    update(table).where(table.c.owner == owner).values(owner="", due=0.0)
                )

    def due(
        self, owner: str, lease_s: float, most: int, *, besides: Sequence[str] = ()
    ) -> list[Delivery]:
        """Take deliveries that are due, for `lease_s` seconds, the oldest first."""
        clock = leases.clock(self._database.dialect)
        ready = and_(deliveries.c.state == "waiting", deliveries.c.due <= clock)
        if besides:
            elsewhere = select(alerts.c.id).join(watches, watches.c.id == alerts.c.watch)
            elsewhere = elsewhere.where(watches.c.host.not_in(besides))
            ready = and_(ready, deliveries.c.alert.in_(elsewhere))
        if not self._rows(select(deliveries.c.alert).where(ready).limit(1)):
            return []  # without a writing transaction, because this is asked again and again
        with self._writing() as connection:
            oldest = (
                select(deliveries.c.alert)
                .where(ready)
                .order_by(deliveries.c.due)
                .limit(most)
                .with_for_update(skip_locked=True)
            )
            ids = list(connection.scalars(oldest))
            if not ids:
                return []
            some = among(deliveries.c.alert, ids, connection.dialect.name)
            taken = {"owner": owner, "due": clock + lease_s}
            connection.execute(update(deliveries).where(some).values(taken))
            query = (
                _WITH_DELIVERY.add_columns(watches.c.webhook, watches.c.secret)
                .join(watches, watches.c.id == alerts.c.watch)
                .where(some, watches.c.webhook.is_not(None))
                .order_by(alerts.c.number)
            )
            rows = [dict(row._mapping) for row in connection.execute(query)]
        return [
            Delivery(
                url=row.pop("webhook"),
                secret=row.pop("secret"),
                attempts=row["attempts"],
                owner=owner,
                alert=Alert(**row),
            )
            for row in rows
        ]

    def delivered(self, delivery: Delivery) -> bool:
        """Note that an alert has arrived; False if the lease was lost."""
        return self._ended(delivery, {"state": "delivered", "reason": ""})

    def undelivered(self, delivery: Delivery, reason: str, after_s: float | None) -> bool:
        """Note that an attempt failed, to be tried again or, with None, never; False if lost."""
        values: dict[str, Any] = {"reason": reason}
        if after_s is None:
            values["state"] = "failed"
        else:
            values["due"] = leases.clock(self._database.dialect) + after_s
        return self._ended(delivery, values)

    def _ended(self, delivery: Delivery, values: Mapping[str, Any]) -> bool:
        mine = and_(
            deliveries.c.alert == delivery.alert.id,
            deliveries.c.owner == delivery.owner,
            deliveries.c.attempts == delivery.attempts,
            deliveries.c.state == "waiting",
        )
        changed = {**values, "owner": "", "attempts": delivery.attempts + 1}
        with self._writing() as connection:
            return connection.execute(update(deliveries).where(mine).values(changed)).rowcount > 0

    def prune(self, older_than_s: float) -> int:
        """Delete alerts that were made longer ago, unless they are to be sent; return how many."""
        oldest = datetime.fromtimestamp(datetime.now(UTC).timestamp() - older_than_s, UTC)
        limit = oldest.isoformat(timespec="seconds").replace("+00:00", "Z")
        waiting = select(deliveries.c.alert).where(deliveries.c.state == "waiting")
        old = and_(alerts.c.created_at < limit, alerts.c.id.not_in(waiting))
        with self._writing() as connection:
            return connection.execute(delete(alerts).where(old)).rowcount


def _give_up(connection: Connection, watch_id: str, reason: str) -> None:
    """End the deliveries of a watch that wait."""
    theirs = select(alerts.c.id).where(alerts.c.watch == watch_id)
    waiting = and_(deliveries.c.state == "waiting", deliveries.c.alert.in_(theirs))
    ended = {"state": "failed", "reason": reason, "owner": ""}
    connection.execute(update(deliveries).where(waiting).values(ended))
