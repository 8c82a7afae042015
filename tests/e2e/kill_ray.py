"""Kill workers of Ray at random moments of an ingest, and compare with one in threads.

`python -m tests.e2e.kill_ray --kills 50` ends with one JSON line: kills, runs, different. Exit 1
unless nothing is different: no video is lost, doubled or changed.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from clipseek.assembly import open_service
from clipseek.config import Settings
from clipseek.demo.videos import make_videos
from indexer import runners
from indexer.cli import main as indexer

PAUSE_S = 1.5


def contents(data_dir: Path) -> tuple[list[object], dict[str, bytes], int]:
    """Return what is stored, without ids and times of day: rows, pictures, number of changes."""
    settings = Settings.load(data_dir=data_dir)
    service = open_service(settings)
    try:
        rows: list[object] = [
            (
                vars_of(each.video, without=("indexed_at",)),
                [vars_of(segment) for segment in each.segments],
                each.frames and vars_of(each.frames),
                each.texts,
            )
            for each in service.catalog.stored("default", limit=10_000)
        ]
        changes = len(service.catalog.changes("default", 0))
    finally:
        service.close()
    root = settings.thumbnail_root
    files = [path for path in root.rglob("*") if path.is_file()]
    return rows, {str(path.relative_to(root)): path.read_bytes() for path in files}, changes


def vars_of(value: object, without: Sequence[str] = ()) -> dict[str, object]:
    """Return the fields of a value, arrays as their bytes."""
    names = [name for name in value.__dataclass_fields__ if name not in without]  # type: ignore[attr-defined]  # it is a dataclass
    found = {name: getattr(value, name) for name in names}
    return {n: each.tobytes() if hasattr(each, "tobytes") else each for n, each in found.items()}


def workers(*kinds: str) -> list[int]:
    """Return the ids of the processes of Ray that run a task or an actor of these names now."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            said = path.read_bytes().partition(b"\0")[0].decode("utf-8", "replace")
        except OSError:
            continue
        if any(said.startswith(f"ray::{kind}") for kind in kinds):
            found.append(int(path.parent.name))
    return found


def run(kills: int, videos: int, seed: int) -> dict[str, int]:
    """Do the experiment and count what went wrong."""
    chance = random.Random(seed)
    counts = {"kills": 0, "runs": 0, "different": 0}
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as pool:
        root = Path(folder)
        make_videos(videos, seed, root / "videos")
        command = ["ingest", str(root / "videos"), "--model", "demo", "--quiet", "--no-build"]
        if indexer(["--data-dir", str(root / "calm"), *command]) != 0:
            raise SystemExit("the undisturbed run failed")
        expected = contents(root / "calm")
        module = runners.ray_of(Settings.load())
        with module.cluster.Cluster(None, cpus=4):
            while counts["kills"] < kills:
                data_dir = root / "killed"
                shutil.rmtree(data_dir, ignore_errors=True)
                is_over = threading.Event()
                # A video fails, and says so, once more workers than that have died over it.
                most = min(kills - counts["kills"], module.RETRIES)
                killing = pool.submit(_kill, is_over, most, chance)
                code = indexer(["--data-dir", str(data_dir), *command, "--runner", "ray"])
                is_over.set()
                counts["kills"] += killing.result()
                counts["runs"] += 1
                is_same = code == 0 and contents(data_dir) == expected
                counts["different"] += not is_same
                print(json.dumps(counts), file=sys.stderr, flush=True)
    return counts


def _kill(is_over: threading.Event, most: int, chance: random.Random) -> int:
    """Kill random workers until a run is over; return how many."""
    killed = 0
    while killed < most and not is_over.wait(chance.uniform(0, PAUSE_S)):
        for process in sorted(workers("_read", "_Embedding"), key=lambda _: chance.random())[:1]:
            os.kill(process, signal.SIGKILL)
            killed += 1
    return killed


def main() -> int:
    """Run the experiment of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--videos", type=int, default=24)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    options = parser.parse_args()
    counts = run(options.kills, options.videos, options.seed)
    print(json.dumps({**counts, "seed": options.seed}))
    return 1 if counts["different"] else 0


if __name__ == "__main__":
    sys.exit(main())
