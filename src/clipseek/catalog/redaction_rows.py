"""Redactions as rows: what is stored of a collection, and copied to the one that replaces it."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, or_, select

from clipseek.catalog.redaction_tables import redactions
from clipseek.catalog.rows import now
from clipseek.catalog.tables import switches


def store(connection: Connection, key: str, kinds: Sequence[str]) -> None:
    """Store what is redacted in a collection, given by its key; nothing if there are no kinds."""
    connection.execute(delete(redactions).where(redactions.c.collection == key))
    if kinds:
        values = {"collection": key, "kinds": list(kinds), "at": now()}
        connection.execute(insert(redactions).values(values))


def copy(connection: Connection, old: str, new: str) -> None:
    """Let one collection redact what another one does; both are given by their keys."""
    found = connection.scalar(select(redactions.c.kinds).where(redactions.c.collection == old))
    store(connection, new, found or ())


def partners(connection: Connection, key: str) -> list[str]:
    """Return the keys of a collection and of the one that it is switched to or from."""
    pairs = select(switches.c.old, switches.c.new).where(
        or_(switches.c.old == key, switches.c.new == key)
    )
    return sorted({key, *(each for row in connection.execute(pairs) for each in row)})
