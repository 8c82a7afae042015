"""What a filter costs in a large index, and what is found with it.

    python -m benchmarks.filters [--segments N] [--dim D] [--apart] [--json]

Vectors and sentences are generated and the index is built as in `benchmarks.index`; with `--apart`
no two vectors are near-duplicates. A filter passes 50, 10, 1 or 0.1 % of the segments: each by
chance, or those of whole videos. Single queries are asked without a filter and with each filter in
turns, on one thread. `ratio`: the median of the times of the thread's processor with a filter that
was asked with before, divided by that without one; `first`: the same with one that was not, whose
rows are marked before. `recall`: recall@10 among what the filter passes. `parts_ms`: what a search
without a filter takes for finding the lists, for comparing the codes in them and for scoring the
best vectors; the least of some queries.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import faiss as _faiss
import numpy as np

from benchmarks.frames import CUTS, VIDEO, Made, Vectors, made
from benchmarks.index import Ids, K, built, recall
from clipseek.index import FaissIndex

# The stubs of some releases lack what its Python layer adds.
faiss: Any = _faiss

SHARES = (0.5, 0.1, 0.01, 0.001)
ASKED = 24


def filters(segments: int) -> dict[str, Ids]:
    """Return the segments that each filter passes, ascending."""
    chance = np.random.default_rng(9)
    found: dict[str, Ids] = {}
    for share in SHARES:
        videos = chance.random(-(-segments // VIDEO)) < share
        videos[0] = True
        kinds = {
            "segments": chance.random(segments) < share,
            "videos": np.repeat(videos, VIDEO)[:segments],
        }
        found |= {f"{100 * share:g} % of {name}": np.flatnonzero(of) for name, of in kinds.items()}
    return {name: rows for name, rows in found.items() if len(rows) >= K}


def measure(data: Made, index: FaissIndex) -> dict[str, object]:
    """Ask with every filter and without one, in turns."""
    given: dict[str, Ids | None] = {"": None, **filters(len(data.frames))}
    times: dict[str, list[float]] = {name: [] for name in given}
    first = {name: list[float]() for name in given}
    for turn in range(ASKED):
        query = data.asked[turn % len(data.asked)][None]
        for name, allow in given.items():
            if allow is not None:
                first[name].append(_time(partial(index.search, k=K, allow=allow.copy()), query))
                allow.flags.writeable = False
                index.search(data.asked[-1:], K, allow=allow)
            times[name].append(_time(partial(index.search, k=K, allow=allow), query))
    without = statistics.median(times.pop(""))
    return {
        "kind": index.kind,
        "nprobe": index.nprobe,
        "without_ms": round(1000 * without, 3),
        "parts_ms": parts(data, index),
        "filters": {
            name: {
                "ratio": round(statistics.median(took) / without, 2),
                "first": round(statistics.median(first[name]) / without, 2),
                "recall": round(_recall(data, index, given[name]), 4),
            }
            for name, took in times.items()
        },
    }


def parts(data: Made, index: FaissIndex) -> list[float]:
    """Return the times of the three steps of a search, in milliseconds; none without codes."""
    layout = index._layout
    if layout.runs is None:
        return []
    steps: list[Callable[[Vectors], object]] = [
        lambda query: layout.lists.quantizer.search(layout.turned(query), layout.nprobe),
        lambda query: layout.ranked(query, probes=layout.nprobe, depth=layout.depth),
        lambda query: index.search(query, K),
    ]
    until = [min(_time(step, query[None]) for query in data.asked[:ASKED]) for step in steps]
    return [round(1000 * float(each), 2) for each in np.diff([0.0, *until])]


def _time(ask: Callable[[Vectors], object], query: Vectors) -> float:
    start = time.thread_time()
    ask(query)
    return time.thread_time() - start


def _recall(data: Made, index: FaissIndex, rows: Ids | None) -> float:
    assert rows is not None
    asked = data.asked[:128]
    near = faiss.knn(asked, data.frames[rows], K, metric=faiss.METRIC_INNER_PRODUCT)[1]
    return recall(index.search(asked, K, allow=rows).ids, rows[near])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print lines, or with --json one object."""
    parser = argparse.ArgumentParser(description="Measure what a filter costs.")
    parser.add_argument("--segments", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--dim", type=int, default=512, metavar="D")
    parser.add_argument("--apart", action="store_true", help="no near-duplicates")
    parser.add_argument("--json", action="store_true", help="print one object")
    options = parser.parse_args(arguments)
    data = made(options.segments, options.dim, cuts=1 if options.apart else CUTS)
    with tempfile.TemporaryDirectory() as folder:
        index, *_ = built(data, None, Path(folder))
        threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)
        try:
            said = measure(data, index)
        finally:
            faiss.omp_set_num_threads(threads)
    lines = [json.dumps(said)] if options.json else [f"{n:12} {v}" for n, v in said.items()]
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
