"""What the timeline of a two-hour video costs, and what a bias for each frame would change.

    python -m benchmarks.timeline [--database-url URL] [--json]

Makes a catalog with one video of 7200 sampled frames and 900 segments, of generated vectors, for
512 and 1024 components, in SQLite in a temporary folder, or in an empty database at the URL.

`answer_ms`: the median time from the sentence, whose vector is cached, to the JSON of the answer.
`cpu_ms`: the median CPU time of the same, which other work on the machine disturbs little.
`plain_cpu_ms`: that of the straightforward way, measured in turns with it: read the rows, convert
them as a whole with `astype`, divide them by their lengths, multiply, and write the relevance.
`times_as_fast`: the second divided by the first.
`database_ms`: the part of `answer_ms` that reads the catalog. `own_bias_ms`: the time to
compute a bias from a bank of 1000 sentences for each frame, which the answer does not do.
`differ`: the share of frames that are on the other side of a relevance of 0.5 with a bias of their
own.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray
from pydantic_core import to_json

from api.timeline_schemas import written
from benchmarks.million import write
from benchmarks.vectors import made
from clipseek import calibration
from clipseek.cache import LocalCache, TextVectors
from clipseek.catalog import SqlCatalog
from clipseek.library.collections import Collections
from clipseek.library.models import Models
from clipseek.library.views import Views
from clipseek.model import Model
from clipseek.parts import Text
from clipseek.publishing import FolderStore
from clipseek.testing import ToyEmbedder
from clipseek.timeline import timeline
from clipseek.types import PICTURE, FieldSegments, FrameVectors, Put, Video

FRAMES, EACH, BANK, TIMES, ROUNDS, SCALE = 7200, 8, 1000, 30, 5, 100.0


class _Generated(ToyEmbedder):
    """An embedder of any length, whose sentence is a generated vector."""

    def __init__(self, vector: NDArray[np.float32]) -> None:
        super().__init__()
        self.dim, self._vector = len(vector), vector

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the same vector for each sentence."""
        return np.repeat(self._vector[None], len(texts), axis=0)


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures for one length of vectors."""

    dim: int
    answer_ms: float
    cpu_ms: float
    plain_cpu_ms: float
    times_as_fast: float
    database_ms: float
    own_bias_ms: float
    differ: float
    answer_kb: int


def main() -> int:
    """Measure and print a line for each figure, or with --json an object for each length."""
    parser = argparse.ArgumentParser(description="The timeline of a two-hour video.")
    parser.add_argument("--database-url", help="an empty database (SQLite in a temporary folder)")
    parser.add_argument("--json", action="store_true", help="print objects")
    options = parser.parse_args()
    for dim in (512, 1024):
        with tempfile.TemporaryDirectory() as folder:
            found = measure(Path(folder), dim, FRAMES, options.database_url)
        write(asdict(found), as_json=options.json)
    return 0


def measure(folder: Path, dim: int, frames: int, url: str | None = None) -> Measured:
    """Store the video and ask for its timeline."""
    vectors, sentences = made(frames, dim)
    bank, name = sentences[:BANK], f"made-{dim}"
    means = vectors.reshape(-1, EACH, dim).mean(axis=1)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    edges = np.arange(0, frames + 1, EACH, dtype=np.float64)
    picture = FieldSegments(
        spans=np.stack([edges[:-1], edges[1:]], axis=1),
        vectors=means,
        best_times=edges[:-1],
        biases=calibration.bias(means, bank, SCALE),
        thumbnails=["none.jpg"] * len(means),
    )
    video = Video("v", "/v.mp4", "v", float(frames), 64, 48, 1)
    embedder = _Generated(sentences[-1])
    curve = calibration.model_constants(BANK)
    model = Model(name, embedder, SCALE, 0.85, curve, bank)
    with closing(SqlCatalog.open(url or f"sqlite:///{folder}/catalog.db")) as catalog:
        catalog.ensure_collection(name, name, dim, embedder.fingerprint)
        kept = FrameVectors(np.arange(float(frames)), vectors)
        catalog.put(name, Put(video, {PICTURE: picture}, frames=kept))
        views = Views(catalog, FolderStore(folder / "snapshots"), refresh_s=1.0)
        collections = Collections(catalog, views, Models(lambda _: model))
        texts = TextVectors(LocalCache(100, 1 << 20), 3600)

        def answer() -> bytes:
            return to_json(
                written(timeline(collections, texts, name, "v", [Text("a sentence")]), "")
            )

        def plain() -> bytes:
            (rows,) = catalog.stored(name)
            assert rows.frames is not None
            wide = rows.frames.vectors.astype(np.float32)
            wide *= abs(wide)  # as `catalog.codes` says
            wide /= np.linalg.norm(wide, axis=1, keepdims=True)
            found = calibration.evidence(wide @ sentences[-1], own, SCALE)
            return to_json(
                {
                    "times": rows.frames.times.astype(np.float64).tolist(),
                    "relevance": calibration.relevance(found, curve).round(4).tolist(),
                }
            )

        def read() -> None:
            with catalog.consistent(name) as now:
                now.collection(name)
                now.video(name, "v")
                list(now.blocks(name, video_ids=["v"]))
                list(now.frame_blocks(name, "v")[1])

        ours = timeline(collections, texts, name, "v", [Text("a sentence")])
        own = calibration.bias(vectors, bank, SCALE)
        theirs = calibration.relevance(
            calibration.evidence(vectors @ sentences[-1], own, SCALE), curve
        )
        cpu_ms, plain_ms = _in_turns(answer, plain)
        return Measured(
            dim=dim,
            answer_ms=_milliseconds(answer),
            cpu_ms=cpu_ms,
            plain_cpu_ms=plain_ms,
            times_as_fast=round(plain_ms / cpu_ms, 2),
            database_ms=_milliseconds(read),
            own_bias_ms=_milliseconds(lambda: calibration.bias(vectors, bank, SCALE)),
            differ=round(float(np.mean((ours.relevance >= 0.5) != (theirs >= 0.5))), 4),
            answer_kb=len(answer()) // 1000,
        )


def _in_turns(*works: Callable[[], object]) -> list[float]:
    """Return the median CPU time of each in milliseconds, some calls of one and then of another.

    The first call of some is not counted: it gets memory that the other one has given back.
    """
    took: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for work, times in zip(works, took, strict=True):
            work()
            for _ in range(TIMES // ROUNDS):
                started = time.process_time()
                work()
                times.append(time.process_time() - started)
    return [round(1e3 * median(times), 2) for times in took]


def _milliseconds(work: Callable[[], object]) -> float:
    took = []
    for _ in range(TIMES):
        started = time.perf_counter()
        work()
        took.append(time.perf_counter() - started)
    return round(1e3 * median(took), 2)


if __name__ == "__main__":
    raise SystemExit(main())
