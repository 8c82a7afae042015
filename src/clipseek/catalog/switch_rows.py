"""Reading the switches of models that are under way."""

from sqlalchemy import Connection, select

from clipseek.catalog.tables import collections, switches
from clipseek.switches import Switch


def switches_of(connection: Connection) -> list[Switch]:
    """Return the switches that are under way, by name."""
    names: dict[str, str] = {
        row.key: row.name
        for row in connection.execute(select(collections.c.key, collections.c.name))
    }
    return [
        Switch(
            name=row.name,
            other=names[row.old if row.state == "switched" else row.new],
            old=row.old,
            new=row.new,
            state=row.state,
            left_out=tuple(row.left_out),
            started_at=row.started_at,
            cut_at=row.cut_at,
            cut_version=row.cut_version,
        )
        for row in connection.execute(select(switches).order_by(switches.c.name))
    ]
