"""The schema: migrations make today's tables, once, and strange schemas are refused."""

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from cryptography.fernet import Fernet
from sqlalchemy import text

from clipseek.catalog import SqlCatalog, SqlReader, writes
from clipseek.catalog.database import Database
from clipseek.catalog.migrating import migrate
from clipseek.catalog.tables import metadata
from clipseek.errors import CatalogOutdated, NoCatalog
from clipseek.migrations import REVISION, VERSION_TABLE
from indexer.cli import main, parser
from tests.chaos.program import wait_until
from tests.contracts.catalogs import DIM, a_video
from tests.releases import NEXT, environment, next_release, run

ROOT = Path(__file__).parents[2]
OPEN_AT_ONCE = """
import os
import sys
import clipseek.migrations.upgrade  # before the forks, so that they start together
from clipseek.catalog import SqlCatalog, SqlReader

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
        a_video().put_into(catalog)
    with closing(SqlCatalog.open(catalog_url)) as catalog:
        assert catalog.counts("default") == (1, 3, 6.0)


def test_processes_may_start_at_once_on_an_empty_database(bare_url: str) -> None:
    """One makes the tables and the others wait for it."""
    command = [sys.executable, "-c", OPEN_AT_ONCE, bare_url]
    done = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    with closing(SqlReader.open(bare_url)) as catalog:
        assert catalog.collections() == []


@pytest.mark.parametrize("revision", ["0000", NEXT, "f00d"])
def test_another_revision_is_refused(catalog_url: str, revision: str) -> None:
    """By everything that reads, writes or would make a catalog, each time."""
    with closing(SqlReader.open(catalog_url)) as reader:
        reader.check()
        set_revision(catalog_url, revision)
        refused: list[Callable[[], object]] = [reader.check]
        with closing(SqlReader.open(catalog_url)) as later:
            refused += [later.check, later.collections, later.identity]
            refused += [
                partial(SqlCatalog.open, catalog_url, create=each) for each in (False, True)
            ]
            for call in refused:
                with pytest.raises(CatalogOutdated, match=f"at revision {revision}") as told:
                    call()
                assert "`indexer migrate`" in str(told.value)
                assert ("newer release" in str(told.value)) == (revision != "0000")


def test_a_writer_refuses_a_catalog_that_was_migrated_meanwhile(catalog_url: str) -> None:
    """An ingest of the release before writes no row by its own rules any more."""
    with closing(SqlCatalog.open(catalog_url)) as catalog:
        catalog.ensure_collection("default", "toy", DIM, "f1")
        a_video("a").put_into(catalog)
        set_revision(catalog_url, NEXT)
        for write in (
            lambda: a_video("b").put_into(catalog),
            lambda: catalog.remove("default", "a"),
            lambda: catalog.ensure_collection("other", "toy", DIM, "f1"),
        ):
            with pytest.raises(CatalogOutdated, match="newer release"):
                write()
        assert catalog.counts("default") == (1, 3, 6.0)


def test_a_revision_without_a_way_to_today_is_refused(catalog_url: str) -> None:
    """A number that no migration has is told, not guessed at."""
    set_revision(catalog_url, "0000")
    with pytest.raises(CatalogOutdated, match="cannot begin with"):
        migrate(catalog_url, up_within_s=0)
    set_revision(catalog_url, NEXT)
    with pytest.raises(CatalogOutdated, match="newer release"):
        migrate(catalog_url, up_within_s=0)


def test_a_catalog_that_is_missing_is_told(bare_url: str) -> None:
    """The message names the command that makes one."""
    with pytest.raises(NoCatalog, match=r"does not exist; `indexer ingest PATH` makes one"):
        SqlCatalog.open(bare_url, create=False)


# The release after this one.


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the code of a release after this one."""
    return next_release(tmp_path_factory.mktemp("later"))


def fill(url: str, *videos: str) -> None:
    """Put videos into the collection "default", as this release does."""
    with closing(SqlCatalog.open(url)) as catalog:
        catalog.ensure_collection("default", "toy", DIM, "f1")
        for number, video in enumerate(videos):
            a_video(video, seed=number).put_into(catalog)


def stars(url: str) -> list[int]:
    """Return the column that only the later release has, of every video."""
    with closing(Database.at(url)) as database, database.reading() as connection:
        return [*connection.scalars(text("SELECT stars FROM videos ORDER BY id"))]


def test_the_verb_says_what_it_did(catalog_url: str, later: Path, tmp_path: Path) -> None:
    """A catalog of this release is migrated once by the later one, with all that is in it."""
    fill(catalog_url, "a", "b")
    settings = {"CLIPSEEK_DATABASE_URL": catalog_url, "CLIPSEEK_DATA_DIR": str(tmp_path / "data")}

    def said(release: Path | None, *options: str) -> tuple[int, str]:
        done = run(release, "indexer", "migrate", *options, **settings)
        assert done.stderr == ""
        return done.returncode, done.stdout

    assert said(None, "--check")[0] == 0
    code, needed = said(later, "--check")
    assert (code, f"at revision {REVISION}, and this release needs {NEXT}; run" in needed) == (
        1,
        True,
    )
    assert said(None) == (
        0,
        needed.partition(" is at")[0] + f" is at revision {REVISION} already\n",
    )
    assert said(later)[1].endswith(f" was migrated from revision {REVISION} to {NEXT}\n")
    assert said(later)[1].endswith(f" is at revision {NEXT} already\n")
    code, document = said(later, "--check", "--json")
    assert (code, json.loads(document)["from"], json.loads(document)["to"]) == (0, NEXT, NEXT)
    assert stars(catalog_url) == [3, 3]
    with closing(Database.at(catalog_url)) as database, database.reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM segments")) == 6
    refused = run(None, "indexer", "migrate", **settings)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "newer release" in refused.stderr
    assert not (tmp_path / "data").exists()


def test_an_empty_database_gets_a_catalog(bare_url: str, tmp_path: Path) -> None:
    """`--check` makes nothing, and says that something is to do."""
    settings = {"CLIPSEEK_DATABASE_URL": bare_url, "CLIPSEEK_DATA_DIR": str(tmp_path / "data")}
    checked = run(None, "indexer", "migrate", "--check", **settings)
    assert (checked.returncode, "there is no catalog in" in checked.stdout) == (1, True)
    with closing(SqlReader.open(bare_url)) as reader, pytest.raises(NoCatalog):
        reader.identity()
    made = run(None, "indexer", "migrate", **settings)
    assert (made.returncode, made.stdout.endswith(f" is new, at revision {REVISION}\n")) == (
        0,
        True,
    )
    with closing(SqlReader.open(bare_url)) as reader:
        assert len(reader.identity()) == 32


def test_two_that_migrate_at_once_do_it_once(catalog_url: str, later: Path) -> None:
    """One does, the others wait and find it done: none fails."""
    fill(catalog_url, "a")
    settings = {"CLIPSEEK_DATABASE_URL": catalog_url}
    with ThreadPoolExecutor(4) as pool:
        done = [
            each.result()
            for each in [
                pool.submit(run, later, "indexer", "migrate", **settings) for _ in range(4)
            ]
        ]
    assert [(each.returncode, each.stderr) for each in done] == [(0, "")] * 4
    assert sum("was migrated from" in each.stdout for each in done) == 1
    assert stars(catalog_url) == [3]


def test_a_migration_waits_for_the_video_in_hand(postgres_url: str, later: Path) -> None:
    """A transaction that has begun ends by the rules it began with; the next one is refused.

    SQLite locks the whole database for a writer.
    """
    fill(postgres_url, "a")
    command = [sys.executable, "-m", "indexer", "migrate"]
    later_release = environment(later, CLIPSEEK_DATABASE_URL=postgres_url)
    with closing(SqlCatalog.open(postgres_url)) as catalog:
        with catalog._writing() as connection:
            version = writes.next_version(connection, "default")
            with subprocess.Popen(command, env=later_release, stdout=subprocess.PIPE) as process:
                wait_for_a_waiting_lock(postgres_url)
                writes.note(connection, "default", version, "calibrate")
                connection.commit()
                assert process.wait(timeout=60) == 0
        with pytest.raises(CatalogOutdated, match="newer release"):
            a_video("b").put_into(catalog)
        assert [change.version for change in catalog.changes("default", 0)] == [1, version]


def wait_for_a_waiting_lock(url: str) -> None:
    """Return once somebody waits for the advisory lock of this database."""
    query = (
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database "
        "WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        wait_until(lambda: connection.execute(query).fetchone() == (1,), "a migration that waits")


VERBS = [
    ["ingest", "VIDEOS", "--model", "demo"],
    ["watch", "VIDEOS"],
    ["build"],
    ["remove", "a"],
    ["search", "a red car"],
    ["list"],
    ["collections"],
    ["keys", "list"],
    ["switch", "default", "--finish"],
    ["audit"],
    ["objects", "--detector", "demo"],
    ["where", "a", "a red car", "--out", "where.json"],
    ["export", "VIDEOS"],
    ["import", "VIDEOS"],
    ["forward", "http://127.0.0.1:1"],
    ["cameras", "list"],
    ["record"],
    ["watches", "list"],
    ["tags", "list"],
    ["hold", "list"],
    ["retain"],
    ["work", "--once"],
    ["status"],
    ["verify"],
    ["evaluate", "CAPTIONS"],
    ["compare", "other"],
    ["sample"],
    ["drift"],
    ["report", "--out", "report.html"],
    ["dataset", "data-set"],
    ["calibrate"],
]
"""All that open the catalog, but for `migrate`."""


@pytest.mark.parametrize("words", VERBS, ids=lambda words: words[0])
def test_every_other_verb_refuses_another_revision(
    catalog_url: str,
    demo_videos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With exit code 2, one sentence that names the verb, and nothing changed."""
    fill(catalog_url, "a")
    names = {"VIDEOS": demo_videos, "CAPTIONS": demo_videos / "captions.jsonl"}
    command = ["--data-dir", str(tmp_path / "data"), *(str(names.get(w, w)) for w in words)]
    monkeypatch.setenv("CLIPSEEK_DATABASE_URL", catalog_url)
    monkeypatch.setenv("CLIPSEEK_CAMERA_KEY", Fernet.generate_key().decode())
    for revision, advice in (("0000", "; run `indexer migrate`"), (NEXT, "use that release")):
        set_revision(catalog_url, revision)
        assert main(command) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert len(told.err.splitlines()) == 1
        assert advice in told.err
        assert "indexer migrate" in told.err
    set_revision(catalog_url, REVISION)
    with closing(SqlReader.open(catalog_url)) as reader:
        assert reader.counts("default") == (1, 3, 6.0)


def test_every_verb_is_judged_here() -> None:
    """A new one that opens the catalog belongs into the list above."""
    others = {"migrate", "models", "config", "demo"}
    assert {*parser().verbs} - others == {words[0] for words in VERBS}
