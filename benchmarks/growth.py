"""What a camera costs the catalog: rows and bytes in a day, by how its chunks grow.

    python -m benchmarks.growth [--seconds S] [--dim D]

A camera is played in fast motion into a catalog in SQLite: frames each second, a commit each
second, or every two if a moment only lasts longer, one chunk of five minutes after the other, and
vectors of D components. Three cameras: a busy one (another scene each 6 s), a quiet one (each 60 s,
and frames that differ a little), and a still one (a frame in 10 s). Each is stored in two ways:
`grow`, as the recorder does, and `put`, the whole chunk again with each commit, which a recorder
without `grow` would have to do.

Prints one JSON object for each: rows of segments written and kept and changes in a day, and bytes
in a day: those that are kept (without free pages), and those written to the log of the database,
which an SSD has to bear and a standby has to receive.
"""

import argparse
import json
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipseek.cameras import Camera
from clipseek.catalog import SqlCatalog
from clipseek.catalog.cameras import SqlCameras
from clipseek.live import naming
from clipseek.live.growing import Grown, OpenChunk
from clipseek.model import Model
from clipseek.stored import Growth
from clipseek.testing import ToyEmbedder
from clipseek.types import PICTURE, FieldSegments, Relevance, Video

DAY_S = 86_400.0
CHUNK_S = 300
JPEG = b"\xff\xd8 picture \xff\xd9"
SCENES_S = {"busy": 6, "quiet": 60, "still": 0}
STILL_S = 10
QUIET_S, LONGER_S = 3, 2
BEGIN = 1_795_946_400.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a line for each camera and way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=1800)
    parser.add_argument("--dim", type=int, default=512)
    options = parser.parse_args(arguments)
    for camera in SCENES_S:
        for way in ("grow", "put"):
            print(json.dumps(measure(camera, way, options.seconds, options.dim)), flush=True)
    return 0


def measure(camera: str, way: str, seconds: int, dim: int) -> dict[str, object]:
    """Play one camera into a new catalog, and return what it cost, by the day."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/catalog.db"
        with closing(SqlCatalog.open(url)) as catalog, closing(SqlCameras.open(url)) as cameras:
            catalog.ensure_collection("default", "toy", dim, "toy-1")
            cameras.add(Camera("door", "default", "rtsp://a.example/", b"sealed"))
            cameras.take("me", 1e9, 1)
            path, played = Path(folder) / "catalog.db", _Played(camera, way, dim)
            _emptied(path)
            empty = _size(path)
            for chunk in range(0, seconds, CHUNK_S):
                played.chunk(catalog, path, chunk, min(CHUNK_S, seconds - chunk))
            kept = catalog.counts("default")[1]
            changes = catalog.collection("default").version
            size = _size(path) - empty
    days = seconds / DAY_S
    return {
        "name": f"growth {camera} {way}",
        "segments_written": round(played.segments / days),
        "segments_kept": round(kept / days),
        "changes": round(changes / days),
        "mb_kept": round(size / days / 1e6, 1),
        "mb_written": round(played.log / days / 1e6, 1),
    }


@dataclass
class _Played:
    """One camera that is stored in one way; counts the rows and the bytes that were written."""

    camera: str
    way: str
    dim: int
    segments: int = 0
    log: int = 0

    def chunk(self, catalog: SqlCatalog, path: Path, begin: int, length: int) -> None:
        """Play one chunk."""
        model, rng, whole = _model(self.dim), np.random.default_rng(begin), _Whole()
        draft = OpenChunk(_video(BEGIN + begin), "default")
        for second in range(length):
            is_sampled = self.camera != "still" or second % STILL_S == 0
            if is_sampled:
                vector = _vector(self.camera, begin + second, self.dim, rng)
                draft.add(float(second), cut=False, vector=vector, jpeg=JPEG)
            draft.reached = float(second)
            is_last = second == length - 1
            if is_sampled or is_last or second % QUIET_S == 0:
                grown = draft.grow(model, closes=is_last)
                is_skipped = not is_last and second % LONGER_S
                if grown is not None and not (grown.lengthens and is_skipped):
                    self._store(catalog, grown, whole, draft)
                    self.log += _emptied(path)
                    draft.committed(grown)

    def _store(self, catalog: SqlCatalog, grown: Grown, whole: "_Whole", draft: OpenChunk) -> None:
        put = grown.growth.put
        if self.way == "put":
            fields = {PICTURE: whole.joined(grown.growth)}
            put = replace(put, fields=fields, frames=draft.frames())
            catalog.put("default", put)
        else:
            catalog.grow("default", [grown.growth], by="me")
        self.segments += len(put.fields[PICTURE])


def _video(at: float) -> Video:
    return Video(
        naming.chunk_id("0123456789abcdef", at),
        naming.chunk_uri("door", at),
        naming.title("door", at),
        0.0,
        1280,
        720,
        0,
        recorded_at=naming.recorded_at(at),
        stream="door",
    )


class _Whole:
    """All segments of a chunk so far, as a `put` needs them."""

    def __init__(self) -> None:
        self._now: FieldSegments | None = None

    def joined(self, growth: Growth) -> FieldSegments:
        """Return them after a growth."""
        new = growth.put.fields[PICTURE]
        old = self._now
        if old is None:
            self._now = new
            return new
        keep = int(np.searchsorted(old.spans[:, 0], growth.since))
        assert old.shots is not None
        assert new.shots is not None
        self._now = FieldSegments(
            np.concatenate([old.spans[:keep], new.spans]),
            np.concatenate([old.vectors[:keep], new.vectors]),
            np.concatenate([old.best_times[:keep], new.best_times]),
            np.concatenate([old.biases[:keep], new.biases]),
            [*old.thumbnails[:keep], *new.thumbnails],
            np.concatenate([old.shots[:keep], new.shots]),
        )
        return self._now


def _model(dim: int) -> Model:
    bank = np.eye(1, dim, dtype=np.float32)
    return Model("toy", ToyEmbedder(), 100.0, 0.85, Relevance(1.0, 0.0, fitted=False), bank)


def _vector(camera: str, second: int, dim: int, rng: np.random.Generator) -> NDArray[np.float32]:
    scene = second // SCENES_S[camera] if SCENES_S[camera] else 0
    centre = np.random.default_rng(scene).normal(size=dim)
    row = centre / np.linalg.norm(centre) + rng.normal(scale=0.2 / dim**0.5, size=dim)
    unit: NDArray[np.float32] = (row / np.linalg.norm(row)).astype(np.float32)
    return unit


def _emptied(path: Path) -> int:
    """Return the bytes in the log of SQLite, and empty it into the file."""
    log = Path(f"{path}-wal")
    size = log.stat().st_size
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return size


def _size(path: Path) -> int:
    """Return the bytes of the pages that are in use."""
    names = ("page_count", "freelist_count", "page_size")
    with closing(sqlite3.connect(path)) as connection:
        pages, free, size = (
            int(connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in names
        )
    return (pages - free) * size


if __name__ == "__main__":
    sys.exit(main())
