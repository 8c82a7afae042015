"""What the databases' own errors mean to a person: the only place that reads their codes."""

import shutil
import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from clipseek.errors import ClipseekError, NoCatalog, ServiceUnavailable

# SQLite's primary and extended result codes: https://www.sqlite.org/rescode.html
# PostgreSQL's SQLSTATEs: https://www.postgresql.org/docs/current/errcodes-appendix.html
_FULL = {sqlite3.SQLITE_FULL, "53100"}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, "55P03", "40001", "40P01"}
_FOLDER = {sqlite3.SQLITE_READONLY_DIRECTORY, sqlite3.SQLITE_READONLY_CANTINIT}
_FORBIDDEN = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, "25006"}
_NO_RIGHT = {"42501"}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, "XX001", "XX002"}
_CLOSED = {sqlite3.SQLITE_CANTOPEN}
_NO_TABLE = "42P01"

_SENTENCES = (
    (_FULL, "the disk of {place} is full; free some space and run this again"),
    (
        _BUSY,
        "another process has been writing {place} for too long; try again when it has finished",
    ),
    (
        _FOLDER,
        "SQLite keeps files of its own beside {place}, and this user cannot write in that "
        "folder; let this user write there, or use PostgreSQL",
    ),
    (
        _FORBIDDEN,
        "{place} can be read but not written: searching works, but nothing can be indexed, "
        "changed or removed; check the permissions of this user, and whether the disk is "
        "mounted read-only",
    ),
    (
        _NO_RIGHT,
        "the user of the database lacks a right in {place} ({cause}): searching needs SELECT "
        "on all tables, an API that adds jobs INSERT and UPDATE of the table jobs too, indexing "
        "INSERT, UPDATE and DELETE of all tables, and `indexer migrate` is run by their owner; "
        "GRANT what is missing",
    ),
    (_DAMAGED, "{place} is damaged or is not a catalog ({cause}); restore it from a backup"),
    (
        _CLOSED,
        "cannot open {place}; check that its folder exists and that this user may use it. If "
        "it is mounted read-only and a file that ends in -wal is beside it, run `indexer "
        "migrate` once where it can be written",
    ),
)


def translated(error: SQLAlchemyError, place: str, file: Path | None) -> ClipseekError:
    """Return the error of ours that says what happened to the database at `place`.

    `file` is that of a SQLite database.
    """
    if isinstance(error, PoolTimeout):
        return ServiceUnavailable(f"all connections to {place} are in use; try again")
    codes, cause = _codes(error), _first_line(error)
    # If no file can be made beside the database, SQLite reports a disk error, not a full disk.
    if (
        sqlite3.SQLITE_IOERR in codes
        and file is not None
        and not shutil.disk_usage(file.parent).free
    ):
        codes.add(sqlite3.SQLITE_FULL)
    missing = codes & _CLOSED and file is not None and _is_missing(file)
    if missing or _NO_TABLE in codes or cause.startswith("no such table"):
        return NoCatalog(place)
    for meant, sentence in _SENTENCES:
        if codes & meant:
            return ServiceUnavailable(sentence.format(place=place, cause=cause))
    return ServiceUnavailable(
        f"{place} cannot be used now ({cause}); check that the database runs and that the "
        "database URL is correct"
    )


def _is_missing(file: Path) -> bool:
    """Whether the file does not exist; False if its folder may not be entered."""
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _codes(error: SQLAlchemyError) -> set[str | int]:
    """Return SQLite's extended and primary result codes, or PostgreSQL's SQLSTATE."""
    origin = error.orig if isinstance(error, DBAPIError) else None
    extended = getattr(origin, "sqlite_errorcode", None)
    if extended is not None:
        return {extended, extended & 0xFF}
    sqlstate = getattr(origin, "sqlstate", None)
    return set() if sqlstate is None else {sqlstate}


def _first_line(error: SQLAlchemyError) -> str:
    """Return what the driver says, without the statement and its parameters."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    return str(origin).partition("\n")[0]
