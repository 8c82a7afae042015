"""Watches and what they have found as rows."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, insert, select, update

from clipseek.catalog import upserts
from clipseek.catalog.rows import now, storable
from clipseek.catalog.tables import among
from clipseek.catalog.watch_tables import alerts, deliveries, watch_states, watches
from clipseek.urls import host_of
from clipseek.watches import Findings, Hours, Watch


def store(connection: Connection, findings: Findings) -> None:
    """Store alerts and states, of watches that are still there and on."""
    ids = {alert.watch for alert in findings.alerts} | {watch for watch, _ in findings.states}
    some = among(watches.c.id, sorted(ids), connection.dialect.name)
    locked = select(watches.c.id, watches.c.webhook).where(some, watches.c.is_on)
    # A removal waits, so that no state is stored of a watch that is gone.
    hooks = {row.id: row.webhook for row in connection.execute(locked.with_for_update(read=True))}
    for alert in findings.alerts:
        if alert.watch not in hooks:
            continue
        row = asdict(alert)
        for name in ("number", "delivery", "attempts", "reason"):
            del row[name]
        connection.execute(insert(alerts).values({**row, "created_at": now()}))
        if hooks[alert.watch] is not None:
            waiting = {"alert": alert.id, "state": "waiting", "attempts": 0, "reason": ""}
            connection.execute(insert(deliveries).values({**waiting, "owner": "", "due": 0.0}))
    for longer in findings.longer:
        values = asdict(longer)
        this = alerts.c.id == values.pop("alert")
        connection.execute(update(alerts).where(this).values(values))
    for (watch, stream), state in findings.states.items():
        if watch not in hooks:
            continue
        values = asdict(state)
        if math.isinf(state.fired_at):
            values["fired_at"] = None
        row = {"watch": watch, "stream": stream, **values}
        put(connection, watch_states, row, ["watch", "stream"], values)


def put(
    connection: Connection,
    table: Table,
    row: Mapping[str, Any],
    keys: Sequence[str],
    changed: Mapping[str, Any],
) -> None:
    """Insert a row; one that is there is changed, or stays if `changed` is empty."""
    made = upserts.into(connection, table)
    added = made.values(dict(row))
    if changed:
        connection.execute(added.on_conflict_do_update(index_elements=keys, set_=dict(changed)))
    else:
        connection.execute(added.on_conflict_do_nothing(index_elements=keys))


def require_storable(watch: Watch) -> None:
    """Raise ValueError for a text of a watch that a database cannot store."""
    cameras = {f"camera {n}": name for n, name in enumerate(watch.cameras or ())}
    webhook = watch.webhook or ""
    storable(name=watch.name, collection=watch.collection, webhook=webhook, **cameras)


def row_of(watch: Watch) -> dict[str, Any]:
    """Return the columns of a watch that may be changed."""
    return {
        "name": watch.name,
        "collection": watch.collection,
        "asked": dict(watch.asked),
        "threshold": watch.threshold,
        "margin": watch.margin,
        "cameras": None if watch.cameras is None else list(watch.cameras),
        "hours": None if watch.hours is None else asdict(watch.hours),
        "cooldown_s": watch.cooldown_s,
        "keeps": watch.keeps,
        "webhook": watch.webhook,
        "host": host_of(watch.webhook or ""),
        "secret": watch.secret,
        "is_on": watch.is_on,
        "principal": watch.by,
    }


def watch_of(row: RowMapping) -> Watch:
    """Return the watch that a row is of."""
    values = dict(row)
    cameras, hours = values.pop("cameras"), values.pop("hours")
    if hours is not None:
        hours = Hours(**{**hours, "days": tuple(hours["days"])})
    return Watch(
        **{name: value for name, value in values.items() if name not in ("host", "principal")},
        by=values["principal"],
        cameras=None if cameras is None else tuple(cameras),
        hours=hours,
    )
