"""Ledger: what every small store beside the library does with the database of the catalog."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Select

from clipseek.catalog import schema
from clipseek.catalog.database import Database


class Ledger:
    """The base of the stores of jobs, cameras, watches and the like. Thread-safe.

    Where there is no catalog yet, it has no rows. What is written needs one.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._database.close()

    def _rows(self, query: Select[Any]) -> Sequence[Any]:
        """Return the rows of a query, which sees one moment; none if there is no catalog yet."""
        with self._reading() as connection:
            return [] if connection is None else connection.execute(query).all()

    @contextmanager
    def _reading(self) -> Iterator[Connection | None]:
        """Open a transaction that reads one moment; None if there is no catalog yet."""
        if not schema.is_there(self._database):
            yield None
            return
        with self._database.reading() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Open a writing transaction, during which the catalog is not migrated."""
        with self._database.writing() as connection:
            schema.hold(connection, self._database.place)
            yield connection
