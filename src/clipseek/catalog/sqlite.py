"""A catalog in a file: SQLite's connections, and what may happen to the file beneath them."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from clipseek.errors import ServiceUnavailable

_FILE = 2  # of what `_identity` returns, so many say which file it is

Mode = Literal["ro", "rw", "rwc"]
"""How a file is opened: to be read, to be written too, or made as well if it is missing."""


def engine(path: Path, mode: Mode, *, wait_s: float, pool_size: int, overflow: int) -> Engine:
    """Return an engine on a file: write-ahead log, so that readers and the writer do not wait.

    The driver's own BEGIN is switched off and ours is sent: reads need one to see one moment, and
    a write takes the lock first, since a read that turns into a write fails at once when another
    wrote in between (https://www.sqlite.org/lang_transaction.html).
    """
    made = False

    def connect() -> "OpenedFile":
        nonlocal made
        # A file that has gone while we work was taken away: another one is not made in its place.
        asked = "rw" if made and mode == "rwc" else mode
        connection = _connected(path, asked, wait_s)
        made = True
        return connection

    def prepare(connection: "OpenedFile", _entry: ConnectionPoolEntry) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        # A committed video survives a loss of power: the log is synced at every commit.
        connection.execute("PRAGMA synchronous = FULL")
        if mode != "ro":
            _switch_to_wal(connection, wait_s)

    def check_out(connection: "OpenedFile", _entry: object, _proxy: object) -> None:
        """Replace a connection whose file is not the one at the path any more.

        A connection that was opened just now sees what the file has now. A checkpoint may have
        changed its size and time since, so that only another file counts.
        """
        is_fresh, connection.is_fresh = connection.is_fresh, False
        is_gone = connection.is_elsewhere if is_fresh else connection.is_replaced
        if is_gone or connection.has_log:
            raise DisconnectionError("the file was replaced")

    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    opened = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=overflow,
        pool_timeout=wait_s,
        hide_parameters=True,
    )
    event.listen(opened, "connect", prepare)
    event.listen(opened, "checkout", check_out)
    event.listen(opened, "begin", begin)
    return opened


class OpenedFile(sqlite3.Connection):
    """A connection that knows which file it has opened, and in which state.

    A file without a log is opened as `immutable`: otherwise SQLite would make two files beside it
    even to read it, which fails in a read-only folder (https://www.sqlite.org/wal.html,
    "Read-Only Databases"). It is opened again once there is a log.
    """

    path: Path
    identity: tuple[int, ...] | None
    is_immutable: bool
    is_fresh: bool

    @property
    def is_elsewhere(self) -> bool:
        """Whether another file is at the path now."""
        found = _identity(self.path)
        return (self.identity or ())[:_FILE] != (found or ())[:_FILE]

    @property
    def is_replaced(self) -> bool:
        """Whether another file is at the path now, or this one with another content."""
        return self.identity != _identity(self.path)

    @property
    def has_log(self) -> bool:
        """Whether there are changes beside a file that was opened as immutable."""
        return self.is_immutable and _has_log(self.path)


def _identity(path: Path) -> tuple[int, ...] | None:
    """Return which file is at a path, and in which state.

    A restored backup is another file, or the same one with another content. Size and time change
    by checkpoints too: that costs a connection.
    """
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _has_log(path: Path) -> bool:
    """Whether a log beside a file has changes that are not in the file, or reverts some."""
    for ending, least in (("-wal", 1), ("-journal", 0)):
        try:
            if path.with_name(f"{path.name}{ending}").stat().st_size >= least:
                return True
        except OSError:
            continue
    return False


def _connected(path: Path, mode: str, wait_s: float) -> OpenedFile:
    """Open the file; one that is only read and has no log, as one that never changes."""
    # Looked at before it is opened: what changes in between is noticed then.
    identity = _identity(path)
    is_immutable = mode == "ro" and not _has_log(path)
    options = f"mode={mode}&immutable=1" if is_immutable else f"mode={mode}"
    connection = sqlite3.connect(
        f"file:{quote(os.fsencode(path))}?{options}",
        uri=True,
        timeout=wait_s,
        isolation_level=None,
        check_same_thread=False,
        factory=OpenedFile,
    )
    connection.path, connection.is_immutable, connection.is_fresh = path, is_immutable, True
    # One that was made by opening it has an identity only now.
    connection.identity = identity or _identity(path)
    return connection


@contextmanager
def unchanged(connection: Connection, place: str) -> Iterator[None]:
    """Raise, after reading, if a file that was opened as immutable has changed.

    Nothing prevents a writer from changing it, so the rows may belong to two moments.
    """
    opened = connection.connection.dbapi_connection
    error: SQLAlchemyError | None = None
    try:
        yield
    except SQLAlchemyError as raised:
        error = raised
    if isinstance(opened, OpenedFile) and opened.is_immutable and opened.is_replaced:
        raise ServiceUnavailable(f"{place} was written while it was read; try again") from error
    if error is not None:
        raise error


def _switch_to_wal(connection: sqlite3.Connection, wait_s: float) -> None:
    """Turn the write-ahead log on; a database that has one is left as it is.

    SQLite does not wait here by itself: two processes that make the same file at once each have a
    read lock and ask for the write lock, and one gets the error "busy" at once.
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
