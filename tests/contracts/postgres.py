"""A real PostgreSQL server for tests: one for the run, a fresh database for each test."""

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from clipseek.catalog import SqlCatalog

USER = "clipseek"
TEMPLATE = "migrated"


@dataclass(frozen=True)
class Server:
    """A running PostgreSQL on the loopback address, whose databases are made and dropped."""

    port: int
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str, user: str = USER) -> str:
        """Return the URL of a database."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str, database: str = "postgres") -> None:
        """Run one statement as the owner of everything."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def new_database(self, template: str) -> str:
        """Make a database as a copy of another and return its URL; it goes with the server."""
        name = f"test_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def url_of_role(self, url: str, right: str) -> str:
        """Make a role that has one right in a database, and return the database's URL for it."""
        database, role = url.rpartition("/")[2], f"role_{next(self._numbers)}"
        self.run(f"CREATE ROLE {role} LOGIN")
        self.run(f"GRANT {right} TO {role}", database)
        return self.url(database, user=role)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """Run a PostgreSQL server; skip without its programs, or fail where CI is "true"."""
    programs = find_programs()
    # Not pytest's own folder: the server's user may not enter it.
    with tempfile.TemporaryDirectory(prefix="clipseek-pg-") as folder:
        owner = unprivileged(Path(folder))
        data = Path(folder) / "data"
        run_program(programs, "initdb", *initdb_options(programs, data), user=owner)
        port = free_port()
        options = (
            f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' "
            "-c fsync=off -c max_connections=200"
        )
        log = str(Path(folder) / "log")
        run_program(
            programs, "pg_ctl", "start", "-w", "-D", str(data), "-l", log, "-o", options, user=owner
        )
        try:
            server = Server(port)
            server.run(f"CREATE DATABASE {TEMPLATE}")
            SqlCatalog.open(server.url(TEMPLATE)).close()
            yield server
        finally:
            run_program(programs, "pg_ctl", "stop", "-m", "immediate", "-D", str(data), user=owner)


@pytest.fixture
def postgres_url(postgres_server: Server) -> str:
    """Return the URL of a fresh database with the catalog's tables, empty."""
    return postgres_server.new_database(TEMPLATE)


@pytest.fixture
def bare_postgres_url(postgres_server: Server) -> str:
    """Return the URL of a fresh database without tables."""
    return postgres_server.new_database("template0")


@pytest.fixture(scope="session")
def _shared_postgres(postgres_server: Server) -> Iterator[tuple[SqlCatalog, str]]:
    url = postgres_server.new_database(TEMPLATE)
    catalog = SqlCatalog.open(url)
    yield catalog, url
    catalog.close()


@pytest.fixture
def postgres_catalog(_shared_postgres: tuple[SqlCatalog, str]) -> SqlCatalog:
    """Return an empty catalog, in one database that all tests empty in turn: that is quicker."""
    catalog, url = _shared_postgres
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM changes")
        connection.execute("DELETE FROM claims")
        connection.execute("DELETE FROM videos")
        connection.execute("DELETE FROM aliases")
        connection.execute("DELETE FROM collections")
    return catalog


def find_programs() -> Path:
    """Return the folder of initdb and pg_ctl, of the newest version there is, or skip."""
    found = shutil.which("pg_ctl")
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    newest = sorted(debian, key=lambda folder: float(folder.parent.name), reverse=True)
    for folder in [*([Path(found).resolve().parent] if found else []), *newest]:
        if (folder / "initdb").exists():
            return folder
    reason = "no PostgreSQL programs on PATH or in /usr/lib/postgresql/*/bin"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def initdb_options(programs: Path, data: Path) -> list[str]:
    """Return initdb's options: a language's collation, so that the tables' own is put to proof."""
    listed = subprocess.run([programs / "initdb", "--help"], capture_output=True, check=True)
    icu = (
        ["--locale-provider=icu", "--icu-locale=en-US"] if b"--icu-locale" in listed.stdout else []
    )
    return [
        "-D",
        str(data),
        "-U",
        USER,
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
        *icu,
    ]


def unprivileged(folder: Path) -> str | None:
    """Give the folder to a user that PostgreSQL runs as: it refuses root. None for ourselves."""
    if os.getuid() != 0:
        return None
    users = {entry.pw_name for entry in pwd.getpwall()}
    owner = "postgres" if "postgres" in users else "nobody"
    shutil.chown(folder, owner)
    return owner


def run_program(programs: Path, program: str, *options: str, user: str | None) -> None:
    """Run a program of PostgreSQL to its end; what it says goes to a file, not to a pipe.

    The server inherits the streams of pg_ctl, and a pipe would stay open as long as it runs.
    """
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(
            [programs / program, *options],
            stdout=said,
            stderr=said,
            user=user,
            cwd="/",
            check=False,
        )
        said.seek(0)
        if done.returncode:
            pytest.fail(f"{program} failed: {said.read().decode()}")


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
