"""How long a large collection takes to export and to import, and how much memory.

    python -m benchmarks.archive [--segments N] [--json]

Makes a collection of random vectors (512 dimensions, 25 segments a video, two frames a segment,
no thumbnails) in a SQLite file, and runs `indexer export` and `indexer import` as commands. Beside
them it copies the database as SQLite's own backup does, which is the straightforward way and
neither checks anything nor moves to another kind of database. The last line is one JSON object:
seconds, peaks of memory in MB, and seconds divided by those of the copy. `import_…` are those until
all rows are stored, and `publish_…` those of the index that is built then.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
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
        exported = _ran(folder / "from", "export", str(folder / "archive"))
        (folder / "from" / "catalog.db").unlink()
        imported = _ran(folder / "to", "import", str(folder / "archive"))
        size = sum(path.stat().st_size for path in (folder / "archive").iterdir())
    said = {
        "name": "archive",
        "segments": videos * SEGMENTS,
        "mb": round(size / 1e6),
        "copy_s": round(copy_s, 1),
        "export_s": round(exported.s, 1),
        "import_s": round(imported.parts_s, 1),
        "publish_s": round(imported.s - imported.parts_s, 1),
        "export_ratio": round(exported.s / copy_s, 2),
        "import_ratio": round(imported.parts_s / copy_s, 2),
        "export_mb": round(exported.mb),
        "import_mb": round(imported.parts_mb),
        "publish_mb": round(imported.mb),
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
    vectors = chance.integers(-127, 128, (SEGMENTS + FRAMES, DIM), np.int8)
    segments = tuple(
        SegmentRow(
            PICTURE,
            Span(2.0 * i, 2.0 * i + 2.0),
            2.0 * i,
            0.0,
            f"default/{name[:2]}/{name}/{2000 * i:09d}-{'0' * 12}.jpg",
            vectors[i],
            True,
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


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds of a command and the peak of its memory in MB, to its last part and to its end."""

    parts_s: float
    parts_mb: float
    s: float
    mb: float


def _ran(data: Path, *arguments: str) -> Run:
    """Run a command; an import says on stderr which parts are stored."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    command = [sys.executable, "-m", "indexer", "--data-dir", str(data), *arguments]
    began = time.perf_counter()
    parts_s = parts_mb = 0.0
    with subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("stored"):
                parts_s, parts_mb = time.perf_counter() - began, _peak_mb(process.pid)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Run(parts_s, parts_mb, time.perf_counter() - began, used.ru_maxrss / 1024)


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text("ascii", errors="replace")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    sys.exit(main())
