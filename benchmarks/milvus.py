"""The same vectors searched in files and in Milvus Lite, one query at a time, in turns.

    python -m benchmarks.milvus [--segments N] [--dim D] [--queries Q] [--json]

Vectors and sentences are generated (`benchmarks.frames`). Both indexes are exact, and are asked as
the API asks them. Milvus Lite runs in this process. A filter lets half of the videos through.

`build_s`: seconds until it can be searched. `query_ms`, `filtered_ms`: median times of a query.
`recall`: recall@10 against exact search in NumPy. `equal`: share of the queries, filtered and not,
that both answer with the same ids and scores.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.frames import VIDEO, Vectors, made
from clipseek.index import ExactIndex, FaissIndex, MilvusIndex
from clipseek.milvus import Milvus
from clipseek.protocols import VectorIndex

K, ASKED, BATCH = 10, 40, 2000


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured of one index."""

    store: str
    build_s: float
    query_ms: float
    filtered_ms: float
    recall: float
    equal: float


def in_files(folder: Path, ids: NDArray[np.int64], vectors: Vectors) -> FaissIndex:
    """Build an index, write it, and map it from its file."""
    path = folder / "index.faiss"
    FaissIndex.build(vectors, ids, kind="exact").save(path)
    return FaissIndex.load(path, ids, recall=1.0)


def in_milvus(folder: Path, ids: NDArray[np.int64], vectors: Vectors) -> MilvusIndex:
    """Store the vectors in a file of Milvus Lite."""
    milvus, owners = Milvus.at(f"milvus://{folder}/index.db"), (ids // VIDEO).astype(np.int32)
    milvus.make_vectors("frames", vectors.shape[1])
    for start in range(0, len(ids), BATCH):
        part = slice(start, start + BATCH)
        milvus.put_vectors("frames", ids[part], owners[part], vectors[part])
    milvus.finish_vectors("frames", "FLAT", {})
    return MilvusIndex(milvus, "frames", ids=ids, owners=owners, dim=vectors.shape[1])


def timed(index: VectorIndex, query: Vectors, allow: NDArray[np.int64] | None) -> float:
    """Return how many milliseconds one search takes."""
    start = time.perf_counter()
    index.search(query, K, allow=allow)
    return 1000 * (time.perf_counter() - start)


def measured(segments: int, dim: int, queries: int) -> list[Figure]:
    """Build both, search both in turns, and compare the answers."""
    frames = made(segments, dim, sentences=queries)
    ids = np.arange(segments, dtype=np.int64)
    asked = frames.asked[:queries]
    half = ids[(ids // VIDEO) % 2 == 0]
    truth = ExactIndex(ids, frames.frames)
    makers: dict[str, Callable[[Path, NDArray[np.int64], Vectors], VectorIndex]] = {
        "files": in_files,
        "milvus lite": in_milvus,
    }
    with tempfile.TemporaryDirectory() as name:
        built, seconds = {}, {}
        for store, make in makers.items():
            start = time.perf_counter()
            built[store] = make(Path(name), ids, frames.frames)
            seconds[store] = time.perf_counter() - start
        times: dict[tuple[str, bool], list[float]] = {}
        for row in range(-2, len(asked)):  # the first two only warm up
            for is_filtered in (False, True):
                for store, index in built.items():
                    took = timed(index, asked[row, None], half if is_filtered else None)
                    if row >= 0:
                        times.setdefault((store, is_filtered), []).append(took)
        found = []
        for store, index in built.items():
            right, same = [], []
            for allow in (None, half):
                ours, theirs = (each.search(asked, K, allow=allow) for each in (index, truth))
                right += [
                    len(np.intersect1d(*pair)) for pair in zip(ours.ids, theirs.ids, strict=True)
                ]
                same.append((ours.ids == theirs.ids) & (ours.scores == theirs.scores))
            found.append(
                Figure(
                    store,
                    build_s=round(seconds[store], 2),
                    query_ms=round(statistics.median(times[store, False]), 2),
                    filtered_ms=round(statistics.median(times[store, True]), 2),
                    recall=round(sum(right) / (K * len(right)), 4),
                    equal=round(float(np.concatenate(same).all(axis=1).mean()), 4),
                )
            )
    return found


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(description="Files and Milvus Lite, searched in turns.")
    options.add_argument("--segments", type=int, default=100_000)
    options.add_argument("--dim", type=int, default=512)
    options.add_argument("--queries", type=int, default=ASKED)
    options.add_argument("--json", action="store_true", help="print one object per line")
    given = options.parse_args()
    for figure in measured(given.segments, given.dim, given.queries):
        if given.json:
            print(json.dumps(asdict(figure)))
        else:
            print(", ".join(f"{name} {value}" for name, value in asdict(figure).items()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
