"""The schema of the catalog: which one a database has, and bringing it to this release's."""

from sqlalchemy import Column, Connection, MetaData, String, Table, func, inspect, select

from clipseek.catalog.database import Database, Transactions
from clipseek.catalog.failures import no_catalog
from clipseek.errors import CatalogOutdated, ServiceUnavailable
from clipseek.migrations import REVISION, VERSION_TABLE

_revisions = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32)))
# PostgreSQL's advisory locks are numbers that applications agree on: here the ASCII of "clipseek".
_LOCK = int.from_bytes(b"clipseek", "big")


def revision(connection: Connection) -> str | None:
    """Return the schema's revision, or None for a database without a catalog."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.scalar(select(_revisions.c.version_num))


def check(database: Transactions) -> None:
    """Raise CatalogOutdated unless the database has this release's schema."""
    with database.reading() as connection:
        found = revision(connection)
    if found is None:
        raise no_catalog(database.place)
    _refuse_newer(found, database.place)
    if found != REVISION:
        raise CatalogOutdated(
            f"{database.place} has schema {found}, and this release reads {REVISION}; "
            "run any writing `indexer` command, such as `indexer build`, to migrate it"
        )


def prepare(database: Database, *, create: bool) -> None:
    """Bring the schema to this release's; with `create`, make what is missing.

    Raises:
        CatalogOutdated: the schema is of a newer release, or it is missing and not to be made.
    """
    if create:
        _make_folder(database)
    with database.reading() as connection:
        found = revision(connection)
    if found is None and not create:
        raise no_catalog(database.place)
    if found != REVISION:
        _migrate(database)


def _make_folder(database: Database) -> None:
    if database.file is not None:
        try:
            database.file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ServiceUnavailable(
                f"cannot make the folder of the catalog {database.place}: {error.strerror}"
            ) from error


def _migrate(database: Database) -> None:
    """Run the migrations in one transaction, one process at a time: the others find it done."""
    # Imported only here: most commands find nothing to migrate, and alembic takes time to import.
    from clipseek.migrations.upgrade import upgrade

    with database.writing() as connection:
        if database.dialect == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        found = revision(connection)
        if found is not None:
            _refuse_newer(found, database.place)
        if found != REVISION:
            upgrade(connection, database.place)


def _refuse_newer(found: str, place: str) -> None:
    """Raise for a schema that this release does not know; revisions are zero-padded numbers."""
    if not found.isdecimal() or found > REVISION:
        raise CatalogOutdated(
            f"{place} has schema {found} of a newer release, and this one knows {REVISION}; "
            "update this installation of clipseek"
        )
