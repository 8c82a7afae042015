"""SqlAudit: the audit in the database of the catalog."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from sqlalchemy import Row, delete, insert, select

from clipseek.audit import Entry, Work, stamp
from clipseek.catalog import schema
from clipseek.catalog.database import Database
from clipseek.catalog.ledger import Ledger
from clipseek.catalog.rows import cleaned
from clipseek.catalog.tables import among, audit

_STREAMED = 1000
_COLUMNS = [audit.c[field.name] for field in fields(Entry)]

WAIT_S = 5.0
"""Seconds to wait for other writers; commands that have ended and servers that stop wait too."""


class SqlAudit(Ledger):
    """Rows of the audit, and a `History`. Thread-safe; it connects when it is used.

    The catalog must exist.
    """

    @classmethod
    def open(cls, url: str, *, read_only: bool = False, wait_s: float = WAIT_S) -> Self:
        """Open the catalog at a URL; adding needs the right to INSERT into this table alone."""
        return cls(Database.at(url, read_only=read_only, create=False, wait_s=wait_s))

    def add(self, entries: Sequence[Entry]) -> None:
        """Store entries in their order; what a database cannot store is replaced."""
        rows = [_row(entry) for entry in entries]
        if rows:
            with self._database.writing() as connection:
                schema.hold(connection, self._database.place)
                connection.execute(insert(audit), rows)

    def entries(self, since: str = "") -> Iterator[Entry]:
        """Yield the entries from a moment on, oldest first; none if there is no catalog."""
        query = select(*_COLUMNS).where(audit.c.at >= since).order_by(audit.c.at, audit.c.number)
        with self._reading() as connection:
            if connection is None:
                return
            with connection.execute(query.execution_options(yield_per=_STREAMED)) as found:
                for row in found:
                    yield _entry(row)

    def history(
        self,
        *,
        collections: Sequence[str] | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[tuple[int, Entry]]:
        """Return the entries of ingests and jobs with their numbers, the newest first."""
        query = select(audit.c.number, *_COLUMNS).where(audit.c.collection.is_not(None))
        if collections is not None:
            query = query.where(among(audit.c.collection, collections, self._database.dialect))
        if before is not None:
            query = query.where(audit.c.number < before)
        found = self._rows(query.order_by(audit.c.number.desc()).limit(limit))
        return [(row.number, _entry(row)) for row in found]

    def prune(self, keep_s: float) -> None:
        """Delete the entries that are older than so many seconds."""
        oldest = stamp(datetime.now(UTC) - timedelta(seconds=keep_s))
        with self._writing() as connection:
            connection.execute(delete(audit).where(audit.c.at < oldest))


def _row(entry: Entry) -> dict[str, Any]:
    row = asdict(entry)
    work = row.pop("work")
    return {
        **_cleaned(row),
        "collection": None if work is None else cleaned(work["collection"]),
        "work": None if work is None else _cleaned(work),
    }


def _cleaned(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: cleaned(value) if isinstance(value, str) else value for name, value in values.items()
    }


def _entry(row: Row[Any]) -> Entry:
    values = {field.name: getattr(row, field.name) for field in fields(Entry)}
    return Entry(**{**values, "work": None if row.work is None else Work(**row.work)})
