"""The index that a build chooses, compared with exact search and with every other kind.

    python -m benchmarks.index [--segments N] [--dim D] [--compared N] [--json]

Vectors and sentences are generated (`benchmarks.frames`). The index is built as `indexer build`
does, with other sentences than those it is searched with, saved, and mapped from its file. Then it
and FAISS's IndexFlatIP over the same vectors in float32 are searched one query at a time, in turns.

`ratio`: median time of IndexFlatIP divided by that of the index. `recall`: recall@10 of sentences
against exact search; `recall_pictures`: of pictures with noise. `bytes_share`: bytes of a vector in
the index file divided by those in float32. `best_cosine`: 5th, 50th and 95th percentile of the
cosine of a sentence and its best frame. `apart`, `ratio_apart` and `recall_apart`: the same of as
many vectors that are each of another shot, none of them near-duplicates. `kinds` are built over the
first N of `--compared`, HNSW too, which the product does not have.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import faiss as _faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks.frames import Made, Vectors, made
from clipseek.index import KINDS, FaissIndex, Kind

# The stubs of some releases lack what its Python layer adds.
faiss: Any = _faiss

K, EXACT_ASKED, TURNS = 10, 24, 8
HNSW_LINKS, HNSW_BUILT, HNSW_WIDTHS = 16, 64, (16, 256, 1024)

Ids = NDArray[np.int64]
Ask = Callable[[Vectors], Ids]


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured of one kind of index. Times are medians of single queries."""

    kind: str
    build_s: float
    bytes: int
    query_ms: float
    recall: float
    recall_pictures: float


@dataclass(frozen=True, slots=True)
class Asked:
    """Queries and their true ten neighbours."""

    sentences: Vectors
    pictures: Vectors
    of_sentences: Ids
    of_pictures: Ids

    @classmethod
    def of(cls, data: Made) -> "Asked":
        """Find the truth by comparing with every frame."""
        pictures = data.noisy(len(data.asked))
        truths = [
            faiss.knn(queries, data.frames, K, metric=faiss.METRIC_INNER_PRODUCT)[1]
            for queries in (data.asked, pictures)
        ]
        return cls(data.asked, pictures, *truths)


def recall(found: Ids, truth: Ids) -> float:
    """Return the share of the true neighbours that are found."""
    pairs = zip(found.tolist(), truth.tolist(), strict=True)
    return float(np.mean([len(set(ours) & set(theirs)) / K for ours, theirs in pairs]))


def milliseconds(ask: Ask, query: Vectors) -> float:
    """Return the time of one query."""
    start = time.perf_counter()
    ask(query[None])
    return 1000 * (time.perf_counter() - start)


def figure(name: str, build_s: float, size: int, ask: Ask, asked: Asked) -> Figure:
    """Ask sentences one at a time, then all, and all pictures."""
    times = [milliseconds(ask, query) for query in asked.sentences[:100]]
    return Figure(
        kind=name,
        build_s=round(build_s, 1),
        bytes=size,
        query_ms=round(statistics.median(times), 3),
        recall=round(recall(ask(asked.sentences), asked.of_sentences), 4),
        recall_pictures=round(recall(ask(asked.pictures), asked.of_pictures), 4),
    )


def built(data: Made, kind: Kind | None, folder: Path) -> tuple[FaissIndex, float, int]:
    """Return an index mapped from its file, the seconds of its build and bytes per vector."""
    ids = np.arange(len(data.frames))
    start = time.perf_counter()
    index = FaissIndex.build(data.frames, ids, queries=data.held, kind=kind or "auto")
    seconds = time.perf_counter() - start
    path = folder / f"{kind or 'auto'}.faiss"
    index.save(path)
    mapped = FaissIndex.load(path, ids, recall=index.recall)
    return mapped, seconds, round(path.stat().st_size / len(ids))


def compared(data: Made, folder: Path) -> list[Figure]:
    """Measure every kind, and HNSW at several widths of its search."""
    asked = Asked.of(data)
    figures = []
    for kind in KINDS:
        index, seconds, size = built(data, kind, folder)
        figures.append(figure(index.kind, seconds, size, _ask(index), asked))
    return figures + _hnsw(data, asked)


def _ask(index: FaissIndex) -> Ask:
    return lambda queries: index.search(queries, K).ids


def _hnsw(data: Made, asked: Asked) -> list[Figure]:
    """Measure HNSW over float16 vectors."""
    index = faiss.IndexHNSWSQ(
        data.frames.shape[1],
        faiss.ScalarQuantizer.QT_fp16,
        HNSW_LINKS,
        faiss.METRIC_INNER_PRODUCT,
    )
    index.hnsw.efConstruction = HNSW_BUILT
    start = time.perf_counter()
    index.train(data.frames[:1])
    index.add(data.frames)
    seconds = time.perf_counter() - start
    size = round(len(faiss.serialize_index(index)) / len(data.frames))

    def ask(width: int) -> Ask:
        params = faiss.SearchParametersHNSW(efSearch=width)
        return lambda queries: index.search(queries, K, params=params)[1]

    return [
        figure(f"hnsw, efSearch {width}", seconds, size, ask(width), asked) for width in HNSW_WIDTHS
    ]


def against_exact(data: Made, folder: Path) -> dict[str, object]:
    """Measure the index that a build chooses, and exact search in turns with it."""
    index, seconds, size = built(data, None, folder)
    ask = _ask(index)
    dim = data.frames.shape[1]
    flat = faiss.IndexFlatIP(dim)
    flat.add(data.frames)
    ask(data.held)  # as a service that has been asked before: pages of the file are in memory
    exact_ms, index_ms = [], []
    for number in range(EXACT_ASKED):
        query = data.asked[number % len(data.asked)]
        exact_ms.append(milliseconds(lambda queries: flat.search(queries, K)[1], query))
        for turn in range(TURNS):
            again = data.asked[(TURNS * number + turn) % len(data.asked)]
            index_ms.append(milliseconds(ask, again))
    asked = Asked.of(data)
    exact, ours = statistics.median(exact_ms), statistics.median(index_ms)
    return {
        "ratio": round(exact / ours, 1),
        "recall": round(recall(ask(asked.sentences), asked.of_sentences), 4),
        "recall_pictures": round(recall(ask(asked.pictures), asked.of_pictures), 4),
        "recall_stated": round(index.recall, 4),
        "bytes_share": round(size / (4 * dim), 3),
        "kind": index.kind,
        "nprobe": index.nprobe,
        "build_s": round(seconds, 1),
        "exact_ms": round(exact, 2),
        "index_ms": round(ours, 3),
    }


def measure(segments: int, dim: int, compare: int, folder: Path) -> dict[str, object]:
    """Measure the index that a build chooses over all segments, and every kind over fewer."""
    apart = against_exact(made(segments, dim, cuts=1), folder)
    data = made(segments, dim)
    kinds = compared(Made(data.frames[:compare], data.held, data.asked), folder)
    best = (data.asked[:64] @ data.frames.T).max(axis=1)
    return {
        "name": "index",
        **against_exact(data, folder),
        "ratio_apart": apart["ratio"],
        "recall_apart": apart["recall"],
        "segments": segments,
        "dim": dim,
        "best_cosine": [round(float(p), 3) for p in np.percentile(best, (5, 50, 95))],
        "apart": apart,
        "compared": compare,
        "kinds": [asdict(each) for each in kinds],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print lines, or with --json one object."""
    parser = argparse.ArgumentParser(description="Measure the index against exact search.")
    parser.add_argument("--segments", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--dim", type=int, default=512, metavar="D")
    parser.add_argument("--compared", type=int, default=100_000, metavar="N", help="of all kinds")
    parser.add_argument("--json", action="store_true", help="print one object")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        said = measure(
            options.segments,
            options.dim,
            min(options.compared, options.segments),
            Path(folder),
        )
    lines = [json.dumps(said)] if options.json else [f"{n:16} {v}" for n, v in said.items()]
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
