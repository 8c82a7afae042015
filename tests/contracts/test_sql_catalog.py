"""What SqlCatalog promises beyond the contract: crashes, other writers and failing databases."""

import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import psycopg
import pytest
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

from clipseek.catalog import SqlCatalog, SqlReader
from clipseek.catalog.database import Database
from clipseek.catalog.failures import translated
from clipseek.catalog.writes import next_version
from clipseek.errors import ClipseekError, ConfigError, NoCatalog, ServiceUnavailable
from clipseek.types import FrameVectors
from tests.contracts.catalogs import CODED, DIM, a_video, unit_rows
from tests.contracts.postgres import Server

SECRET = "sesame"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Return the URL of a file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'catalog.db'}"


class TestCrashes:
    def test_a_killed_put_leaves_the_old_video_or_the_new_one(
        self, sql_catalog: SqlCatalog, catalog_url: str
    ) -> None:
        """The process is killed before each statement of a put in turn, until one gets through."""
        a_video(seed=0).put_into(sql_catalog)
        a_video("b", uri="/elsewhere.mp4").put_into(sql_catalog)
        kills = 0
        with _killer(catalog_url) as put:
            while put(seed=1, step=kills + 1) != 0:
                kills += 1
                assert _state(sql_catalog) == (2, 0)
        assert _state(sql_catalog) == (3, 1)
        assert kills >= 8

    def test_a_commit_is_synced_to_the_disk(self, sqlite_url: str) -> None:
        """An acknowledged video survives a loss of power: SQLite's `synchronous` is FULL (2)."""
        SqlCatalog.open(sqlite_url).close()
        with closing(Database.at(sqlite_url)) as database, database.writing() as connection:
            pragmas = ("synchronous", "journal_mode", "foreign_keys")
            values = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas]
        assert values == [2, "wal", 1]


@contextmanager
def _killer(url: str) -> Iterator["_Put"]:
    """Run `kill_put.py` and return how to call it."""
    command = [sys.executable, "-m", "tests.contracts.kill_put", url]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield _Put(process)


class _Put:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, *, seed: int, step: int) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{seed} {step}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def _state(catalog: SqlCatalog) -> tuple[int, int]:
    """Return the version and the seed of video "a", after checking that it is whole."""
    version = catalog.collection("default").version
    found = catalog.video("default", "a")
    seed = found.size_bytes - 2**40
    expected = a_video(seed=seed)
    segments = catalog.segments("default", "a")
    assert [segment.thumbnail for segment in segments] == list(expected.picture.thumbnails)
    vectors = np.concatenate([b.vectors for b in catalog.blocks("default", video_ids=["a"])])
    np.testing.assert_allclose(vectors, expected.picture.vectors, atol=CODED)
    _, frames = catalog.frame_vectors("default", "a")
    assert expected.frames is not None
    np.testing.assert_allclose(frames, expected.frames.vectors, atol=CODED)
    assert catalog.changes("default", 0)[-1].version == version
    assert catalog.counts("default")[0] == 2
    return version, seed


class TestSize:
    def test_frame_vectors_left_out_take_no_room(self, sql_catalog: SqlCatalog) -> None:
        """A library of the same segments is then a fraction as large."""
        many = FrameVectors(np.arange(4000.0), unit_rows(np.random.default_rng(0), 4000))
        sizes = [_bytes(sql_catalog)]
        for kind, frames in (("a", None), ("b", many)):
            for number in range(20):
                replace(a_video(f"{kind}{number}"), frames=frames).put_into(sql_catalog)
            sizes.append(_bytes(sql_catalog))
        without, kept = np.diff(sizes)
        # float32 of a time, and a byte for each of a vector's components
        assert kept - without == pytest.approx(20 * 4000 * (4 + DIM), rel=0.2)


def _bytes(catalog: SqlCatalog) -> int:
    """Return the bytes of the database."""
    query = {
        "sqlite": "SELECT sum(pgsize) FROM dbstat",
        "postgresql": "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r'",
    }
    with catalog._store.reading() as connection:
        return int(connection.exec_driver_sql(query[catalog._store.dialect]).scalar() or 0)


class TestWriters:
    def test_a_reader_never_misses_a_change(
        self, sql_catalog: SqlCatalog, catalog_url: str
    ) -> None:
        """While four writers commit, each poll of `changes` goes on where the last one ended."""
        rounds, writers = 8, 4
        with ThreadPoolExecutor(writers) as pool:
            done = [pool.submit(_write, catalog_url, f"w{i}", rounds) for i in range(writers)]
            seen: list[int] = []
            while len(seen) < 2 * rounds * writers and not _failed(done):
                seen.extend(c.version for c in sql_catalog.changes("default", len(seen)))
                assert seen == list(range(1, len(seen) + 1))
            assert [future.result() for future in done] == [None] * writers
        assert len(seen) == sql_catalog.collection("default").version == 2 * rounds * writers

    def test_a_second_writer_waits_for_the_first(
        self, sql_catalog: SqlCatalog, catalog_url: str
    ) -> None:
        """Until the commit nobody gets the next version, and readers see none of it."""
        with closing(SqlCatalog.open(catalog_url, wait_s=0.05)) as impatient:
            with closing(Database.at(catalog_url)) as database, database.writing() as connection:
                assert next_version(connection, "default") == 1
                with pytest.raises(ServiceUnavailable, match="another process has been writing"):
                    a_video().put_into(impatient)
                assert sql_catalog.collection("default").version == 0
            assert a_video().put_into(impatient) == 2

    def test_many_threads_share_one_catalog(self, sql_catalog: SqlCatalog) -> None:
        """Forty threads, as a web server has, read while another writes."""
        start = threading.Barrier(41, timeout=30)

        def read(_: int) -> int:
            start.wait()
            return sum(sql_catalog.counts("default")[0] for _ in range(5))

        def write() -> None:
            start.wait()
            for seed in range(5):
                a_video(seed=seed).put_into(sql_catalog)

        with ThreadPoolExecutor(41) as pool:
            writing = pool.submit(write)
            assert all(0 <= total <= 5 for total in pool.map(read, range(40)))
            writing.result()

    def test_a_collection_is_made_once(self, sql_catalog: SqlCatalog, catalog_url: str) -> None:
        """Two indexers that begin with the same new collection both get it."""
        start = threading.Barrier(4, timeout=30)

        def ensure(_: int) -> int:
            with closing(SqlCatalog.open(catalog_url)) as catalog:
                start.wait()
                return catalog.ensure_collection("new", "toy", DIM, "f1").version

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(ensure, range(4))) == [0] * 4
        assert len(sql_catalog.collections()) == 2

    def test_a_name_is_switched_by_several_processes(
        self, sql_catalog: SqlCatalog, catalog_url: str
    ) -> None:
        """Each switch succeeds, and the name stands for what the last one said."""
        start = threading.Barrier(4, timeout=30)
        names = [f"made-{number}" for number in range(4)]
        for name in names:
            sql_catalog.ensure_collection(name, "toy", DIM, "f1")

        def switch(name: str) -> None:
            with closing(SqlCatalog.open(catalog_url)) as catalog:
                start.wait()
                for _ in range(10):
                    catalog.set_alias("shown", name)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(switch, names))
        assert sql_catalog.collection("shown").name in names


def _write(url: str, video_id: str, rounds: int) -> None:
    with closing(SqlCatalog.open(url)) as catalog:
        for seed in range(rounds):
            a_video(video_id, seed=seed).put_into(catalog)
            catalog.remove("default", video_id)


def _failed(futures: Sequence[Future[None]]) -> bool:
    return any(future.done() and future.exception() for future in futures)


class TestReadOnly:
    def test_select_is_right_enough(self, postgres_server: Server, postgres_url: str) -> None:
        """An API whose role may only SELECT reads everything and is told what it may not."""
        with closing(SqlCatalog.open(postgres_url)) as writer:
            writer.ensure_collection("default", "toy", DIM, "f1")
            a_video().put_into(writer)
        url = postgres_server.url_of_role(postgres_url, "SELECT ON ALL TABLES IN SCHEMA public")
        with closing(SqlReader.open(url)) as reader:
            assert reader.counts("default") == (1, 3, 6.0)
            with reader.consistent("default") as view:
                assert len(next(iter(view.blocks("default")))) == 3
        with (
            closing(SqlCatalog.open(url)) as writer,
            pytest.raises(ServiceUnavailable, match=r"lacks a right .* INSERT"),
        ):
            a_video().put_into(writer)

    def test_a_table_that_may_not_be_read_is_told(
        self, postgres_server: Server, postgres_url: str
    ) -> None:
        """As one that a migration has added since: not as one that may be read."""
        url = postgres_server.url_of_role(postgres_url, "SELECT ON clipseek_schema")
        with (
            closing(SqlReader.open(url)) as reader,
            pytest.raises(ServiceUnavailable, match=r"lacks a right .* needs SELECT"),
        ):
            reader.collections()

    def test_nothing_is_written(self, sql_catalog: SqlCatalog, catalog_url: str) -> None:
        """Not even by mistake: the database itself refuses it."""
        with (
            closing(Database.at(catalog_url, read_only=True)) as database,
            pytest.raises(ServiceUnavailable, match="read but not written"),
            database.reading() as connection,
        ):
            connection.exec_driver_sql("DELETE FROM collections")
        assert len(sql_catalog.collections()) == 1

    def test_what_others_commit_is_seen(self, sql_catalog: SqlCatalog, catalog_url: str) -> None:
        """By a reader that was there before."""
        with closing(SqlReader.open(catalog_url)) as reader:
            assert reader.collection("default").version == 0
            a_video().put_into(sql_catalog)
            assert reader.collection("default").version == 1

    def test_no_file_is_made(self, sqlite_url: str, tmp_path: Path) -> None:
        """Looking for a catalog leaves the folder as it was."""
        with closing(SqlReader.open(sqlite_url)) as reader:
            reader.check()
            assert reader.collections() == []
        with pytest.raises(NoCatalog, match="indexer ingest"):
            SqlCatalog.open(sqlite_url, create=False)
        assert list(tmp_path.iterdir()) == []


class TestFailures:
    @pytest.mark.parametrize(
        "form",
        [
            "postgresql://me:{}@127.0.0.1:{}/videos",
            "postgres://me@127.0.0.1:{1}/videos?password={0}",
        ],
        ids=["in its place", "as an option"],
    )
    def test_an_unreachable_server_is_told_without_the_password(self, form: str) -> None:
        """Host and database are in the message; the password is not, nor in what caused it."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
            url = form.format(SECRET, taken.getsockname()[1])
            with pytest.raises(ServiceUnavailable, match=r"127\.0\.0\.1.*/videos") as failed:
                SqlCatalog.open(url)
        assert SECRET not in _all_messages(failed.value)

    @pytest.mark.parametrize(
        "url",
        [
            pytest.param(f"mysql://me:{SECRET}@host/videos", id="another database"),
            pytest.param(f"postgresql+asyncpg://me:{SECRET}@host/videos", id="another driver"),
            pytest.param(f"postgresql://me:p@{SECRET}@host/videos", id="an at sign"),
            pytest.param(f"postgresql://me:{SECRET}@host", id="no database"),
            pytest.param(f"postgresql://me:{SECRET}@host:port/videos", id="no port"),
            pytest.param("sqlite://", id="no path"),
            pytest.param("sqlite:///:memory:", id="in memory"),
            pytest.param("videos.db", id="no URL"),
            pytest.param("", id="empty"),
        ],
    )
    def test_a_wrong_url_is_a_wrong_setting(self, url: str) -> None:
        """The message says what is expected and repeats no password."""
        with pytest.raises(ConfigError, match="database URL") as refused:
            SqlCatalog.open(url)
        assert SECRET not in _all_messages(refused.value)

    def test_a_path_is_taken_as_it_stands(self, tmp_path: Path) -> None:
        """Names of folders hold whatever people type."""
        path = tmp_path / "new" / "50% #1? é&mode=ro" / "a b.db"
        SqlCatalog.open(f"sqlite:///{path}").close()
        assert path.exists()

    def test_a_full_disk_is_told_and_leaves_the_old_video(self, sqlite_url: str) -> None:
        """A database that may not grow stands for a disk that is full: the same result code."""
        with closing(SqlCatalog.open(sqlite_url)) as catalog:
            catalog.ensure_collection("default", "toy", DIM, "f1")
            a_video().put_into(catalog)
            with _no_growth(), pytest.raises(ServiceUnavailable, match=r"disk .* is full"):
                a_video(count=2000, seed=1).put_into(catalog)
            assert catalog.counts("default") == (1, 3, 6.0)
            assert a_video(count=2000, seed=1).put_into(catalog) == 2

    def test_a_file_that_is_no_database_is_told(self, tmp_path: Path) -> None:
        """And it is left as it was."""
        path = tmp_path / "notes.txt"
        path.write_text("not a database, " * 100)
        with pytest.raises(ServiceUnavailable, match="is not a catalog"):
            SqlCatalog.open(f"sqlite:///{path}")
        assert path.read_text().startswith("not a database")

    def test_a_folder_that_cannot_be_made_is_told(self, tmp_path: Path) -> None:
        """There is a file in place of the folder."""
        (tmp_path / "file").touch()
        with pytest.raises(ServiceUnavailable, match="cannot make the folder"):
            SqlCatalog.open(f"sqlite:///{tmp_path}/file/catalog.db")

    def test_a_folder_that_a_reader_may_not_write_is_told(self, tmp_path: Path) -> None:
        """SQLite's own files are meant, not the catalog: the code is SQLite's for this case."""
        origin = sqlite3.OperationalError("attempt to write a readonly database")
        origin.sqlite_errorcode = sqlite3.SQLITE_READONLY_DIRECTORY
        error = OperationalError("BEGIN", None, origin)
        told = translated(error, "catalog.db", tmp_path)
        assert isinstance(told, ServiceUnavailable)
        assert "cannot write in that folder" in str(told)

    def test_a_database_of_another_application_is_left_alone(self, sqlite_url: str) -> None:
        """Tables of the same name are neither used nor changed."""
        path = sqlite_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE segments (words TEXT)")
            with pytest.raises(ClipseekError, match="segments already exists"):
                SqlCatalog.open(sqlite_url)
            names = other.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        assert names == [("segments",)]

    def test_closed_connections_are_replaced(
        self, postgres_server: Server, postgres_url: str
    ) -> None:
        """After a restart of the server the next call works."""
        with closing(SqlCatalog.open(postgres_url)) as catalog:
            catalog.check()
            _disconnect(postgres_server, postgres_url)
            catalog.check()

    def test_a_server_that_goes_away_is_told(
        self, postgres_server: Server, postgres_url: str
    ) -> None:
        """Every call says so, and the catalog works again when the server does."""
        name = postgres_url.rpartition("/")[2]
        with closing(SqlCatalog.open(postgres_url)) as catalog:
            catalog.ensure_collection("default", "toy", DIM, "f1")
            postgres_server.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            _disconnect(postgres_server, postgres_url)
            for call in (catalog.check, catalog.collections, lambda: a_video().put_into(catalog)):
                with pytest.raises(ServiceUnavailable, match=name):
                    call()
            postgres_server.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            assert a_video().put_into(catalog) == 1

    def test_a_connection_lost_inside_a_transaction_is_told(
        self, postgres_server: Server, postgres_url: str
    ) -> None:
        """A reader between two blocks loses its moment; it is not given half of one."""
        with closing(SqlCatalog.open(postgres_url)) as catalog:
            catalog.ensure_collection("default", "toy", DIM, "f1")
            a_video().put_into(catalog)
            blocks = catalog.blocks("default", block=1)
            next(blocks)
            _disconnect(postgres_server, postgres_url)
            with pytest.raises(ServiceUnavailable):
                next(blocks)


def _all_messages(error: BaseException | None) -> str:
    """Return the messages of an error and of what caused it."""
    messages = []
    while error is not None:
        messages.append(f"{error!r} {error}")
        error = error.__cause__ or error.__context__
    return "\n".join(messages)


@contextmanager
def _no_growth() -> Iterator[None]:
    """Let no SQLite database grow by more than a few pages."""

    def limit(connection: Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 4}")

    def release(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")

    event.listen(Engine, "begin", limit)
    try:
        yield
    finally:
        event.remove(Engine, "begin", limit)
        event.listen(Engine, "begin", release, once=True)


def _disconnect(server: Server, url: str) -> None:
    """Close the connections to a database from the side of the server."""
    name = url.rpartition("/")[2]
    with psycopg.connect(server.url("postgres")) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
