"""A library to serve: videos of random vectors with the demo model."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipseek.assembly import build_snapshot, load_model, open_writer
from clipseek.calibration import bias
from clipseek.config import Settings
from clipseek.types import PICTURE, FieldSegments, FrameVectors, Put, Video

VIDEOS, SEGMENTS = 40, 25
Draw = Callable[[int, np.random.Generator, int], NDArray[np.float32]]
"""Makes the vectors of a video, float32 (S, dim), of its number and a dimension."""


def put_of(video: Video, vectors: NDArray[np.float32], *, thumbnail: str = "none.jpg") -> Put:
    """Return a video whose segments have these vectors, two seconds each, with a frame in each."""
    edges = np.arange(0, 2 * len(vectors) + 1, 2, dtype=np.float64)
    picture = FieldSegments(
        spans=np.stack([edges[:-1], edges[1:]], axis=1),
        vectors=vectors,
        best_times=edges[:-1],
        biases=np.zeros(len(vectors), np.float32),
        thumbnails=[thumbnail] * len(vectors),
    )
    return Put(video, {PICTURE: picture}, frames=FrameVectors(edges[:-1], vectors))


def make_library(
    folder: Path,
    *,
    model: str = "demo",
    collection: str = "default",
    videos: int = VIDEOS,
    segments: int = SEGMENTS,
    described: Callable[[int, Video], Video] = lambda _number, video: video,
    draw: Draw | None = None,
) -> None:
    """Index random vectors under the demo model: what is found does not matter here.

    `described` returns each video, by its number, with what else is said of it. With `draw`, the
    vectors are what it returns, and segments have their biases.
    """
    settings = Settings.load(data_dir=folder, model=model)
    loaded = load_model(settings, model, report=lambda _step: None)
    service = open_writer(settings, create=True)
    catalog, dim = service.catalog, loaded.embedder.dim
    catalog.ensure_collection(collection, loaded.name, dim, loaded.embedder.fingerprint)
    chance = np.random.default_rng(0)
    edges = np.arange(0, 2 * segments + 1, 2, dtype=np.float64)
    for number in range(videos):
        biases = np.zeros(segments, np.float32)
        if draw is None:
            vectors = chance.standard_normal((segments, dim)).astype(np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        else:
            vectors = draw(number, chance, dim)
            biases = bias(vectors, loaded.bank, loaded.logit_scale, loaded.logit_bias)
        name = f"{number:032x}"
        picture = FieldSegments(
            spans=np.stack([edges[:-1], edges[1:]], axis=1),
            vectors=vectors,
            best_times=edges[:-1],
            biases=biases,
            thumbnails=["none.jpg"] * segments,
        )
        video = Video(name, f"/videos/{name}.mp4", name, 2.0 * segments, 64, 48, 1)
        frames = FrameVectors(edges[:-1], vectors)
        catalog.put(collection, Put(described(number, video), {PICTURE: picture}, frames=frames))
    build_snapshot(service, collection)
    service.close()


def print_figures(description: str, measure: Callable[[Path, int, int], dict[str, float]]) -> int:
    """Measure in a folder of its own, as the command line says, and print a line for each."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--videos", type=int, default=2000, help="how many (2000)")
    parser.add_argument("--times", type=int, default=40, help="searches of each kind (40)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), options.videos, options.times)
    for name, figure in found.items():
        sys.stdout.write(f"{name:10}{figure:10.2f}\n")
    return 0
