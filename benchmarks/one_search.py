"""How long one `indexer search` takes in a process of its own, and what of it is the text tower.

    python -m benchmarks.one_search [--model NAME] [--keep DIR] [--segments N] [--rounds N] [--json]

A model with random weights (see `benchmarks.model`; PE-Core-B-16, the default of `indexer`, unless
another is named) in int8 and in fp32, and for each a library of N segments with generated vectors
and its snapshot. `search` is run as a command, once to check the files of the bundle, then in turns
with the bundle and the library in the page cache (`warm_s`) and out of it (`cold_s`); programs and
packages are in it always. `cpu_s` is the processor time of a warm run, `peak_mb` the most resident
memory, which includes weights that are mapped and shared with other processes.

`load_s`, `sentence_s` and `tower_mb` are those of a process that only loads the text tower, as a
search does, and embeds a sentence; `imports_s` of one that imports what a search does. Times are
medians of the rounds, in seconds; memory is in MB (10^6 bytes).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.chip import machine
from benchmarks.library import put_of
from benchmarks.model import made, options_of, pictures
from benchmarks.servers import ROOT
from benchmarks.vectors import made as vectors_of
from clipseek.assembly import build_snapshot, load_model, open_writer
from clipseek.config import Settings
from clipseek.embedding.bundle import Bundle
from clipseek.types import Video

MODEL = "PE-Core-B-16"
SENTENCE = "a red car turning at night"
_PICTURES = 60

_SEARCH = ["-m", "indexer", "--data-dir"]
_IMPORTS = "import clipseek.assembly, indexer.cli, indexer.verbs.search"
_TOWER = """
import json, sys, time
from pathlib import Path
from clipseek.embedding.bundle import load
from clipseek.embedding.towers import on_cpu

embedder = on_cpu(load(Path(sys.argv[1])), is_brief=True)
start = time.perf_counter()
embedder.embed_texts([sys.argv[2]])
first = time.perf_counter() - start
start = time.perf_counter()
embedder.embed_texts([sys.argv[2]])
sentence = time.perf_counter() - start
status = Path("/proc/self/status").read_text("utf-8").splitlines()
peak = next(line for line in status if line.startswith("VmHWM:")).split()[1]
print(json.dumps([first - sentence, sentence, int(peak) * 1024 / 1e6]))
"""


# A process begins with the peak of the one that started it, so that a small one starts it.
_LAUNCH = """
import json, resource, subprocess, sys, time

start = time.perf_counter()
subprocess.run([sys.executable, *sys.argv[1:]], check=True)
wall = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6]))
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a process took: seconds by the clock, of the processor, and MB at its peak."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    printed: str


def ran(arguments: Sequence[str]) -> Ended:
    """Run Python with some arguments, and return what it took."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # who uses it has compiled files
    done = subprocess.run(
        [sys.executable, "-c", _LAUNCH, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    printed, _, figures = done.stdout.rstrip("\n").rpartition("\n")
    wall_s, cpu_s, peak_mb = json.loads(figures)
    return Ended(wall_s, cpu_s, peak_mb, printed)


def library(folder: Path, bundle: Bundle, segments: int) -> None:
    """Make a library of one video whose segments have generated vectors, and its snapshot."""
    settings = Settings.load(data_dir=folder, model=str(bundle.path))
    model = load_model(settings, settings.model, report=lambda _step: None)
    service = open_writer(settings, create=True)
    service.catalog.ensure_collection(
        "default", model.name, bundle.dim, model.embedder.fingerprint, model.scoring
    )
    vectors, _ = vectors_of(segments, bundle.dim)
    video = Video("0" * 32, "/videos/a.mp4", "a", 2.0 * segments, 64, 48, 1)
    service.catalog.put("default", put_of(video, vectors))
    build_snapshot(service, "default")
    service.close()


def forget(*folders: Path) -> None:
    """Let the kernel drop the files of folders from its page cache."""
    for folder in folders:
        for file in folder.rglob("*"):
            if file.is_file():
                opened = os.open(file, os.O_RDONLY)
                os.fsync(opened)
                os.posix_fadvise(opened, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(opened)


def measure(bundle: Bundle, folder: Path, segments: int, rounds: int) -> dict[str, float]:
    """Return the figures of one bundle; its library is made in a new folder."""
    library(folder, bundle, segments)
    search = [*_SEARCH, str(folder), "search", SENTENCE]
    tower = ["-c", _TOWER, str(bundle.path), SENTENCE]
    first, cold, warm, loads = ran(search), [], [], []
    for _ in range(rounds):
        forget(folder, bundle.path)
        cold.append(ran(search).wall_s)
        warm.append(ran(search))
        loads.append(json.loads(ran(tower).printed))
    load_s, sentence_s, tower_mb = (statistics.median(each) for each in zip(*loads, strict=True))
    return {
        "first_s": first.wall_s,
        "cold_s": statistics.median(cold),
        "warm_s": statistics.median(each.wall_s for each in warm),
        "cpu_s": statistics.median(each.cpu_s for each in warm),
        "peak_mb": max(each.peak_mb for each in warm),
        "load_s": load_s,
        "sentence_s": sentence_s,
        "tower_mb": tower_mb,
    }


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Measure every precision of the text tower and return the object that is printed."""
    found: dict[str, dict[str, float]] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        made(pictures(_PICTURES), options.model, kept=options.keep) as model,
    ):
        for name, bundle in model.bundles.items():
            if bundle.text_precision not in found:
                into = Path(folder) / name
                found[bundle.text_precision] = measure(
                    bundle, into, options.segments, options.rounds
                )
        imports = [ran(["-c", _IMPORTS]) for _ in range(options.rounds + 1)][1:]
    return {
        "name": "one_search",
        "model": f"{options.model}, random weights",
        "segments": options.segments,
        "cores": os.cpu_count(),
        **machine(),
        "imports_s": round(statistics.median(each.wall_s for each in imports), 2),
        "imports_cpu_s": round(statistics.median(each.cpu_s for each in imports), 2),
        **{
            precision: {name: round(value, 2) for name, value in figures.items()}
            for precision, figures in found.items()
        },
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a line for each figure, or with --json one object."""
    parser = options_of("Measure one search from the command line.", rounds=5)
    parser.set_defaults(model=MODEL)
    parser.add_argument("--segments", type=int, default=10_000, help="of the library (10000)")
    options = parser.parse_args(arguments)
    found = measured(options)
    if options.json:
        print(json.dumps(found))
        return 0
    for name, value in found.items():
        print(f"{name:14} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
