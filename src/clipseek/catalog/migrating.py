"""What `indexer migrate` does: tell which revision a catalog is at, and bring it to this one's."""

from contextlib import closing
from dataclasses import dataclass

from clipseek.catalog import schema
from clipseek.catalog.database import Database
from clipseek.migrations import REVISION


@dataclass(frozen=True, slots=True)
class Revisions:
    """Where a catalog is, the revision that it was found at, and the one that this release reads.

    before: None if there was no catalog.
    """

    place: str
    before: str | None
    now: str = REVISION


def revisions(url: str, *, up_within_s: float) -> Revisions:
    """Look which revision a catalog is at; nothing is made or written.

    Raises:
        ConfigError: the URL names neither kind of database.
        CatalogOutdated: it is of a newer release.
        ServiceUnavailable: the database cannot be reached.
    """
    with closing(Database.at(url, read_only=True)) as database:
        database.wait(up_within_s)
        before = schema.found(database)
        if before is not None:
            schema.refuse_newer(before, database.place)
        return Revisions(database.place, before)


def migrate(url: str, *, up_within_s: float) -> Revisions:
    """Bring a catalog to this release's revision; in an empty database, make one.

    Raises:
        ConfigError: the URL names neither kind of database.
        CatalogOutdated: it is of a newer release, or of one from which no migration leads here.
        ServiceUnavailable: the database cannot be reached or written.
    """
    with closing(Database.at(url)) as database:
        database.wait(up_within_s)
        return Revisions(database.place, schema.migrate(database))
