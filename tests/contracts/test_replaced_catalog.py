"""A database that is replaced, restored or read-only under a program that has it open."""

import itertools
import os
import shutil
import sqlite3
import subprocess
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest

from clipseek import belonging
from clipseek.assembly import migrate, open_service, open_writer
from clipseek.belonging import Owner
from clipseek.caches import open_cache
from clipseek.catalog import SqlCatalog, SqlReader, sqlite
from clipseek.config import Settings
from clipseek.errors import ClipseekError, ConfigError, ServiceUnavailable
from clipseek.library.view import View
from clipseek.publishing import FolderStore
from tests.contracts.catalogs import DIM, a_video
from tests.contracts.postgres import Server, find_programs
from tests.lacking import lacking


def made(path: Path, *videos: str) -> str:
    """Make a catalog of these videos and return its URL."""
    url = f"sqlite:///{path}"
    with closing(SqlCatalog.open(url)) as catalog:
        catalog.ensure_collection("default", "toy", DIM, "f1")
        for number, video in enumerate(videos):
            a_video(video, uri=f"/{video}.mp4", seed=number).put_into(catalog, "default")
    return url


def backup(path: Path, target: Path) -> Path:
    """Copy a database as `.backup` of the sqlite3 shell does."""
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    return target


def put_back(copy: Path, path: Path) -> None:
    """Put a copy in the database's place, with nothing of the old one beside it."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    shutil.copyfile(copy, path)


def ids(catalog: SqlReader) -> list[str]:
    """Return the ids of the videos."""
    return [video.id for video in catalog.videos("default")]


# Replaced while it is open.


def test_a_database_that_was_replaced_is_opened_anew(tmp_path: Path) -> None:
    """What is read comes from the file at the path, not from the one that was there before."""
    url = made(tmp_path / "catalog.db", "a", "b")
    made(tmp_path / "other.db", "c")
    with closing(SqlCatalog.open(url)) as catalog:
        assert ids(catalog) == ["a", "b"]
        put_back(backup(tmp_path / "other.db", tmp_path / "copy.db"), tmp_path / "catalog.db")
        assert ids(catalog) == ["c"]
        a_video("d", uri="/d.mp4").put_into(catalog, "default")
        with closing(SqlCatalog.open(url)) as fresh:
            assert ids(fresh) == ["c", "d"]


def test_a_database_that_is_gone_is_not_made_again(tmp_path: Path) -> None:
    """An empty database in its place would be worse than an error."""
    path = tmp_path / "catalog.db"
    with closing(SqlCatalog.open(made(path, "a"))) as catalog:
        assert ids(catalog) == ["a"]
        copy = backup(path, tmp_path / "copy.db")
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        with pytest.raises(ClipseekError):
            ids(catalog)
        assert not path.exists()
        put_back(copy, path)
        assert ids(catalog) == ["a"]


def test_a_backup_copied_over_the_file_is_read(tmp_path: Path) -> None:
    """`cp` keeps the file and changes its content; nothing is left in the log here."""
    path = tmp_path / "catalog.db"
    url = made(path, "a")
    copy = backup(path, tmp_path / "copy.db")
    with closing(SqlCatalog.open(url)) as catalog:
        a_video("b", uri="/b.mp4").put_into(catalog, "default")
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert ids(catalog) == ["a", "b"]
        path.write_bytes(copy.read_bytes())
        assert ids(catalog) == ["a"]


def test_a_checkpoint_while_a_connection_is_opened_fails_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It changes the time of the file, before and after the connection is looked at."""
    path, times = tmp_path / "catalog.db", itertools.count(1)
    url, opened = made(path, "a"), sqlite._switch_to_wal

    def checkpoint() -> None:
        os.utime(path, ns=(0, 1_000_000 * next(times)))

    def meanwhile(connection: sqlite3.Connection, wait_s: float) -> None:
        opened(connection, wait_s)
        checkpoint()

    monkeypatch.setattr(sqlite, "_switch_to_wal", meanwhile)
    with closing(SqlCatalog.open(url)) as catalog:
        for name in ("b", "c"):
            checkpoint()
            a_video(name, uri=f"/{name}.mp4").put_into(catalog, "default")
        assert ids(catalog) == ["a", "b", "c"]
        made(tmp_path / "other.db", "d")
        put_back(backup(tmp_path / "other.db", tmp_path / "copy.db"), path)
        assert ids(catalog) == ["d"]


def test_a_database_that_is_replaced_while_it_is_opened_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error, and then the new one: never the file that is gone."""
    path = tmp_path / "catalog.db"
    url, opened = made(path, "a"), sqlite._switch_to_wal
    made(tmp_path / "other.db", "b")
    copies = [backup(tmp_path / "other.db", tmp_path / "copy.db")]

    def meanwhile(connection: sqlite3.Connection, wait_s: float) -> None:
        opened(connection, wait_s)
        if copies:
            put_back(copies.pop(), path)

    with closing(SqlCatalog.open(url)) as catalog:
        os.utime(path)  # so that the next one that reads opens the file again
        monkeypatch.setattr(sqlite, "_switch_to_wal", meanwhile)
        with pytest.raises(ServiceUnavailable):
            ids(catalog)
        assert ids(catalog) == ["b"]


@pytest.mark.parametrize("later", [["c"], ["c", "d"], []], ids=["as-many", "more", "fewer"])
def test_a_view_notices_a_backup_that_was_put_back(tmp_path: Path, later: list[str]) -> None:
    """Also one of the very version that was seen last, with another video in it."""
    path = tmp_path / "catalog.db"
    url = made(path, "a")
    copy = backup(path, tmp_path / "copy.db")
    with closing(SqlCatalog.open(url)) as catalog:
        a_video("b", uri="/b.mp4").put_into(catalog, "default")
        view = View.open(catalog, FolderStore(tmp_path / "snapshots"), "default")
        put_back(copy, path)
        for number, video in enumerate(later):
            a_video(video, uri=f"/{video}.mp4", seed=number + 7).put_into(catalog, "default")
        for now in (
            view.refresh(catalog, FolderStore(tmp_path / "none")),
            view.follow(catalog, FolderStore(tmp_path)),
        ):
            found = now.search(np.eye(1, DIM, dtype=np.float32), 100)
            rows = now.rows(found.ids.ravel())
            assert set(rows.video_ids.tolist()) == {"a", *later}
            assert now.identity != view.identity


def test_a_view_notices_a_restored_postgresql(
    tmp_path: Path, postgres_server: Server, postgres_url: str
) -> None:
    """pg_dump and psql put the tables back under connections that stay open."""
    programs = find_programs()
    dump = tmp_path / "dump.sql"
    with closing(SqlCatalog.open(postgres_url)) as catalog:
        catalog.ensure_collection("default", "toy", DIM, "f1")
        a_video("a", uri="/a.mp4").put_into(catalog, "default")
        options = ["--clean", "--if-exists", "--no-owner", "--file", str(dump)]
        subprocess.run([programs / "pg_dump", *options, postgres_url], check=True)
        a_video("b", uri="/b.mp4").put_into(catalog, "default")
        view = View.open(catalog, FolderStore(tmp_path), "default")
        psql = [str(programs / "psql"), "-1", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(dump)]
        subprocess.run([*psql, postgres_url], check=True, stdout=subprocess.DEVNULL)
        a_video("c", uri="/c.mp4").put_into(catalog, "default")
        now = view.refresh(catalog, FolderStore(tmp_path))
        found = now.search(np.eye(1, DIM, dtype=np.float32), 100)
        assert set(now.rows(found.ids.ravel()).video_ids.tolist()) == {"a", "c"}


# The folder beside it.


def test_a_catalog_has_an_id_that_its_backup_keeps(tmp_path: Path) -> None:
    """Two catalogs have two, a copy has the same."""
    first, second = made(tmp_path / "a.db", "a"), made(tmp_path / "b.db", "a")
    copy = backup(tmp_path / "a.db", tmp_path / "copy.db")
    found = []
    for url in (first, second, f"sqlite:///{copy}"):
        with closing(SqlCatalog.open(url)) as catalog:
            found.append(catalog.identity())
    assert found[0] == found[2] != found[1]
    assert len(found[0]) == 32


def test_a_folder_belongs_to_the_first_catalog(tmp_path: Path) -> None:
    """Another database over the same folder is refused before anything is written."""
    for name in ("A", "B"):
        made(tmp_path / f"{name}.db", "a")
    data = tmp_path / "data"

    def settings(name: str) -> Settings:
        return Settings.load(data_dir=data, database_url=f"sqlite:///{tmp_path / name}.db")

    open_writer(settings("A")).close()
    for opened in (open_writer, open_service):
        with pytest.raises(ConfigError, match="belongs to another catalog") as refused:
            opened(settings("B"))
        assert str(data / belonging.MARK) in str(refused.value)
    with pytest.raises(ConfigError, match="belongs to another catalog"):
        open_writer(Settings.load(data_dir=data), create=True)
    open_service(settings("A")).close()


def test_a_new_database_inside_the_folder_takes_it_over(tmp_path: Path) -> None:
    """Deleting catalog.db starts again in the same folder."""
    settings = Settings.load(data_dir=tmp_path)
    open_writer(settings, create=True).close()
    before = belonging.owner(tmp_path)
    for file in tmp_path.glob("catalog.db*"):
        file.unlink()
    open_writer(settings, create=True).close()
    after = belonging.owner(tmp_path)
    assert before is not None
    assert after is not None
    assert before.id != after.id


def test_a_mark_that_cannot_be_read_is_no_claim(tmp_path: Path) -> None:
    """A damaged mark is told, not replaced."""
    (tmp_path / belonging.MARK).write_text("{")
    with pytest.raises(ServiceUnavailable, match=r"catalog\.json cannot be read"):
        belonging.claim(tmp_path, Owner("x", embedded=True))
    assert (tmp_path / belonging.MARK).read_text() == "{"


# Read-only.


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """Return a folder that can be mounted read-only by `remount`, or skip."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    if (
        os.getuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "tmpfs", folder], check=False, capture_output=True
        ).returncode
    ):
        pytest.skip("only root may mount, and only where mounting is allowed")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def remount(folder: Path) -> None:
    """Let nobody write in the folder any more."""
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)


def test_a_catalog_on_a_read_only_mount_is_read(mounted: Path) -> None:
    """All that reads works; what writes is refused in a sentence that says so."""
    url = made(mounted / "catalog.db", "a", "b")
    remount(mounted)
    settings = Settings.load(data_dir=mounted)
    service = open_service(settings)
    assert [video.id for video in service.catalog.videos("default")] == ["a", "b"]
    service.close()
    with pytest.raises(ServiceUnavailable, match="mounted read-only"):
        open_writer(settings)
    with closing(SqlReader.open(url)) as catalog:
        assert ids(catalog) == ["a", "b"]


def test_a_read_only_mount_follows_a_writer_elsewhere(tmp_path: Path) -> None:
    """A volume that is read-only here and written there, as a container has it, is current."""
    writes, reads = tmp_path / "writes", tmp_path / "reads"
    for folder in (writes, reads):
        folder.mkdir()
    url = made(writes / "catalog.db", "a")
    bind = ["mount", "--bind", str(writes), str(reads)]
    if os.getuid() != 0 or subprocess.run(bind, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount, and only where mounting is allowed")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", reads], check=True)
        with closing(SqlReader.open(f"sqlite:///{reads}/catalog.db")) as reader:
            assert ids(reader) == ["a"]
            for number, video in enumerate("bc"):
                with closing(SqlCatalog.open(url)) as writer:
                    a_video(video, uri=f"/{video}.mp4", seed=number).put_into(writer, "default")
                    assert ids(reader) == ["a", "b", "c"][: number + 2]
                assert ids(reader) == ["a", "b", "c"][: number + 2]
    finally:
        subprocess.run(["umount", "--lazy", reads], check=True)


def test_a_log_that_is_left_over_on_a_read_only_mount_is_told(mounted: Path) -> None:
    """Changes in the log alone would be missed, so the catalog is not read without them."""
    url = made(mounted / "catalog.db", "a")
    settings = Settings.load(data_dir=mounted)
    with closing(sqlite3.connect(mounted / "catalog.db")) as keeps_the_log:
        keeps_the_log.execute("SELECT 1 FROM videos").fetchone()
        with closing(SqlCatalog.open(url)) as catalog:
            a_video("b", uri="/b.mp4").put_into(catalog, "default")
        left = (mounted / "catalog.db-wal").read_bytes()
    (mounted / "catalog.db-wal").write_bytes(left)
    (mounted / "catalog.db-shm").unlink(missing_ok=True)
    remount(mounted)
    with pytest.raises(ServiceUnavailable, match="run `indexer migrate` once where"):
        open_service(settings)
    subprocess.run(["mount", "-o", "remount,rw", mounted], check=True)
    migrate(settings)
    remount(mounted)
    with closing(open_service(settings)) as service:
        assert [video.id for video in service.catalog.videos("default")] == ["a", "b"]


# URLs.

SECRET = "p@ss/w:rd%41#x"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://clip:{SECRET}@127.0.0.1:1/clip",
        f"postgresql://{SECRET}@127.0.0.1/clip",
        f"postgresql://clip:{SECRET}",
        f"mysql://clip:{SECRET}@h/d",
        "postgresql://clip:p#ss@host/db",
        "postgresql://clip:pass@ho st/db",
        "postgresql://clip:pa/ss@word@host:5432/db",
        "postgresql://clip:a@b@c@host/db",
        "postgresql://clip:p#ss\u2100et@host/db",
        "postgresql://clip:p#ss[et]@host/db",
        "postgresql://clip:p#ss /db",
    ],
)
def test_no_part_of_a_password_is_repeated(url: str) -> None:
    """A URL that cannot be read says how to write it, and nothing of what was given."""
    with pytest.raises(ClipseekError) as refused:
        SqlCatalog.open(url, up_within_s=0)
    told = str(refused.value)
    assert not any(part in told for part in ("ss@", "ss/w", "w:rd", "rd%41", "#x", "p#"))
    if isinstance(refused.value, ConfigError):
        assert "%40" in told
        assert "p#" not in "".join(traceback.format_exception(refused.value))
    settings = Settings.load(database_url=url, redis_url="redis://127.0.0.1:1/0")
    with suppress(ClipseekError):
        open_cache(settings).close()


def test_options_of_a_sqlite_url_are_refused(tmp_path: Path) -> None:
    """They would become a part of the file's name, and a new, empty library would be made."""
    made(tmp_path / "x.db", "a")
    with pytest.raises(ConfigError, match="has no options"):
        SqlCatalog.open(f"sqlite:///{tmp_path}/x.db?mode=ro")
    assert [path.name for path in tmp_path.glob("x.db?*=*")] == []


@pytest.mark.parametrize("value", ["0", "5", "none"])
def test_prepare_threshold_is_converted(postgres_url: str, value: str) -> None:
    """The option of psycopg that URLs contain as text is converted."""
    with closing(SqlCatalog.open(f"{postgres_url}?prepare_threshold={value}")) as catalog:
        assert catalog.collections() == []


@pytest.mark.parametrize("option", ["prepare_threshold=soon", "sslmod=require", "pool_size=3"])
def test_an_unknown_option_is_refused_by_its_name(postgres_url: str, option: str) -> None:
    """A misspelt option is told, never a TypeError, and never ignored."""
    with pytest.raises(ConfigError, match=option.partition("=")[0]):
        SqlCatalog.open(f"{postgres_url}?{option}")


def test_known_options_are_passed_on(postgres_url: str) -> None:
    """What libpq knows goes to it."""
    url = f"{postgres_url}?application_name=clipseek&connect_timeout=3&sslmode=prefer"
    with closing(SqlCatalog.open(url)) as catalog:
        assert catalog.collections() == []


# A pooler.


@pytest.fixture
def pooled_url(tmp_path: Path, postgres_server: Server, postgres_url: str) -> Iterator[str]:
    """Run PgBouncer, which gives each transaction to any of its sessions, before a database."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        lacking("pgbouncer is not installed; `make servers` installs it")
    from tests.contracts.postgres import free_port, unprivileged

    port = free_port()
    # Not pytest's own folder: the server's user may not enter it.
    folder = Path(tempfile.mkdtemp(prefix="clipseek-pgbouncer-"))
    owner = unprivileged(folder)
    (folder / "users.txt").write_text('"clipseek" ""\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host=127.0.0.1 port={postgres_server.port}\n"
        "[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nauth_type = trust\nauth_file = {folder / 'users.txt'}\n"
        f"pool_mode = transaction\ndefault_pool_size = 4\nlogfile = {folder / 'log'}\n"
        f"unix_socket_dir =\npidfile = {folder / 'pid'}\n"
    )
    for file in folder.iterdir():
        file.chmod(0o644)
    process = subprocess.Popen(
        [program, str(folder / "pgbouncer.ini")],
        user=owner,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield postgres_url.replace(f":{postgres_server.port}/", f":{port}/")
    process.terminate()
    process.wait()
    shutil.rmtree(folder)


def test_a_pooler_of_transactions_is_fine(pooled_url: str) -> None:
    """More clients than sessions, and statements often enough that they would be prepared."""
    catalogs = [SqlCatalog.open(pooled_url, up_within_s=10) for _ in range(6)]
    try:
        catalogs[0].ensure_collection("default", "toy", DIM, "f1")
        for number in range(30):
            catalog = catalogs[number % len(catalogs)]
            a_video(f"v{number:02}", uri=f"/{number}.mp4", seed=number).put_into(catalog, "default")
            assert len(catalog.videos("default", limit=100)) == number + 1
    finally:
        for catalog in catalogs:
            catalog.close()
