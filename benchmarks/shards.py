"""One index searched whole, in two shards here, and with the second shard at a peer.

    python -m benchmarks.shards [--segments N] [--dim D] [--queries Q] [--kind K] [--json]

Vectors and sentences are generated (`benchmarks.frames`) and stored in SQLite. The peer is
`python -m api` in a process of its own, asked over loopback with seals. The three are searched in
turns, one query at a time, through a view, as the API does. A filter lets half of the videos
through.

`query_ms`, `filtered_ms`: median times of a query. `composed_ms`: of the vectors of 1024 segments,
which a query of several parts needs. `recall`: recall@10 against exact search in NumPy. `equal`:
share of the queries, filtered and not, whose ids and scores are those of the whole index.
`build_mib`: most memory of a build in a process of its own, less what it had before, and without
pages of files, which the kernel takes back if it must.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.frames import VIDEO, Vectors, made
from benchmarks.servers import serving
from clipseek import publishing
from clipseek.assembly import open_service, open_writer
from clipseek.config import Settings
from clipseek.index import KINDS, ExactIndex
from clipseek.library.parts import vectors_of
from clipseek.library.view import View
from clipseek.publishing import FolderStore, Serving
from clipseek.query import Filters
from clipseek.types import PICTURE, FieldSegments, Put, Video

K, ASKED, COMPOSED = 10, 60, 1024
SHARDS = 2
SECRET = "a secret of this benchmark"  # noqa: S105  of a process that it starts and ends


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured of one way to search."""

    way: str
    build_s: float
    build_mib: float
    query_ms: float
    filtered_ms: float
    composed_ms: float
    recall: float
    equal: float


def fill(folder: Path, frames: Vectors) -> None:
    """Store the vectors as videos of `VIDEO` segments; every second one is in the folder `even`."""
    with open_writer(Settings.load(data_dir=folder), create=True) as service:
        service.catalog.ensure_collection("default", "demo", frames.shape[1], "generated")
        for number, start in enumerate(range(0, len(frames), VIDEO)):
            vectors = frames[start : start + VIDEO]
            edges = np.arange(0, 2 * len(vectors) + 1, 2, dtype=np.float64)
            name = f"{number:032x}"
            uri = f"/{'odd' if number % 2 else 'even'}/{name}.mp4"
            segments = FieldSegments(
                spans=np.stack([edges[:-1], edges[1:]], axis=1),
                vectors=vectors,
                best_times=edges[:-1],
                biases=np.zeros(len(vectors), np.float32),
                thumbnails=["none.jpg"] * len(vectors),
            )
            video = Video(name, uri, name, float(edges[-1]), 64, 48, 1)
            service.catalog.put("default", Put(video, {PICTURE: segments}))


def build(folder: Path, shards: int, kind: str) -> tuple[float, float]:
    """Build in a process of its own; return seconds and the MiB of memory that it took."""
    said = subprocess.run(
        [sys.executable, "-m", "benchmarks.shards", "--build", str(folder), str(shards), kind],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, mib = map(float, said.stdout.split())
    return seconds, mib


def built(folder: Path, shards: int, kind: str) -> None:
    """Build, and print what it took."""
    with open_writer(Settings.load(data_dir=folder)) as service:
        root = _root(folder, shards)
        before, started, ended = _memory(), time.perf_counter(), threading.Event()
        most = [before]

        def look() -> None:
            while not ended.wait(0.005):
                most[0] = max(most[0], _memory())

        looking = threading.Thread(target=look)
        looking.start()
        publishing.build(
            *(service.catalog, FolderStore(root, shards=shards), "default"),
            kind=kind,  # type: ignore[arg-type]  # argparse has checked it
            spool=root,
        )
        seconds = time.perf_counter() - started
        ended.set()
        looking.join()
        sys.stdout.write(f"{seconds} {most[0] - before}\n")


def _root(folder: Path, shards: int) -> Path:
    return folder / ("snapshots" if shards > 1 else "whole")


def _memory() -> float:
    """Return MiB of this process that no file has, as Linux counts them."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) / 1024


def measured(segments: int, dim: int, queries: int, kind: str) -> list[Figure]:
    """Build both, search all three in turns, and compare the answers."""
    frames = made(segments, dim, sentences=queries)
    asked = frames.asked[:queries]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder, frames.frames)
        costs = {shards: build(folder, shards, kind) for shards in (1, SHARDS)}
        given = {"CLIPSEEK_DATA_DIR": name, "CLIPSEEK_SHARD_SECRET": SECRET, "CLIPSEEK_SHARD": "2"}
        with (
            serving(["api", "--quiet"], "healthz", given) as peer,
            open_service(
                Settings.load(
                    data_dir=folder,
                    shard="1",
                    shard_peers=f"2={peer.url.rstrip('/')}",
                    shard_secret=SECRET,
                    shard_deadline_s=60,
                )
            ) as service,
        ):
            views = {
                "whole": View.open(
                    service.catalog, FolderStore(_root(folder, 1), serving=Serving()), "default"
                ),
                "two shards here": View.open(
                    service.catalog, FolderStore(_root(folder, SHARDS)), "default"
                ),
                "one shard at a peer": service.collections.latest("default").view,
            }
            return _figures(views, asked, costs)


def _figures(
    views: dict[str, View],
    asked: Vectors,
    costs: dict[int, tuple[float, float]],
) -> list[Figure]:
    whole = views["whole"]
    ids = np.sort(np.concatenate([part.table.ids for part in whole.parts]))
    truth = ExactIndex(ids, vectors_of(whole.parts, ids))
    half = ids[(np.arange(len(ids)) // VIDEO) % 2 == 0]
    only = Filters(folder="/even")
    some = np.sort(np.random.default_rng(0).choice(ids, min(COMPOSED, len(ids)), replace=False))
    times: dict[tuple[str, str], list[float]] = {}
    for row in range(-2, len(asked)):  # the first two only warm up
        query = asked[row, None]
        for way, view in views.items():
            acts: dict[str, Callable[[], object]] = {
                "query": lambda view=view, query=query: view.search(query, K),  # type: ignore[misc]
                "filtered": lambda view=view, query=query: view.search(query, K, only=only),  # type: ignore[misc]
                "composed": lambda view=view: vectors_of(view.parts, some),  # type: ignore[misc]
            }
            for act, do in acts.items():
                started = time.perf_counter()
                do()
                if row >= 0:
                    took = 1000 * (time.perf_counter() - started)
                    times.setdefault((way, act), []).append(took)
    figures = []
    for way, view in views.items():
        right, same = [], []
        for filters, allow in ((None, None), (only, half)):
            ours, theirs = (each.search(asked, K, only=filters) for each in (view, whole))
            true = truth.search(asked, K, allow=allow)
            right += _common(ours.ids, true.ids)
            same.append((ours.ids == theirs.ids) & (ours.scores == theirs.scores))
        shards = 1 if view is whole else SHARDS
        figures.append(
            Figure(
                way,
                build_s=round(costs[shards][0], 1),
                build_mib=round(costs[shards][1]),
                **{
                    f"{act}_ms": round(statistics.median(times[way, act]), 2)
                    for act in ("query", "filtered", "composed")
                },
                recall=round(sum(right) / (K * len(right)), 4),
                equal=round(float(np.concatenate(same).all(axis=1).mean()), 4),
            )
        )
    return figures


def _common(ours: NDArray[np.int64], theirs: NDArray[np.int64]) -> list[int]:
    return [len(np.intersect1d(*pair)) for pair in zip(ours, theirs, strict=True)]


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(description="One index, whole and in two shards, in turns.")
    options.add_argument("--segments", type=int, default=100_000)
    options.add_argument("--dim", type=int, default=512)
    options.add_argument("--queries", type=int, default=ASKED)
    options.add_argument("--kind", choices=("auto", *KINDS), default="auto")
    options.add_argument("--json", action="store_true", help="print one object per line")
    options.add_argument("--build", nargs=3, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.build is not None:
        folder, shards, kind = given.build
        built(Path(folder), int(shards), kind)
        return 0
    for figure in measured(given.segments, given.dim, given.queries, given.kind):
        if given.json:
            print(json.dumps(asdict(figure)))
        else:
            print(", ".join(f"{name} {value}" for name, value in asdict(figure).items()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
