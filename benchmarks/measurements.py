"""What a library needs on this machine: bytes of what is stored, memory and time of what runs.

Everything is made in a folder that is deleted afterwards: demo videos that the indexer indexes, and
libraries of generated vectors (`benchmarks.vectors`) with the same model, which a server searches.
Times are CPU time, so that other work on the machine disturbs them little.
"""

import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
import psycopg
from numpy.typing import NDArray

from benchmarks.library import put_of
from benchmarks.servers import ROOT, Server, serving
from benchmarks.vectors import made
from clipseek.assembly import open_writer
from clipseek.catalog import SqlCatalog
from clipseek.config import Settings
from clipseek.demo.videos import make_videos
from clipseek.embedding import models
from clipseek.embedding.bundle import Bundle
from clipseek.index import FaissIndex
from clipseek.protocols import CatalogWriter
from clipseek.publishing import FolderStore, Manifest
from clipseek.publishing.files import SEGMENTS
from clipseek.publishing.manifest import INDEX
from clipseek.types import Video
from tests.contracts import postgres

SMALL, PER_VIDEO, VIDEOS_SEED = 500, 50, 7
WARM_UP, ASKED, K = 20, 400, 100
_BUILD = """
import sys
from pathlib import Path
from indexer.cli import main

code = main(["--data-dir", sys.argv[1], "build", "--quiet"])
status = Path("/proc/self/status").read_text("utf-8").splitlines()
print(next(line for line in status if line.startswith("VmHWM:")).split()[1])
sys.exit(code)
"""
"""Builds, and prints the most KiB that the process held. Its `ru_maxrss` would begin with ours."""
_TABLES = {
    "segments": ("segments",),
    "frame_vectors": ("frame_vectors",),
    "videos": ("videos", "changes"),
}

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Rows:
    """Bytes of a database, with its indexes, for a segment, a frame's vector and a video."""

    segment: float
    frame: float
    video: float


@dataclass(frozen=True, slots=True)
class Measurements:
    """What was measured, and where.

    `model`, `dim`: what it was measured with. `rows`: segments of the larger library.
    `kind`, `recall`: of the index that represents large libraries, built over the same vectors.
    `exact_bytes`, `approximate_bytes`, `table_bytes`: of the snapshot's files, per segment.
    `replica_bytes`: resident memory of a server with a small library. `memory_ratio`: bytes that it
    grows by per byte of the snapshot, at least 1. `build_ratio`: bytes of memory that building
    needs per byte of the vectors in float32, at least 1. `frame_cpu_s`: CPU time to index a frame,
    including decoding.
    `search_cpu_s`: CPU time of a search in a small library. `exact_cpu_s`: what a million
    segments add to it. `approximate_cpu_s`: what `rows` segments add in the other index;
    `approximate_power`: the power of their number that this grows with, from `rows` and a quarter.
    `postgresql`: None if its programs are not installed.
    """

    machine: str
    cores: int
    model: str
    dim: int
    rows: int
    exact_bytes: float
    kind: str
    recall: float
    approximate_bytes: float
    table_bytes: float
    replica_bytes: float
    memory_ratio: float
    sqlite: Rows
    postgresql: Rows | None
    thumbnail_bytes: float
    frame_cpu_s: float
    search_cpu_s: float
    exact_cpu_s: float
    approximate_cpu_s: float
    approximate_power: float
    build_ratio: float


@dataclass(frozen=True, slots=True)
class Size:
    """How much is made: videos to index, segments of a library, searches; in which databases."""

    videos: int = 12
    rows: int = 20_000
    searches: int = 100
    postgresql: bool = True


def measure(
    size: Size, model: str, *, checkpoint: Path | None, report: Callable[[str], None]
) -> Measurements:
    """Make libraries of a size under a model, and measure them; `report` is told each step."""
    with tempfile.TemporaryDirectory() as made_here:
        folder = Path(made_here)
        bundle = models.resolve(model, folder / "own", checkpoint=checkpoint, report=report)
        report(f"indexing {size.videos} demo videos")
        frame_s, thumbnail = _indexed(folder, bundle, size.videos)
        report(f"making a library of {size.rows} segments of {bundle.dim} dimensions")
        vectors, sentences = made(size.rows, bundle.dim)
        small, least = _library(folder / "small", bundle, vectors[:SMALL])
        large, most = _library(folder / "large", bundle, vectors)
        report(f"asking {size.searches} searches of a server over it, and of one over {SMALL}")
        (low, at_least), (high, at_most) = (
            _served(folder / name, size.searches) for name in ("small", "large")
        )
        report("building approximate indexes")
        _, quarter_s = _approximate(vectors[: size.rows // 4], sentences)
        index, whole_s = _approximate(vectors, sentences)
        index.save(folder / "approximate")
        more = size.rows - SMALL
        return Measurements(
            machine=_machine(),
            cores=len(os.sched_getaffinity(0)),
            model=bundle.name,
            dim=bundle.dim,
            rows=size.rows,
            exact_bytes=_bytes(large, INDEX) / size.rows,
            approximate_bytes=(folder / "approximate").stat().st_size / size.rows,
            kind=index.kind,
            recall=index.recall,
            table_bytes=_bytes(large, SEGMENTS) / size.rows,
            replica_bytes=low,
            memory_ratio=max(1.0, (high - low) / (_all_bytes(large) - _all_bytes(small))),
            sqlite=_rows(sqlite_bytes(folder / "large" / "catalog.db"), size.rows),
            postgresql=_postgresql(bundle, vectors, report) if size.postgresql else None,
            thumbnail_bytes=thumbnail,
            frame_cpu_s=frame_s,
            search_cpu_s=at_least,
            exact_cpu_s=max(0.0, at_most - at_least) / more * 1e6,
            approximate_cpu_s=whole_s,
            approximate_power=_power(whole_s / quarter_s),
            build_ratio=max(1.0, (most - least) / (4 * bundle.dim * more)),
        )


def write(measured: Measurements, path: Path) -> None:
    """Record measurements, figures to four digits."""
    fields = {name: _rounded(value) for name, value in asdict(measured).items()}
    path.write_text(json.dumps(fields, indent=2) + "\n", "utf-8")


def read(path: Path) -> Measurements:
    """Read what was recorded."""
    fields = json.loads(path.read_text("utf-8"))
    for name in ("sqlite", "postgresql"):
        fields[name] = Rows(**fields[name]) if fields[name] else None
    return Measurements(**fields)


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _machine() -> str:
    """Return the processor's name as Linux gives it."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "unknown processor")


def _indexed(folder: Path, bundle: Bundle, videos: int) -> tuple[float, float]:
    """Index demo videos; return the CPU time per frame, and the mean size of a thumbnail.

    The time of a run that finds nothing to do is subtracted: starting, and loading the model.
    """
    make_videos(videos, VIDEOS_SEED, folder / "videos")
    (embedded, all_s), (_, start_s) = (_ingest(folder, bundle) for _ in range(2))
    sizes = [path.stat().st_size for path in (folder / "demo" / "thumbnails").rglob("*.jpg")]
    return max(all_s - start_s, 1e-3) / embedded, float(np.mean(sizes))


def _ingest(folder: Path, bundle: Bundle) -> tuple[int, float]:
    """Run the indexer over the videos; return the frames that it embedded, and its CPU time."""
    command = [sys.executable, "-m", "indexer", "--data-dir", str(folder / "demo"), "ingest"]
    command += [str(folder / "videos"), "--model", str(bundle.path), "--no-build", "--json"]
    before = _children_s()
    said = ran(*command)
    seconds = _children_s() - before
    return sum(json.loads(line)["embedded"] for line in said.splitlines()), seconds


def _children_s() -> float:
    """Return the processor time of the processes that we started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ran(*command: str, settings: Mapping[str, str] | None = None, may_fail: bool = False) -> str:
    """Run a program of this repository to its end; return what it printed."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, **(settings or {})}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=None, text=True, check=not may_fail
    )
    return done.stdout


def _library(folder: Path, bundle: Bundle, vectors: Vectors) -> tuple[Manifest, int]:
    """Make a catalog in SQLite and its snapshot; return the manifest, and the memory of the build.

    A separate process builds, so that its peak memory can be measured.
    """
    settings = Settings.load(data_dir=folder, model=str(bundle.path))
    service = open_writer(settings, create=True)
    _fill(service.catalog, bundle, vectors)
    service.close()
    peak = built(folder)
    manifest = FolderStore(settings.snapshot_root).manifest("default")
    if manifest is None:
        raise RuntimeError("the build left no snapshot")
    return manifest, peak


def built(folder: Path, settings: Mapping[str, str] | None = None) -> int:
    """Build the index of a library in a process of its own, and return its peak memory, bytes."""
    done = ran(sys.executable, "-c", _BUILD, str(folder), settings=settings)
    return 1024 * int(done.splitlines()[-1])


def _fill(catalog: CatalogWriter, bundle: Bundle, vectors: Vectors) -> None:
    """Put videos of `PER_VIDEO` segments, each of two seconds and one frame."""
    catalog.ensure_collection("default", str(bundle.path), bundle.dim, bundle.fingerprint)
    for number, start in enumerate(range(0, len(vectors), PER_VIDEO)):
        own = vectors[start : start + PER_VIDEO]
        count = len(own)
        name = f"{number:032x}"
        video = Video(name, f"/videos/archive/{name}.mp4", name, 2.0 * count, 1920, 1080, 1)
        thumbnail = f"default/{name[:2]}/{name}/000000000-0123456789ab.jpg"
        catalog.put("default", put_of(video, own, thumbnail=thumbnail))


def _bytes(manifest: Manifest, name: str) -> int:
    return manifest.files[name].bytes


def _all_bytes(manifest: Manifest) -> int:
    return sum(file.bytes for file in manifest.files.values())


def _served(folder: Path, searches: int) -> tuple[int, float]:
    """Start a server over a library; return its memory and the processor time of a search."""
    with serving(["api", "--quiet"], "readyz", {"CLIPSEEK_DATA_DIR": str(folder)}) as server:
        for number in range(WARM_UP):
            _search(server, f"a warm day {number}")
        before = server.cpu_s()
        for number in range(searches):
            _search(server, f"a red car at night {number}")
        return server.memory(), (server.cpu_s() - before) / searches


def _search(server: Server, query: str) -> None:
    body, kind = json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
    with urlopen(Request(f"{server.url}v1/search", body, kind), timeout=60) as answer:  # noqa: S310
        answer.read()


def _approximate(vectors: Vectors, sentences: Vectors) -> tuple[FaissIndex, float]:
    """Build the index of a large library; return it and the processor time of a search."""
    known, asked = sentences[:-ASKED], sentences[-ASKED:]
    index = FaissIndex.build(vectors, np.arange(len(vectors)), queries=known, exact_up_to=0)
    for query in asked[:WARM_UP]:
        index.search(query[None], K)
    before = time.process_time()
    for query in asked:
        index.search(query[None], K)
    return index, (time.process_time() - before) / len(asked)


def _power(ratio: float) -> float:
    """Return the power of the size that a time grows with, from its ratio at four times the size.

    Not less than the square root, which the number of lists grows with, nor more than linear.
    """
    return min(1.0, max(0.5, float(np.log(ratio) / np.log(4))))


def _rows(tables: dict[str, int], count: int) -> Rows:
    """Share the bytes of tables among `count` segments, as many frames, and their videos."""
    total = {kind: sum(tables[name] for name in names) for kind, names in _TABLES.items()}
    return Rows(
        segment=total["segments"] / count,
        frame=total["frame_vectors"] / count,
        video=total["videos"] / (count / PER_VIDEO),
    )


def sqlite_bytes(path: Path) -> dict[str, int]:
    """Return the bytes of each table with its indexes."""
    query = """SELECT tbl_name, SUM(pgsize) FROM dbstat JOIN sqlite_master USING (name)
               GROUP BY tbl_name"""
    connection = sqlite3.connect(path)
    try:
        return dict(connection.execute(query).fetchall())
    finally:
        connection.close()


def _postgresql(bundle: Bundle, vectors: Vectors, report: Callable[[str], None]) -> Rows:
    """Fill a PostgreSQL server of our own and return what its rows take."""
    report("filling PostgreSQL")
    with postgresql_server() as url:
        catalog = SqlCatalog.open(url)
        _fill(catalog, bundle, vectors)
        catalog.close()
        with psycopg.connect(url) as connection:
            found = connection.execute(
                """SELECT relname, pg_total_relation_size(oid) FROM pg_class
                   WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"""
            ).fetchall()
    return _rows(dict(found), len(vectors))


@contextmanager
def postgresql_server() -> Iterator[str]:
    """Run a PostgreSQL server on the loopback address and yield the URL of a database."""
    programs, port = postgres.find_programs(), postgres.free_port()
    with tempfile.TemporaryDirectory(prefix="clipseek-pg-") as folder:
        owner, data = postgres.unprivileged(Path(folder)), Path(folder) / "data"
        options = postgres.initdb_options(programs, data)
        postgres.run_program(programs, "initdb", *options, user=owner)
        said = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
        start = ["start", "-w", "-D", str(data), "-l", str(Path(folder) / "log"), "-o", said]
        postgres.run_program(programs, "pg_ctl", *start, user=owner)
        try:
            yield postgres.Server(port).new_database("template0")
        finally:
            stop = ["stop", "-m", "fast", "-D", str(data)]
            postgres.run_program(programs, "pg_ctl", *stop, user=owner)
