"""Recall and time of the approximate index compared with exact search, on generated vectors.

    python -m benchmarks.vectors [COUNT [DIM]]

Vectors are in a cone, in clusters of videos and of scenes, like those of frames; sentences are in
another cone, each shifted a little towards one of the scenes. Times are of one query after the
other on one core, with other work on the machine unless it is idle.
"""

import sys
import time

import numpy as np
from numpy.typing import NDArray

from clipseek.index import ExactIndex, FaissIndex
from clipseek.protocols import VectorIndex

QUERIES, K = 200, 10


def made(count: int, dim: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return vectors (count, dim) and sentences (2000, dim), unit rows."""
    chance = np.random.default_rng(0)
    scale = np.arange(1, dim + 1, dtype=np.float32) ** -0.5
    scale /= np.linalg.norm(scale)

    def some(rows: int) -> NDArray[np.float32]:
        return chance.standard_normal((rows, dim), np.float32) * scale

    videos, scenes = some(count // 400 + 1), some(count // 20 + 1)
    at = np.arange(count)
    vectors = 1.1 * some(1) + 0.7 * videos[at // 400] + 0.7 * scenes[at // 20] + 0.5 * some(count)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    sentences = some(1) + 0.35 * vectors[chance.integers(count, size=2000)] + 0.48 * some(2000)
    sentences /= np.linalg.norm(sentences, axis=1, keepdims=True)
    return vectors, sentences


def recall(found: VectorIndex, truth: VectorIndex, queries: NDArray[np.float32]) -> float:
    """Return the share of the true ten neighbours that are found."""
    pairs = zip(found.search(queries, K).ids, truth.search(queries, K).ids, strict=True)
    return float(np.mean([len(set(ours) & set(theirs)) / K for ours, theirs in pairs]))


def milliseconds(searched: VectorIndex, queries: NDArray[np.float32]) -> float:
    """Return the mean time of a query."""
    start = time.perf_counter()
    for query in queries:
        searched.search(query[None], K)
    return 1000 * (time.perf_counter() - start) / len(queries)


def main(count: int = 150_000, dim: int = 256) -> None:
    """Print the figures."""
    vectors, sentences = made(count, dim)
    ids = np.arange(count)
    known, asked = sentences[:-QUERIES], sentences[-QUERIES:]
    exact = ExactIndex(ids, vectors)
    print(f"exact                    {milliseconds(exact, asked[:30]):7.2f} ms")
    kinds: list[tuple[str, NDArray[np.float32] | None]] = [
        ("noise alone", vectors[:0]),
        ("much noise", None),
        ("noise and sentences", known),
    ]
    for name, queries in kinds:
        start = time.perf_counter()
        built = FaissIndex.build(vectors, ids, queries=queries, exact_up_to=1000)
        seconds = time.perf_counter() - start
        print(
            f"tuned on {name:20} {built.kind} nprobe {built.nprobe:4}  built in {seconds:.0f} s  "
            f"{milliseconds(built, asked):6.2f} ms  recall@10 stated {built.recall:.4f}, "
            f"of sentences {recall(built, exact, asked):.4f}"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
