"""What an ingest costs that finds nothing new, and a search from the command line.

    python -m benchmarks.nothing_new [--videos N] [--segments N] [--tower-mb N] [--json]

Makes N files, each a hole behind a few bytes, and a library of all with its snapshot, as
`benchmarks.million` does, and a bundle whose tower for pictures is padded to the size of a large
one. Then runs `indexer ingest` over the folder, in which nothing is new, and `indexer search`. A
folder that has such a library already is used as it is.

`ratio`: the time to read and hash every file, which is what a program without stamps has to do,
over that of the ingest; the files have a million bytes, and real videos far more.
`ingest_mb`, `search_mb`: what each process read by calls of the kernel (`rchar` of Linux, which
counts files in the page cache too); files that it maps are not in it.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.million import folder_of, library, longer_model, write
from benchmarks.servers import ROOT
from clipseek.config import Settings
from clipseek.sources import LocalDisk
from clipseek.types import Video

FILE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures; times in seconds, sizes in millions of bytes."""

    name: str
    ratio: float
    videos: int
    segments: int
    bundle_mb: int
    ingest_s: float
    ingest_mb: float
    search_s: float
    search_mb: float


def main() -> int:
    """Measure and print a line for each figure, or with --json one object."""
    options = _options()
    with folder_of(options.folder) as folder:
        found = _measure(options, folder)
    write(asdict(found), as_json=options.json)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Ingest where nothing is new.")
    parser.add_argument("--videos", type=int, default=10_000, help="how many (10000)")
    parser.add_argument("--segments", type=int, default=1_000_000, help="in all (1000000)")
    parser.add_argument("--tower-mb", type=int, default=1300, help="of the padding (1300)")
    parser.add_argument("--folder", type=Path, help="where the library is made and left")
    parser.add_argument("--json", action="store_true", help="print one object")
    return parser.parse_args()


def _measure(options: argparse.Namespace, folder: Path) -> Measured:
    data, videos = folder / "data", folder / "videos"
    videos.mkdir(parents=True, exist_ok=True)
    model = data / "model"
    longer_model(model, padding=options.tower_mb * 10**6)
    settings = Settings.load(data_dir=data, model=str(model))
    manifest = library(settings, _videos(videos, options))
    ingest = ["ingest", str(videos), "--model", str(model), "--quiet"]
    ingest_s, ingest_bytes = _run(data, ingest)
    search_s, search_bytes = _run(data, ["search", "a red car at night"])
    return Measured(
        name="nothing_new",
        ratio=round(_hashing_s(videos) / ingest_s, 2),
        videos=options.videos,
        segments=manifest.count,
        bundle_mb=sum(file.stat().st_size for file in model.iterdir()) // 10**6,
        ingest_s=round(ingest_s, 2),
        ingest_mb=round(ingest_bytes / 1e6, 1),
        search_s=round(search_s, 2),
        search_mb=round(search_bytes / 1e6, 1),
    )


def _videos(folder: Path, options: argparse.Namespace) -> Iterator[tuple[Video, int]]:
    """Write files, a thousand in a folder, and yield what a catalog says of them."""
    each = options.segments // options.videos
    for number in range(options.videos):
        path = folder / f"{number // 1000:03}" / f"{number:06}.mp4"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(number.to_bytes(8, "big"))
        os.truncate(path, FILE_BYTES)
        source = LocalDisk().look(str(path.absolute()))
        video = Video(f"{number:032x}", source.uri, path.stem, 2.0 * each, 64, 48, FILE_BYTES)
        yield replace(video, stamp=source.stamp), each


def _run(data: Path, arguments: list[str]) -> tuple[float, int]:
    """Run a command of the indexer; return its seconds, and the bytes that it read."""
    command = [sys.executable, "-m", "indexer", "--data-dir", str(data), *arguments]
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    started = time.monotonic()
    with subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.DEVNULL
    ) as process:
        # It stays until it is waited for, and so does what the kernel counted of it.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        seconds = time.monotonic() - started
        counted = Path(f"/proc/{process.pid}/io").read_text("utf-8").splitlines()
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}")
    return seconds, int(next(line for line in counted if line.startswith("rchar:")).split()[1])


def _hashing_s(folder: Path) -> float:
    """Return the seconds that it takes to read every file, and to hash it."""
    started = time.monotonic()
    for path in sorted(folder.rglob("*.mp4")):
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")
    return time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main())
