"""One database, SQLite or PostgreSQL: its connections, its transactions and its errors."""

import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from psycopg.pq import Conninfo
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from clipseek.catalog import waiting
from clipseek.catalog.failures import translated
from clipseek.errors import ConfigError

SQLITE = "sqlite:///"
POSTGRES = ("postgresql", "postgres", "postgresql+psycopg")
# Whoever waits longer for a writer waits for one that is stuck: a transaction holds one film.
WAIT_S = 30.0
# Seconds until a PostgreSQL that has gone without a word counts as gone: to connect; for what was
# sent to arrive; for a sign of life from a server that works on an answer. TCP itself waits for a
# quarter of an hour, or for ever (https://www.postgresql.org/docs/current/libpq-connect.html).
CONNECT_S = 5
_SIGNS_OF_LIFE = {
    "connect_timeout": CONNECT_S,
    "tcp_user_timeout": 10_000,  # milliseconds
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}
# Connections kept open, and how many more while requests pile up; PostgreSQL's own default
# allows 100 for all its clients (max_connections).
POOL_SIZE = 8
_FILE = "clipseek_file"
_HAS_OPTIONS = re.compile(r"\?[a-z_]+=")
POOL_OVERFLOW = 24


class Transactions(Protocol):
    """Where the statements of a catalog run: a database, or one moment of it."""

    @property
    def dialect(self) -> str:
        """Either "sqlite" or "postgresql"."""
        ...

    @property
    def place(self) -> str:
        """How messages name the database: a path, or a URL without its password."""
        ...

    def reading(self) -> AbstractContextManager[Connection]:
        """Open a transaction that reads one moment of the database."""
        ...

    def writing(self) -> AbstractContextManager[Connection]:
        """Open a transaction, committed at the end and rolled back by an exception."""
        ...

    def moment(self) -> AbstractContextManager["Transactions"]:
        """Hold one reading transaction open; errors of the code inside stay as they are."""
        ...

    def close(self) -> None:
        """Close the connections that are not in use."""
        ...


class Database:
    """A pool of connections to one database. Thread-safe; no connection is made before its use."""

    def __init__(self, engine: Engine, place: str, *, read_only: bool = False) -> None:
        self.place = place
        self.dialect = engine.dialect.name
        self._engine = engine
        self._reads = engine.execution_options(**_options(self.dialect, writes=False))
        self._writes = engine.execution_options(
            **_options(self.dialect, writes=True, read_only=read_only)
        )

    @classmethod
    def at(
        cls, url: str, *, read_only: bool = False, create: bool = True, wait_s: float = WAIT_S
    ) -> "Database":
        """Return the database that a URL names.

        `sqlite:///PATH` takes the path as it stands, without escapes and options. `wait_s` bounds
        the wait for other writers, in seconds.

        Raises:
            ConfigError: the URL names no SQLite file and no PostgreSQL database.
        """
        if url.startswith(SQLITE):
            path = _path(url)
            mode = "ro" if read_only else "rwc" if create else "rw"
            return cls(_sqlite(path, mode, wait_s), str(path), read_only=read_only)
        address = _address(url)
        place = address.set(query={}).render_as_string(hide_password=True)
        return cls(_postgres(address, wait_s), place, read_only=read_only)

    @property
    def file(self) -> Path | None:
        """The file of a SQLite database."""
        return Path(self.place) if self.dialect == "sqlite" else None

    def wait(self, limit_s: float) -> None:
        """Return when a PostgreSQL takes connections, after `limit_s` seconds at the latest."""
        if self.dialect == "postgresql" and limit_s > 0:
            engine = self._engine
            waiting.wait(
                engine.url, engine.dialect, place=self.place, limit_s=limit_s, connect_s=CONNECT_S
            )

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that reads one moment of the database."""
        with self.translating(), self._reads.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction, committed at the end and rolled back by an exception."""
        with self.translating(), self._writes.begin() as connection:
            yield connection

    @contextmanager
    def moment(self) -> Iterator["Moment"]:
        """Hold one reading transaction open; errors of the code inside stay as they are."""
        with self.translating():
            connection = self._reads.connect()
        try:
            yield Moment(self, connection)
        finally:
            with self.translating():
                connection.close()

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._engine.dispose()

    @contextmanager
    def translating(self) -> Iterator[None]:
        """Raise SQLAlchemy's errors as ours."""
        try:
            yield
        except SQLAlchemyError as error:
            raise translated(error, self.place, self.file) from error


class Moment:
    """One open reading transaction: every statement sees the same moment. For one thread."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self.dialect = database.dialect
        self.place = database.place
        self._database = database
        self._connection = connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Return the connection; it stays open."""
        with self._database.translating():
            yield self._connection

    def writing(self) -> AbstractContextManager[Connection]:
        """Raise RuntimeError: what is seen is past."""
        raise RuntimeError("a consistent view cannot be written; write to the catalog itself")

    @contextmanager
    def moment(self) -> Iterator["Moment"]:
        """Return this moment."""
        yield self

    def close(self) -> None:
        """Do nothing: whoever opened the moment ends it."""


def _options(dialect: str, *, writes: bool, read_only: bool = False) -> dict[str, object]:
    """Return how transactions run: a read sees one moment, and a write sees what it waited for."""
    options: dict[str, object] = {"writes": writes}
    if dialect == "postgresql":
        options["isolation_level"] = "READ COMMITTED" if writes else "REPEATABLE READ"
        options["postgresql_readonly"] = read_only or not writes
    return options


def _path(url: str) -> Path:
    """Return the file that a SQLite URL names; a catalog in memory would be one per connection."""
    name = url.removeprefix(SQLITE)
    if _HAS_OPTIONS.search(name):
        raise ConfigError(
            "a sqlite:/// URL takes no options, and what follows its ? would be part of the file's "
            "name; leave it out: a catalog that cannot be written is opened to be read"
        )
    if name in ("", ":memory:") or "\0" in name:
        raise ConfigError(f"{_EXPECTED}; PATH must name a file, got {name!r}")
    return Path(name).absolute()


def _sqlite(path: Path, mode: str, wait_s: float) -> Engine:
    """Return an engine on a file: write-ahead log, so that readers and the writer do not wait.

    The driver's own BEGIN is switched off and ours is sent: reads need one to see one moment, and
    a write takes the lock first, since a read that turns into a write fails at once when another
    wrote in between (https://www.sqlite.org/lang_transaction.html).
    """
    made = False

    def connect() -> sqlite3.Connection:
        nonlocal made
        # A file that has gone while we work was taken away: another one is not made in its place.
        asked = "rw" if made and mode == "rwc" else mode
        connection = _connected(path, asked, wait_s)
        made = True
        return connection

    def prepare(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
        entry.info[_FILE] = _identity(path, mode)
        connection.execute("PRAGMA foreign_keys = ON")
        # A committed film survives a loss of power: the log is synced at every commit.
        connection.execute("PRAGMA synchronous = FULL")
        if mode != "ro":
            _switch_to_wal(connection, wait_s)

    def check_out(_connection: object, entry: ConnectionPoolEntry, _proxy: object) -> None:
        """Have a connection made anew whose file is not the one at the path any more."""
        if entry.info.get(_FILE) != _identity(path, mode):
            raise DisconnectionError("the file was replaced")

    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    engine = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=wait_s,
        hide_parameters=True,
    )
    event.listen(engine, "connect", prepare)
    event.listen(engine, "checkout", check_out)
    event.listen(engine, "begin", begin)
    return engine


def _identity(path: Path, mode: str) -> tuple[int, ...] | None:
    """Return which file is at a path, and in which state.

    A restored backup is another file, or the same one with another content. Size and time change
    by checkpoints too: that costs a connection. One that only reads may have been opened as a file
    that never changes; then a log that appears beside it counts as well.
    """
    state: list[int] = []
    for each in (path, _beside(path, "-wal")) if mode == "ro" else (path,):
        try:
            status = each.stat()
        except OSError:
            if each == path:
                return None
            continue
        state += [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns]
    return tuple(state)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}{ending}")


def _connected(path: Path, mode: str, wait_s: float) -> sqlite3.Connection:
    """Open the file; where nothing can be written beside it, as a file that never changes.

    SQLite keeps two files beside a database with a write-ahead log, also to read it. On a mount
    that is read-only it can have none, and needs none if no log is left over
    (https://www.sqlite.org/wal.html, "Read-Only Databases").
    """
    uri = f"file:{quote(os.fsencode(path))}?mode={mode}"
    connection = _open(uri, wait_s)
    if mode != "ro":
        return connection
    try:
        connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        if _log_of(path):
            raise
        return _open(f"{uri}&immutable=1", wait_s)
    return connection


def _open(uri: str, wait_s: float) -> sqlite3.Connection:
    return sqlite3.connect(
        uri, uri=True, timeout=wait_s, isolation_level=None, check_same_thread=False
    )


def _log_of(path: Path) -> bool:
    """Whether there are changes in a write-ahead log that are not in the file yet."""
    try:
        return _beside(path, "-wal").stat().st_size > 0
    except OSError:
        return False


def _switch_to_wal(connection: sqlite3.Connection, wait_s: float) -> None:
    """Turn the write-ahead log on; a database that has one is left as it is.

    SQLite does not wait here by itself: two processes that make the same file at once would each
    hold a read lock while asking for the write lock, and one is told at once that it is busy.
    """
    deadline = time.monotonic() + wait_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def _address(url: str) -> URL:
    """Return a PostgreSQL URL for the psycopg driver; no message repeats what was given."""
    before_options = url.partition("?")[0]
    if before_options.count("@") > 1:
        raise ConfigError(_ESCAPE)
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        # The driver's words may hold a part of the password.
        raise ConfigError(f"{_EXPECTED}; {_ESCAPE}") from None
    if address.drivername not in POSTGRES or not address.database:
        raise ConfigError(f"{_EXPECTED}; {_ESCAPE}")
    plain = f"{address.host or ''}{address.database}"
    if set(plain) & set("@#?:/ \t\n") - set(":/" if _is_socket(address) else ""):
        raise ConfigError(_ESCAPE)
    return address.set(drivername="postgresql+psycopg")


def password_of(url: str) -> str | None:
    """Return the password that a PostgreSQL URL holds, if it does; raise ConfigError."""
    return None if url.startswith(SQLITE) else _address(url).password


def _is_socket(address: URL) -> bool:
    """Whether the host is an address of IPv6 or the folder of a socket."""
    host = address.host or ""
    return host.startswith("/") or host.count(":") > 1


def _options_of(address: URL) -> tuple[URL, dict[str, object]]:
    """Return the URL with the options that libpq knows, and those of psycopg converted.

    Raises:
        ConfigError: an option is known to neither, or its value cannot be.
    """
    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    ours: dict[str, object] = {}
    for name, value in address.query.items():
        if name == "prepare_threshold":
            ours[name] = _threshold(value)
        elif name not in known:
            raise ConfigError(
                f"the database URL has an option {name!r} that PostgreSQL's libraries do not "
                "know; correct its name or leave it out"
            )
    return address.difference_update_query([*ours]), ours


def _threshold(value: str | tuple[str, ...]) -> int | None:
    if value in ("", "none", "None"):
        return None
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    raise ConfigError(
        "prepare_threshold in the database URL must be a whole number, or none for no prepared "
        f"statements, got {value!r}"
    )


_EXPECTED = (
    "the database URL must be sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
)
_ESCAPE = (
    "in the database URL, write these characters of user and password as %-escapes: "
    "@ as %40, / as %2F, : as %3A, # as %23, ? as %3F, a space as %20, % itself as %25"
)


def _postgres(address: URL, wait_s: float) -> Engine:
    """Return an engine on a server; a connection that the server closed is replaced unseen."""
    address, given = _options_of(address)
    options: dict[str, object] = {
        name: value for name, value in _SIGNS_OF_LIFE.items() if name not in address.query
    }
    # A pooler hands each transaction to another session, which knows no statement that this one
    # has prepared.
    options |= {"prepare_threshold": None, **given}

    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("writes"):
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(wait_s * 1000)}")

    engine = create_engine(
        address,
        connect_args=options,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=wait_s,
        pool_pre_ping=True,
        hide_parameters=True,
    )
    event.listen(engine, "begin", begin)
    return engine
