"""One database, SQLite or PostgreSQL: its connections, its transactions and its errors."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from clipseek.catalog import sqlite
from clipseek.catalog.failures import translated
from clipseek.errors import ConfigError

SQLITE = "sqlite:///"
POSTGRES = ("postgresql", "postgres", "postgresql+psycopg")
# A longer wait for a writer means that it is stuck, because a transaction stores one video.
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
_HAS_OPTIONS = re.compile(r"\?[a-z_]+=")
POOL_OVERFLOW = 24


class Transactions(Protocol):
    """The target of a reader's statements: a database, or one moment of it."""

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

    def moment(self) -> AbstractContextManager["Transactions"]:
        """Keep one reading transaction open; errors of the code inside are not changed."""
        ...

    def close(self) -> None:
        """Close the connections that are not in use."""
        ...


class Database:
    """A pool of connections to one database. Thread-safe; no connection is made before its use."""

    def __init__(self, engine: Engine, place: str) -> None:
        self.place = place
        self.dialect = engine.dialect.name
        self._engine = engine
        self._reads = engine.execution_options(**_options(self.dialect, writes=False))
        self._writes = engine.execution_options(**_options(self.dialect, writes=True))

    @classmethod
    def at(
        cls,
        url: str,
        *,
        read_only: bool = False,
        create: bool = True,
        wait_s: float = WAIT_S,
        most: int = POOL_SIZE + POOL_OVERFLOW,
    ) -> "Database":
        """Return the database that a URL names.

        `sqlite:///PATH` takes the path unchanged, without escapes and options. `wait_s` limits the
        wait for other writers, in seconds, and `most` the number of connections.

        Raises:
            ConfigError: the URL names neither a SQLite file nor a PostgreSQL database.
        """
        kept = min(POOL_SIZE, most)
        if url.startswith(SQLITE):
            path = _path(url)
            mode: sqlite.Mode = "ro" if read_only else "rwc" if create else "rw"
            engine = sqlite.engine(path, mode, wait_s=wait_s, pool_size=kept, overflow=most - kept)
            return cls(engine, str(path))
        address = _address(url)
        place = address.set(query={}).render_as_string(hide_password=True)
        return cls(_postgres(address, wait_s, kept, most - kept), place)

    @property
    def file(self) -> Path | None:
        """The file of a SQLite database."""
        return Path(self.place) if self.dialect == "sqlite" else None

    def wait(self, limit_s: float) -> None:
        """Return when a PostgreSQL takes connections, after `limit_s` seconds at the latest."""
        if self.dialect == "postgresql" and limit_s > 0:
            from clipseek.catalog import waiting  # only now, as it imports psycopg

            engine = self._engine
            waiting.wait(
                engine.url, engine.dialect, place=self.place, limit_s=limit_s, connect_s=CONNECT_S
            )

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that reads one moment of the database."""
        with (
            self.translating(),
            self._reads.connect() as connection,
            sqlite.unchanged(connection, self.place),
        ):
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction, committed at the end and rolled back by an exception."""
        with self.translating(), self._writes.begin() as connection:
            yield connection

    @contextmanager
    def moment(self) -> Iterator["Moment"]:
        """Keep one reading transaction open; errors of the code inside are not changed."""
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
        with self._database.translating(), sqlite.unchanged(self._connection, self.place):
            yield self._connection

    @contextmanager
    def moment(self) -> Iterator["Moment"]:
        """Return this moment."""
        yield self

    def close(self) -> None:
        """Do nothing: the code that opened the moment ends it."""


def _options(dialect: str, *, writes: bool) -> dict[str, object]:
    """Return how transactions run: a read sees one moment, and a write sees what it waited for."""
    options: dict[str, object] = {"writes": writes}
    if dialect == "postgresql":
        options["isolation_level"] = "READ COMMITTED" if writes else "REPEATABLE READ"
        options["postgresql_readonly"] = not writes
    return options


def _path(url: str) -> Path:
    """Return the file that a SQLite URL names; a catalog in memory would be one per connection."""
    name = url.removeprefix(SQLITE)
    if _HAS_OPTIONS.search(name):
        raise ConfigError(
            "a sqlite:/// URL has no options, and the text after its ? would be part of the "
            "file name; leave it out: a catalog that cannot be written is opened read-only"
        )
    if name in ("", ":memory:") or "\0" in name:
        raise ConfigError(f"{_EXPECTED}; PATH must name a file, got {name!r}")
    return Path(name).absolute()


def _address(url: str) -> URL:
    """Return a PostgreSQL URL for the psycopg driver; no message repeats what was given."""
    before_options = url.partition("?")[0]
    if before_options.count("@") > 1:
        raise ConfigError(_ESCAPE)
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        # The message of the driver may contain part of the password.
        raise ConfigError(f"{_EXPECTED}; {_ESCAPE}") from None
    if address.drivername not in POSTGRES or not address.database:
        raise ConfigError(f"{_EXPECTED}; {_ESCAPE}")
    plain = f"{address.host or ''}{address.database}"
    if set(plain) & set("@#?:/ \t\n") - set(":/" if _is_socket(address) else ""):
        raise ConfigError(_ESCAPE)
    return address.set(drivername="postgresql+psycopg")


def password_of(url: str) -> str | None:
    """Return the password in a PostgreSQL URL, if there is one; raise ConfigError."""
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
    from psycopg.pq import Conninfo  # only now: a search in SQLite does without it

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


def _postgres(address: URL, wait_s: float, kept: int, more: int) -> Engine:
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
        pool_size=kept,
        max_overflow=more,
        pool_timeout=wait_s,
        pool_pre_ping=True,
        hide_parameters=True,
    )
    event.listen(engine, "begin", begin)
    return engine
