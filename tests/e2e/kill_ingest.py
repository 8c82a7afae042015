"""Kill `indexer ingest` at random moments, run it again, and compare with an undisturbed run.

`python -m tests.e2e.kill_ingest --kills 50` ends with one JSON line: kills, lost, duplicates,
different, unclean (times that `indexer verify` found a problem). Exit 1 unless all are 0.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipseek.assembly import open_service
from clipseek.config import Settings
from clipseek.demo.videos import make_videos

TOLERANCE = 2 / 127
"""Videos share batches, and a kill changes who shares with whom: sums are ordered differently, and
a component may get the next code, which is so far away at most."""


@dataclass(frozen=True)
class Stored:
    """What the catalog holds of one video, without ids, versions and times of day."""

    rows: tuple[tuple[object, ...], ...]
    vectors: NDArray[np.float32]

    def same(self, other: "Stored") -> bool:
        """Whether both are the same video with the same segments."""
        return self.rows == other.rows and bool(
            np.allclose(self.vectors, other.vectors, atol=TOLERANCE)
        )


def stored(data_dir: Path) -> dict[str, list[Stored]]:
    """Read a data folder: for each file name, the videos that were indexed from it."""
    service = open_service(Settings.load(data_dir=data_dir))
    try:
        catalog = service.catalog
        found: dict[str, list[Stored]] = {}
        for video in catalog.videos("default", limit=10_000):
            segments = catalog.segments("default", video.id)
            rows = tuple((s.span, s.best_time, s.thumbnail) for s in segments)
            head = (video.id, video.state, video.duration, video.segments)
            _, vectors = catalog.frame_vectors("default", video.id)
            found.setdefault(Path(video.uri).name, []).append(Stored((head, *rows), vectors))
        return found
    finally:
        service.close()


def ingest(videos: Path, data_dir: Path) -> "subprocess.Popen[bytes]":
    """Start an ingest of the videos."""
    command = [sys.executable, "-m", "indexer", "--data-dir", str(data_dir), "ingest", str(videos)]
    # Frame vectors are compared. What a killed run had in hand is soon taken over.
    kept = os.environ | {"CLIPSEEK_KEEP_FRAME_VECTORS": "true", "CLIPSEEK_JOB_LEASE_S": "1"}
    return subprocess.Popen([*command, "--model", "demo", "--quiet"], env=kept)


def verified(data_dir: Path) -> bool:
    """Whether `indexer verify` finds nothing wrong."""
    command = [sys.executable, "-m", "indexer", "--data-dir", str(data_dir), "verify"]
    return subprocess.run(command, check=False, stdout=sys.stderr).returncode == 0


def run(kills: int, videos: int, seed: int) -> dict[str, int]:
    """Do the experiment and count what went wrong."""
    chance = random.Random(seed)
    counts = {"kills": 0, "lost": 0, "duplicates": 0, "different": 0, "unclean": 0}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_videos(videos, seed, root / "videos")
        start = time.monotonic()
        if ingest(root / "videos", root / "calm").wait() != 0:
            raise SystemExit("the undisturbed run failed")
        lasts_s = time.monotonic() - start
        expected = stored(root / "calm")
        while counts["kills"] < kills:
            data_dir = root / "killed"
            shutil.rmtree(data_dir, ignore_errors=True)
            for _ in range(min(chance.choice((1, 1, 2)), kills - counts["kills"])):
                counts["kills"] += _kill(root / "videos", data_dir, chance.uniform(0, lasts_s))
            if ingest(root / "videos", data_dir).wait() != 0:
                counts["unclean"] += 1
            _compare(expected, stored(data_dir), counts)
            counts["unclean"] += not verified(data_dir)
            print(json.dumps(counts), file=sys.stderr, flush=True)
    return counts


def _kill(videos: Path, data_dir: Path, after_s: float) -> int:
    """Start an ingest and kill it after a while; 1 if it was still running then."""
    process = ingest(videos, data_dir)
    try:
        process.wait(timeout=after_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return 1
    return 0


def _compare(
    expected: dict[str, list[Stored]], found: dict[str, list[Stored]], counts: dict[str, int]
) -> None:
    for name, (video,) in expected.items():
        copies = found.get(name, [])
        counts["lost"] += not copies
        counts["duplicates"] += len(copies) > 1
        counts["different"] += any(not video.same(copy) for copy in copies)
    counts["different"] += len(set(found) - set(expected))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--videos", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    counts = run(options.kills, options.videos, options.seed)
    print(json.dumps(counts))
    return int(any(count for name, count in counts.items() if name != "kills"))


if __name__ == "__main__":
    sys.exit(main())
