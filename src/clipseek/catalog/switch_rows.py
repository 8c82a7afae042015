"""Reading the switches of models that are under way."""

from sqlalchemy import Connection, case, select

from clipseek.catalog.tables import collections, switches
from clipseek.switches import Switch


def switches_of(connection: Connection) -> list[Switch]:
    """Return the switches that are under way, by name."""
    # One statement, because a cut may come between two.
    silent = case((switches.c.state == "switched", switches.c.old), else_=switches.c.new)
    query = select(switches, collections.c.name.label("other")).join(
        collections, collections.c.key == silent
    )
    return [
        Switch(
            name=row.name,
            other=row.other,
            old=row.old,
            new=row.new,
            state=row.state,
            left_out=tuple(row.left_out),
            started_at=row.started_at,
            cut_at=row.cut_at,
            cut_version=row.cut_version,
        )
        for row in connection.execute(query.order_by(switches.c.name))
    ]
