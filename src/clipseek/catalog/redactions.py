"""SqlRedactions: what is redacted in the pictures of each collection, in the catalog's database."""

from collections.abc import Sequence
from typing import Self

from sqlalchemy import select

from clipseek.catalog import redaction_rows, writes
from clipseek.catalog.database import WAIT_S, Database
from clipseek.catalog.ledger import Ledger
from clipseek.catalog.redaction_tables import redactions
from clipseek.catalog.tables import behind, collections

CONNECTIONS = 4
"""The most connections: each transaction takes milliseconds."""


class SqlRedactionReader(Ledger):
    """Reads what is redacted; the right to SELECT is enough. Thread-safe."""

    @classmethod
    def open(cls, url: str, *, wait_s: float = WAIT_S) -> Self:
        """Open the catalog at a URL, which need not exist yet; nothing is made or written."""
        return cls(Database.at(url, read_only=True, wait_s=wait_s, most=CONNECTIONS))

    def of(self, collection: str) -> tuple[str, ...]:
        """Return what is redacted in a collection, given by its name or an alias.

        Nothing is redacted in a collection that does not exist, so ask this before what is shown is
        read: a collection that is removed in between then shows nothing.

        Raises:
            ServiceUnavailable: the database cannot be reached.
        """
        query = select(redactions.c.kinds).where(redactions.c.collection == behind(collection))
        return next((tuple(row.kinds) for row in self._rows(query)), ())

    def all(self) -> dict[str, tuple[str, ...]]:
        """Return what is redacted in each collection that redacts something, by its own name."""
        query = select(collections.c.name, redactions.c.kinds).join(
            redactions, redactions.c.collection == collections.c.key
        )
        return {row.name: tuple(row.kinds) for row in self._rows(query)}


class SqlRedactions(SqlRedactionReader):
    """Reads and changes what is redacted. Thread-safe."""

    @classmethod
    def open(cls, url: str, *, wait_s: float = WAIT_S) -> Self:
        """Open the catalog at a URL, which must exist; it is connected to when it is used."""
        return cls(Database.at(url, create=False, wait_s=wait_s, most=CONNECTIONS))

    def redact(self, collection: str, kinds: Sequence[str]) -> None:
        """Say what is redacted in a collection from now on; nothing if there are no kinds.

        During a switch of models, the other collection of it is changed too, so that an exchange of
        their names shows nothing.

        Raises:
            CollectionNotFound: there is no collection and no alias with this name.
        """
        with self._writing() as connection:
            found = writes.lock(connection, collection)
            for key in redaction_rows.partners(connection, found.key):
                redaction_rows.store(connection, key, kinds)
