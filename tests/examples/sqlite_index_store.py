"""An example of another place for published indexes: one SQLite file, a row for each collection.

It keeps the promises of `clipseek.publishing.IndexStore` in one file, and needs one other line:
`open_indexes` of `clipseek/indexes.py` returns

    SqliteIndexStore(settings.data_dir / "indexes.db")

What is opened is copied to memory and searched exactly, so that it is of use up to some 100 000
segments. Builders wait for each other, those of other collections too, because SQLite has one
writer.
"""

import hashlib
import io
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import ServiceUnavailable
from clipseek.index import ExactIndex, Kind
from clipseek.publishing import Manifest, Published
from clipseek.publishing.manifest import File
from clipseek.table import SegmentTable
from clipseek.types import Collection

_Columns = Literal["number", "manifest", "number, manifest, content"]
_BLOB = "index.npz"
_WAIT_S = 60.0
_TABLE = (
    "CREATE TABLE IF NOT EXISTS published "
    "(key TEXT PRIMARY KEY, number INTEGER NOT NULL, manifest TEXT NOT NULL, content BLOB NOT NULL)"
)
_PUT = (
    "INSERT INTO published VALUES (?, 1, ?, ?) ON CONFLICT (key) DO UPDATE "
    "SET number = number + 1, manifest = excluded.manifest, content = excluded.content"
)


class SqliteIndexStore:
    """Keeps published indexes in the SQLite file `path`, which the first builder makes."""

    shards = 1

    def __init__(self, path: Path) -> None:
        self._path = path
        self._builder = threading.local()

    def pointer(self, key: str) -> str | None:
        """Return a number that is another one after each `publish`, or None."""
        row = self._row(key, "number")
        return None if row is None else str(row[0])

    def manifest(self, key: str) -> Manifest | None:
        """Return what the published index was made from, or None."""
        row = self._row(key, "manifest")
        return None if row is None else self._parsed(key, row[0])

    def open(self, key: str) -> Published | None:
        """Copy what is published to memory, or return None."""
        row = self._row(key, "number, manifest, content")
        if row is None:
            return None
        manifest, content = self._parsed(key, row[1]), row[2]
        expected = manifest.files.get(_BLOB)
        if expected is None or hashlib.sha256(content).hexdigest() != expected.sha256:
            raise self._damaged(key, "it has another checksum than when it was written")
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                columns = dict(arrays)
            vectors = columns.pop("vectors")
            table = SegmentTable(**columns)
            index = ExactIndex(table.ids, vectors)
        except (ValueError, TypeError, KeyError, OSError) as error:
            raise self._damaged(key, str(error)) from error
        return Published(str(row[0]), manifest, table, index)

    def damage(self, key: str) -> list[str]:
        """Read all of it; return what is wrong."""
        try:
            self.open(key)
        except ServiceUnavailable as error:
            return [str(error)]
        return []

    @contextmanager
    def building(self, key: str) -> Iterator[Manifest | None]:
        """Hold SQLite's lock for writers until the block ends or `publish` has committed."""
        _require_plain(key)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect("rwc")) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(_TABLE)
                self._builder.connection = connection
                try:
                    yield None if self.damage(key) else self.manifest(key)
                finally:
                    self._builder.connection = None
        except (OSError, sqlite3.Error) as error:
            raise ServiceUnavailable(
                f"no index can be written to {self._path}: {error}; searches continue without it; "
                "free some space or correct the permissions, and run `indexer build`"
            ) from error

    def forget(self, key: str) -> None:
        """Do nothing: a row replaces the one before."""

    def remove(self, key: str) -> None:
        """Delete the row."""
        if self._row(key, "number") is None:
            return
        with self.building(key):
            connection: sqlite3.Connection = self._builder.connection
            connection.execute("DELETE FROM published WHERE key = ?", (key,))
            connection.execute("COMMIT")

    def publish(
        self,
        key: str,
        collection: Collection,
        rows: SegmentTable,
        vectors: NDArray[np.float32],
        *,
        history: str,
        queries: NDArray[np.float32] | None = None,  # exact search is not tuned
        kind: Kind | Literal["auto"] = "auto",
    ) -> Manifest:
        """Replace the row in one transaction, and end it."""
        columns = {field.name: getattr(rows, field.name) for field in fields(rows)}
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, vectors=vectors, **columns)
        content = buffer.getvalue()
        manifest = Manifest.of(
            collection, len(rows), kind="exact", recall=1.0, history=history, asked=kind
        )
        manifest = replace(
            manifest,
            files={_BLOB: File(len(content), hashlib.sha256(content).hexdigest())},
            bytes_per_vector=round(len(content) / max(1, len(rows))),
        )
        connection: sqlite3.Connection = self._builder.connection
        connection.execute(_PUT, (key, json.dumps(asdict(manifest)), content))
        connection.execute("COMMIT")
        return manifest

    def _row(self, key: str, columns: _Columns) -> tuple[Any, ...] | None:
        """Return what the last transaction left under a key, or None."""
        _require_plain(key)
        if not self._path.exists():
            return None
        try:
            with closing(self._connect("rw")) as connection:
                found: tuple[Any, ...] | None = connection.execute(
                    f"SELECT {columns} FROM published WHERE key = ?",  # three literals
                    (key,),
                ).fetchone()
            return found
        except sqlite3.Error as error:
            if "no such table" in str(error):
                return None
            raise ServiceUnavailable(
                f"{self._path} cannot be read: {error}; if it is damaged, delete it and run "
                "`indexer build`"
            ) from error

    def _connect(self, mode: Literal["rw", "rwc"]) -> sqlite3.Connection:
        """Open the file; "rw" reads a write-protected one as well, and makes none."""
        uri = f"{self._path.absolute().as_uri()}?mode={mode}"
        return sqlite3.connect(uri, uri=True, timeout=_WAIT_S, isolation_level=None)

    def _parsed(self, key: str, text: str) -> Manifest:
        try:
            return Manifest.parse(text.encode())
        except ValueError as error:
            raise self._damaged(key, str(error)) from error

    def _damaged(self, key: str, problem: str) -> ServiceUnavailable:
        return ServiceUnavailable(f"{self._path} is damaged: {key}: {problem}; run `indexer build`")


def _require_plain(key: str) -> None:
    if not key or key.startswith(".") or set(key) & {"/", "\\", "\0"}:
        raise ValueError(f"collection must be a plain name, got {key!r}")
