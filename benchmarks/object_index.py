"""How much memory and time the index of objects takes.

    python -m benchmarks.object_index [--objects N ...] [--dim D] [--searches S] [--json]

Makes N objects with made-up vectors of D numbers, 100 in each video, each in 5 frames, and gives
them to the index a video at a time, as an API reads them from the catalog. `bytes_per_object` is by
how much the resident memory has grown after the searches, over N, and `read_s` how long the reading
took. `search_ms` is the median, and `p95_ms`, of S sentences that are compared one after the other,
and `some_ms` the median with a filter that lets one video of a hundred through. `change_ms` is the
median of changing one video and searching once, as a view does after a camera's chunk was looked
at. Times are those of the processor with one thread, so that they mean something beside other
programs. Each N has a process of its own, because memory that was freed is not given back. Linux.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np

from clipseek.objects.index import ObjectIndex
from clipseek.timed import Span
from clipseek.tracked import Track, VideoObjects
from clipseek.types import Relevance, Scoring

OBJECTS, DIM, SEARCHES = (100_000, 1_000_000), 512, 50
EACH, FRAMES, CHANGES = 100, 5, 20
SCORING = Scoring("b" * 64, 100.0, Relevance(1.0, 0.0, fitted=False))


def main() -> int:
    """Measure each size in a process of its own, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--objects", type=int, nargs="+", default=list(OBJECTS), metavar="N")
    parser.add_argument("--dim", type=int, default=DIM, metavar="D")
    parser.add_argument("--searches", type=int, default=SEARCHES, metavar="S")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        (count,) = options.objects
        sys.stdout.write(json.dumps(measured(count, options.dim, options.searches)) + "\n")
        return 0
    found = [_apart(count, options.dim, options.searches) for count in options.objects]
    if options.json:
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
        return 0
    for size in found:
        sys.stdout.write(", ".join(f"{name} {value:,}" for name, value in size.items()) + "\n")
    return 0


def _apart(count: int, dim: int, searches: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.object_index", "--alone"]
    command += ["--objects", str(count), "--dim", str(dim), "--searches", str(searches)]
    alone = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=alone)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measured(count: int, dim: int, searches: int) -> dict[str, float]:
    """Return the figures of one size; see the module."""
    rng = np.random.default_rng(7)
    before, began = resident_bytes(), time.process_time()
    index = ObjectIndex().changed(frozenset(), videos(rng, count, dim))
    read_s = time.process_time() - began
    some = {name(number) for number in range(0, count // EACH, 100)}
    every = [searched(index, rng, dim) for _ in range(searches)]
    few = [searched(index, rng, dim, some) for _ in range(searches)]
    grown, changes = resident_bytes() - before, []
    for number in range(CHANGES):
        fresh = next(videos(rng, EACH, dim, first=number))
        began = time.process_time()
        index = index.changed({fresh[0]}, [fresh])
        searched(index, rng, dim)
        changes.append(time.process_time() - began)
    return {
        "objects": len(index),
        "bytes_per_object": round(grown / count),
        "read_s": round(read_s, 2),
        "search_ms": round(1000 * median(every), 2),
        "p95_ms": round(1000 * sorted(every)[int(0.95 * len(every))], 2),
        "some_ms": round(1000 * median(few), 2),
        "change_ms": round(1000 * median(changes), 2),
    }


def searched(
    index: ObjectIndex, rng: np.random.Generator, dim: int, only: set[str] | None = None
) -> float:
    """Return the seconds of one search."""
    vector = rng.normal(size=dim).astype(np.float32)
    vector /= np.linalg.norm(vector)
    began = time.process_time()
    index.search(vector, SCORING, only)
    return time.process_time() - began


def videos(
    rng: np.random.Generator, count: int, dim: int, first: int = 0
) -> Iterator[tuple[str, VideoObjects]]:
    """Yield so many objects, by video."""
    times = np.arange(FRAMES, dtype=np.float64)
    for number in range(first, first + count // EACH):
        rows = rng.normal(size=(EACH, dim)).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        tracks = (
            Track("car", 0.9, Span(0.0, 5.0), times + 0.0, boxes(rng), 2, row, -1.0) for row in rows
        )
        yield name(number), VideoObjects("made up", tuple(tracks))


def boxes(rng: np.random.Generator) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    """Return where an object is."""
    return rng.random((FRAMES, 4), np.float32)


def name(number: int) -> str:
    """Return the id of a video, as long as those of the catalog."""
    return f"{number:032x}"


def resident_bytes() -> int:
    """Return the resident memory of this process; Linux only."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * 4096


if __name__ == "__main__":
    sys.exit(main())
