"""The schema of the catalog: which revision a database has, making it, and migrating it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Column, Connection, MetaData, String, Table, func, inspect, select

from clipseek.catalog.database import Database, Transactions
from clipseek.errors import CatalogOutdated, NoCatalog, ServiceUnavailable
from clipseek.migrations import REVISION, VERSION_TABLE

_revisions = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32)))
# PostgreSQL's advisory locks are numbers that applications agree on: here the ASCII of "clipseek".
_LOCK = int.from_bytes(b"clipseek", "big")


def found(database: Transactions) -> str | None:
    """Return the revision of a database, or None if it has no catalog."""
    try:
        with database.reading() as connection:
            return _revision(connection)
    except NoCatalog:
        return None


def is_there(database: Transactions) -> bool:
    """Whether the database has a catalog; raise CatalogOutdated if that is of another revision."""
    revision = found(database)
    if revision is not None:
        _require_current(revision, database.place)
    return revision is not None


def hold(connection: Connection, place: str) -> None:
    """Keep migrations waiting until the end of a writing transaction.

    So no row is written by the rules of another revision. In SQLite the whole database is locked
    already.

    Raises:
        CatalogOutdated: the catalog has been migrated meanwhile.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock_shared(_LOCK)))
    # A separate statement: it sees what was committed while the one above waited.
    revision = connection.scalar(select(_revisions.c.version_num))
    if revision != REVISION:
        _require_current(str(revision), place)


def create(database: Database) -> None:
    """Make the tables in an empty database; of several processes one does, the others wait.

    Raises:
        CatalogOutdated: there is a catalog of another revision. It is left as it is.
    """
    make_folder(database)
    if is_there(database):
        return
    with _locked(database) as (connection, revision):
        if revision is None:
            _upgrade(connection, database.place)
        else:
            _require_current(revision, database.place)


def migrate(database: Database) -> str | None:
    """Bring a catalog to this release's revision, or make one in an empty database.

    One process at a time, and no other writes meanwhile. Either all of it is done or nothing.

    Returns:
        The revision that the database was at; None if it had no catalog.

    Raises:
        CatalogOutdated: it is of a newer release, or of one from which no migration leads here.
    """
    make_folder(database)
    if found(database) == REVISION:
        return REVISION
    with _locked(database) as (connection, revision):
        if revision is not None:
            refuse_newer(revision, database.place)
        if revision != REVISION:
            _upgrade(connection, database.place)
    return revision


def refuse_newer(revision: str, place: str) -> None:
    """Raise CatalogOutdated for a revision that this release does not know.

    Revisions are zero-padded numbers.
    """
    if not revision.isdecimal() or revision > REVISION:
        raise CatalogOutdated(
            place,
            f"is at revision {revision}, and this release reads {REVISION}: `indexer migrate` of a "
            "newer release has migrated it; use that release",
        )


def make_folder(database: Database) -> None:
    """Make the folder of a database in a file."""
    if database.file is not None:
        try:
            database.file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ServiceUnavailable(
                f"cannot make the folder of the catalog {database.place}: {error.strerror}"
            ) from error


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.scalar(select(_revisions.c.version_num))


@contextmanager
def _locked(database: Database) -> Iterator[tuple[Connection, str | None]]:
    """Open a transaction in which nobody else writes; yield it and the revision of now."""
    with database.writing() as connection:
        if database.dialect == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        yield connection, _revision(connection)


def _upgrade(connection: Connection, place: str) -> None:
    # Imported only here: most commands find nothing to migrate, and alembic takes time to import.
    from clipseek.migrations.upgrade import upgrade

    upgrade(connection, place)


def _require_current(revision: str, place: str) -> None:
    """Raise CatalogOutdated unless a revision is the one that this release reads and writes."""
    refuse_newer(revision, place)
    if revision != REVISION:
        raise CatalogOutdated(
            place,
            f"is at revision {revision}, and this release reads {REVISION}; run `indexer migrate`",
        )
