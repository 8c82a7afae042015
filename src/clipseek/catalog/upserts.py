"""Inserts that say what happens if the row is there already; each dialect has its own."""

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def into(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Return an insert into a table that takes `on_conflict_do_update` and `…_do_nothing`."""
    is_postgres = connection.dialect.name == "postgresql"
    return postgresql.insert(table) if is_postgres else sqlite.insert(table)
