"""Bytes of a database for an hour of real video, now and with vectors of two bytes a component.

    python -m benchmarks.database FOLDER [--dim D ...]

Indexes the videos of a folder with the demo model and a random matrix after it, which makes its
vectors D components long: what they say does not matter for bytes, but how many frames and segments
there are depends on it a little. Then the same rows are stored again in SQLite and PostgreSQL, each
as it is and with every vector of pictures in float16.

Prints one JSON object for each length and database: frames and segments in an hour, bytes of an
hour in each table with its indexes without what an empty database has, and the ratio of both.
"""

import argparse
import json
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import psycopg
from numpy.typing import NDArray

from benchmarks import million
from benchmarks.measurements import postgresql_server, ran, sqlite_bytes
from benchmarks.million import folder_of
from clipseek.catalog import SqlCatalog, codes
from clipseek.stored import VideoRows

TABLES = ("segments", "frame_vectors", "videos", "changes", "texts", "tags")
PAGE = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print an object for each length of vectors and database."""
    parser = argparse.ArgumentParser(description="Measure bytes of a database for an hour.")
    parser.add_argument("folder", type=Path, help="of videos")
    parser.add_argument("--dim", type=int, nargs="+", default=[512, 1024], help="components")
    options = parser.parse_args(arguments)
    for dim in options.dim:
        with folder_of(None) as work:
            for said in measure(work, options.folder, dim):
                sys.stdout.write(json.dumps(said) + "\n")
                sys.stdout.flush()
    return 0


def measure(work: Path, videos: Path, dim: int) -> Iterator[dict[str, object]]:
    """Index a folder with vectors of a length, and yield what each database takes."""
    million.longer_model(work / "model", dim=dim)
    command = [sys.executable, "-m", "indexer", "--data-dir", str(work / "data"), "ingest"]
    options = ["--model", str(work / "model"), "--no-build", "--quiet"]
    ran(*command, str(videos), *options, may_fail=True)
    with closing(SqlCatalog.open(f"sqlite:///{work}/data/catalog.db")) as catalog:
        found = catalog.collection("default")
        rows = catalog.stored("default", limit=10**6)
    hours = sum(each.video.duration for each in rows) / 3600
    frames = sum(len(each.frames.times) for each in rows if each.frames is not None)
    about = {
        "hours": round(hours, 3),
        "frames_per_hour": round(frames / hours),
        "segments_per_hour": round(sum(len(each.segments) for each in rows) / hours),
    }
    for name, kind in (("sqlite", in_sqlite), ("postgresql", in_postgresql)):
        empty = kind(work, [], found.dim)
        now, before = kind(work, rows, dim), kind(work, list(map(doubled, rows)), 2 * dim)
        tables = {
            table: [round((some[table] - empty[table]) / hours) for some in (before, now)]
            for table in TABLES
        }
        whole = [sum(some[table] - empty[table] for table in TABLES) for some in (before, now)]
        yield {
            "name": f"database {name} {dim}",
            **about,
            "before_and_now": tables,
            "all": [round(each / hours) for each in whole],
            "ratio": round(whole[1] / whole[0], 3),
        }


def doubled(rows: VideoRows) -> VideoRows:
    """Return a video with the same vectors in float16, as bytes."""
    frames = rows.frames
    if frames is not None:
        frames = replace(frames, vectors=_halves(frames.vectors))
    segments = [replace(each, vector=_halves(each.vector[None])[0]) for each in rows.segments]
    return replace(rows, frames=frames, segments=tuple(segments))


def _halves(vectors: NDArray[np.int8]) -> NDArray[np.int8]:
    return codes.unpack(vectors).astype("<f2").view(np.int8)


def in_sqlite(work: Path, rows: Sequence[VideoRows], dim: int) -> dict[str, int]:
    """Store rows in a new file, and return the bytes of each table with its indexes."""
    path = work / "again.db"
    path.unlink(missing_ok=True)
    _store(f"sqlite:///{path}", rows, dim)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM")
    return sqlite_bytes(path)


def in_postgresql(_work: Path, rows: Sequence[VideoRows], dim: int) -> dict[str, int]:
    """Store rows in a new database, and return the bytes of each table with its indexes."""
    with postgresql_server() as url:
        _store(url, rows, dim)
        with psycopg.connect(url) as connection:
            found = connection.execute(
                """SELECT relname, pg_total_relation_size(oid) FROM pg_class
                   WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"""
            ).fetchall()
    return dict(found)


def _store(url: str, rows: Sequence[VideoRows], dim: int) -> None:
    with closing(SqlCatalog.open(url)) as catalog:
        catalog.ensure_collection("default", "made", dim, "f" * 64)
        for start in range(0, len(rows), PAGE):
            catalog.restore("default", rows[start : start + PAGE])


if __name__ == "__main__":
    sys.exit(main())
