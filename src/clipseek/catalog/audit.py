"""SqlAudit: the audit in the database of the catalog."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from typing import Self

from sqlalchemy import delete, insert, select

from clipseek.audit import Entry, stamp
from clipseek.catalog import schema
from clipseek.catalog.database import Database
from clipseek.catalog.rows import cleaned
from clipseek.catalog.tables import audit

_STREAMED = 1000

WAIT_S = 5.0
"""Seconds to wait for other writers; commands that have ended and servers that stop wait too."""


class SqlAudit:
    """Rows of the audit. Thread-safe; it connects when it is used, to a catalog that exists."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, url: str, *, read_only: bool = False, wait_s: float = WAIT_S) -> Self:
        """Open the catalog at a URL; adding needs the right to INSERT into this table alone."""
        return cls(Database.at(url, read_only=read_only, create=False, wait_s=wait_s))

    def add(self, entries: Sequence[Entry]) -> None:
        """Store entries in their order; what a database cannot store is replaced."""
        rows = [{name: cleaned(text) for name, text in asdict(entry).items()} for entry in entries]
        if rows:
            with self._database.writing() as connection:
                schema.hold(connection, self._database.place)
                connection.execute(insert(audit), rows)

    def entries(self, since: str = "") -> Iterator[Entry]:
        """Yield the entries from a moment on, oldest first; none if there is no catalog."""
        if not schema.is_there(self._database):
            return
        columns = [audit.c[field.name] for field in fields(Entry)]
        query = select(*columns).where(audit.c.at >= since).order_by(audit.c.at, audit.c.number)
        with self._database.reading() as connection:
            found = connection.execute(query.execution_options(yield_per=_STREAMED))
            for row in found:
                yield Entry(*row)

    def prune(self, keep_s: float) -> None:
        """Delete the entries that are older than so many seconds."""
        oldest = stamp(datetime.now(UTC) - timedelta(seconds=keep_s))
        with self._database.writing() as connection:
            schema.hold(connection, self._database.place)
            connection.execute(delete(audit).where(audit.c.at < oldest))

    def close(self) -> None:
        """Give back connections."""
        self._database.close()
