"""How long a large collection takes to export and to import, and how much memory.

    python -m benchmarks.archive [--segments N] [--json]

Makes a collection of random vectors (512 dimensions, 25 segments a video, two frames a segment,
no thumbnails) in a SQLite file, and runs `indexer export` and `indexer import` as commands. Beside
them it copies the database as SQLite's own backup does, which is the straightforward way and
neither checks anything nor moves to another kind of database. The last line is one JSON object:
seconds, peaks of memory in MB (`VmHWM`), and seconds divided by those of the copy.
"""

import argparse
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from benchmarks.servers import ROOT
from clipseek.assembly import open_writer
from clipseek.catalog import SqlCatalog
from clipseek.config import Settings
from clipseek.stored import FrameRows, SegmentRow, VideoRows
from clipseek.types import PICTURE, Span, Video

DIM, SEGMENTS, FRAMES, AT_ONCE = 512, 25, 50, 40
INDEXED_AT = "2026-01-01T00:00:00Z"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print one object."""
    parser = argparse.ArgumentParser(description="Export and import a large collection.")
    parser.add_argument("--segments", type=int, default=1_000_000, help="how many (1000000)")
    parser.add_argument("--json", action="store_true", help="print one object")
    options = parser.parse_args(arguments)
    videos = options.segments // SEGMENTS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _make(folder / "from", videos)
        copy_s = _copied(folder / "from" / "catalog.db", folder / "copy.db")
        (folder / "copy.db").unlink()
        export_s, export_mb = _ran(folder / "from", "export", str(folder / "archive"))
        (folder / "from" / "catalog.db").unlink()
        import_s, import_mb = _ran(folder / "to", "import", str(folder / "archive"))
        size = sum(path.stat().st_size for path in (folder / "archive").iterdir())
    said = {
        "name": "archive",
        "segments": videos * SEGMENTS,
        "mb": round(size / 1e6),
        "copy_s": round(copy_s, 1),
        "export_s": round(export_s, 1),
        "import_s": round(import_s, 1),
        "export_ratio": round(export_s / copy_s, 2),
        "import_ratio": round(import_s / copy_s, 2),
        "export_mb": round(export_mb),
        "import_mb": round(import_mb),
    }
    sys.stdout.write(json.dumps(said) + "\n")
    return 0


def _make(folder: Path, videos: int) -> None:
    """Fill a catalog with random rows, as an ingest stores them."""
    with open_writer(Settings.load(data_dir=folder), create=True):
        pass
    chance = np.random.default_rng(0)
    with closing(SqlCatalog.open(f"sqlite:///{folder / 'catalog.db'}")) as catalog:
        catalog.ensure_collection("default", "random", DIM, "0" * 64)
        for first in range(0, videos, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, videos))
            catalog.restore("default", [_video(number, chance) for number in numbers])


def _video(number: int, chance: np.random.Generator) -> VideoRows:
    name = f"{number:032x}"
    vectors = chance.standard_normal((SEGMENTS + FRAMES, DIM)).astype("<f2")
    segments = tuple(
        SegmentRow(
            PICTURE,
            Span(2.0 * i, 2.0 * i + 2.0),
            2.0 * i,
            0.0,
            f"default/{name[:2]}/{name}/{2000 * i:09d}-{'0' * 12}.jpg",
            vectors[i],
        )
        for i in range(SEGMENTS)
    )
    video = Video(
        name,
        f"/videos/{name}.mp4",
        name,
        2.0 * SEGMENTS,
        640,
        360,
        10**6,
        segments=SEGMENTS,
        indexed_at=INDEXED_AT,
        stamp="1-1000000",
    )
    return VideoRows(video, segments, FrameRows(np.arange(FRAMES, dtype="<f4"), vectors[SEGMENTS:]))


def _copied(source: Path, target: Path) -> float:
    """Return how many seconds SQLite's backup takes, with the copy on the disk."""
    began = time.perf_counter()
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target)) as written:
        read.backup(written)
    return time.perf_counter() - began


def _ran(data: Path, *arguments: str) -> tuple[float, float]:
    """Run a command; return its seconds and the peak of its memory in MB."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    command = [sys.executable, "-m", "indexer", "--data-dir", str(data), *arguments, "--quiet"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    began = time.perf_counter()
    subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, check=True, stdout=subprocess.DEVNULL
    )
    took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    if peak == before:
        sys.stderr.write("the peak is that of an earlier command, which needed more\n")
    return took, peak / 1024


if __name__ == "__main__":
    sys.exit(main())
