"""Runs the migrations; apart from the rest, since alembic is only needed when there are some."""

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from clipseek.errors import CatalogOutdated


def upgrade(connection: Connection, place: str) -> None:
    """Bring the database of an open transaction to the newest schema.

    Raises:
        CatalogOutdated: no migration starts from the schema that it has.
    """
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "clipseek:migrations")
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise CatalogOutdated(
            place,
            f"is at a revision that `indexer migrate` of this release cannot begin with ({error}); "
            "use the release that made it, or index into another database",
        ) from error
