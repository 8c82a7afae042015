"""The schema: migrations make today's tables, once, and strange schemas are refused."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from clipseek.catalog import SqlCatalog
from clipseek.catalog.database import Database
from clipseek.catalog.tables import metadata
from clipseek.errors import CatalogOutdated
from clipseek.migrations import REVISION, VERSION_TABLE
from tests.contracts.catalogs import DIM, film

ROOT = Path(__file__).parents[2]
OPEN_AT_ONCE = """
import os
import sys
import clipseek.migrations.upgrade  # before the forks, so that they start together
from clipseek.catalog import SqlCatalog

told, tell = os.pipe()
children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        os.close(tell)
        os.read(told, 1)
        SqlCatalog.open(sys.argv[1]).close()
        os._exit(0)
    children.append(child)
os.close(tell)
sys.exit(sum(os.waitpid(child, 0)[1] != 0 for child in children))
"""


def set_revision(url: str, revision: str) -> None:
    """Write another schema's number into a catalog."""
    with closing(Database.at(url)) as database, database.writing() as connection:
        statement = text(f"UPDATE {VERSION_TABLE} SET version_num = :revision")  # a constant
        connection.execute(statement, {"revision": revision})


def test_migrations_make_the_tables_of_today(catalog_url: str) -> None:
    """Alembic finds no difference between a migrated database and `tables.metadata`."""
    options = {"version_table": VERSION_TABLE, "compare_type": True}
    with closing(Database.at(catalog_url)) as database, database.reading() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_the_revision_is_the_newest_migration() -> None:
    """The number that is compared without alembic is the one that alembic arrives at."""
    config = Config()
    config.set_main_option("script_location", "clipseek:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]


def test_opening_again_keeps_what_is_there(catalog_url: str) -> None:
    """A catalog of today's schema is not migrated."""
    with closing(SqlCatalog.open(catalog_url)) as catalog:
        catalog.ensure_collection("default", "toy", DIM, "f1")
        film().put_into(catalog)
    with closing(SqlCatalog.open(catalog_url)) as catalog:
        assert catalog.counts("default") == (1, 3, 6.0)


def test_processes_may_start_at_once_on_an_empty_database(bare_url: str) -> None:
    """One makes the tables and the others wait for it."""
    command = [sys.executable, "-c", OPEN_AT_ONCE, bare_url]
    done = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    with closing(SqlCatalog.open(bare_url, read_only=True)) as catalog:
        assert catalog.collections() == []


@pytest.mark.parametrize("read_only", [False, True], ids=["to write", "to read"])
@pytest.mark.parametrize("revision", ["0002", "f00d"])
def test_a_newer_schema_is_refused(catalog_url: str, revision: str, read_only: bool) -> None:
    """An old release does not touch what a newer one made."""
    set_revision(catalog_url, revision)
    with pytest.raises(CatalogOutdated, match=f"schema {revision} of a newer release"):
        SqlCatalog.open(catalog_url, read_only=read_only)


def test_an_older_schema_is_not_migrated_by_a_reader(catalog_url: str) -> None:
    """The message names who may."""
    set_revision(catalog_url, "0000")
    with pytest.raises(CatalogOutdated, match="run any writing `indexer` command"):
        SqlCatalog.open(catalog_url, read_only=True)


def test_a_schema_without_a_way_to_today_is_refused(catalog_url: str) -> None:
    """A number that no migration has is told, not guessed at."""
    set_revision(catalog_url, "0000")
    with pytest.raises(CatalogOutdated, match="cannot migrate"):
        SqlCatalog.open(catalog_url)


def test_a_migration_under_an_open_reader_is_noticed(catalog_url: str) -> None:
    """`check` looks again each time."""
    with closing(SqlCatalog.open(catalog_url, read_only=True)) as reader:
        set_revision(catalog_url, "0002")
        with pytest.raises(CatalogOutdated, match="newer release"):
            reader.check()


@pytest.mark.parametrize("options", [{"read_only": True}, {"create": False}], ids=str)
def test_a_missing_catalog_is_told(bare_url: str, options: dict[str, bool]) -> None:
    """The message names the command that makes one."""
    with pytest.raises(CatalogOutdated, match=r"no catalog in .* `indexer ingest PATH`"):
        SqlCatalog.open(bare_url, **options)
