"""Videos to a library that can be searched, compared with the straightforward way.

    python -m benchmarks.ingest [--videos N] [--precision P] [--json]

The videos are real footage if available, otherwise drawn ones of the same kind. The straightforward
way: decord's `get_batch` of one frame per second, open_clip's own transform of each, `encode_image`
in torch fp32, 32 at a time, `IndexFlatIP`. Ours: what `indexer ingest` does by default: fast
decoding that finds cuts, segments, thumbnails, catalog and snapshot. Both run a ViT-B-32 with
random weights that is loaded already (`benchmarks.model`), on all cores, and have run over the
first video before.

`ratio`: their time divided by ours, videos end to end. `ratio_without_skips`: the same per frame
that a model saw, so that frames that were skipped because they repeat the last one do not count.
`skipped`: their share. `overlap`: the mean share of the ten nearest frames that ours finds of those
of exact decoding in fp32, for pictures half a second off the sampled ones; a frame counts that is
as near as the tenth within 0.001 (as in ann-benchmarks), because neighbours in time are alike.
`cosine`: of the vectors of both.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import decord
import faiss as _faiss
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks import footage
from benchmarks.indexing import indexed, loaded_from
from benchmarks.model import Made, made
from clipseek.catalog import SqlCatalog
from clipseek.embedding.bundle import Bundle
from clipseek.embedding.embedder import BundleEmbedder
from clipseek.embedding.pixels import Recipe, prepare
from clipseek.embedding.precision import overlap as share_of_best
from clipseek.embedding.towers import on_cpu
from clipseek.sampling import grid
from clipseek.sources import LOCAL, LocalDisk, Places
from clipseek.video import PyAVFrames
from indexer import sample

faiss: Any = _faiss
Vectors = NDArray[np.float32]
BATCH = 32
SIDE, SAMPLES = 224, 128
DRAWN_S, DRAWN_SIZE, DRAWN_VIDEOS = 12, (960, 540), 4


def straightforward(model: Made, videos: Sequence[Path]) -> int:
    """Index the videos in the straightforward way; return how many frames were embedded."""
    index = faiss.IndexFlatIP(model.bundles["fp32"].dim)
    for path in videos:
        reader = decord.VideoReader(str(path))
        step = reader.get_avg_fps()
        count = max(1, int(len(reader) / step))
        frames = reader.get_batch([min(len(reader) - 1, round(i * step)) for i in range(count)])
        for block in np.array_split(frames.asnumpy(), -(-count // BATCH)):
            shown = torch.stack([model.transform(Image.fromarray(one)) for one in block])
            with torch.inference_mode():
                index.add(model.model.encode_image(shown, normalize=True).numpy())
    return int(index.ntotal)


def overlap(videos: Sequence[Path], fp32: BundleEmbedder, folder: Path) -> dict[str, float]:
    """Compare the vectors in the catalog with those of exact decoding in fp32."""
    catalog = SqlCatalog.open(f"sqlite:///{folder / 'catalog.db'}")
    kept = {each.uri: each.id for each in catalog.videos("default", limit=10_000)}
    wanted, found, asked = [], [], []
    for path in videos:
        times, vectors = catalog.frame_vectors("default", kept[str(path)])
        exact_times, exact = _exact(path, fp32, grid(1))
        wanted.append(exact)
        found.append(vectors[_standing(times, exact_times)])
        asked.append(_exact(path, fp32, (each + 0.5 for each in grid(5)))[1])
    catalog.close()
    queries, truth, stored = (np.concatenate(rows) for rows in (asked, wanted, found))
    return {
        "overlap": round(share_of_best(queries @ stored.T, queries @ truth.T), 4),
        "cosine": round(float(np.einsum("nd,nd->n", truth, stored).mean()), 4),
    }


def _standing(kept: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return which kept frame stands for each time: one within 0.2 s, else the last before it."""
    nearest = np.abs(kept[None] - times[:, None]).argmin(axis=1)
    before = np.maximum(np.searchsorted(kept, times + 1e-4, side="right") - 1, 0)
    is_near = np.abs(kept[nearest] - times) <= 0.2 + 1e-4
    return np.where(is_near, nearest, before)


def _exact(path: Path, embedder: BundleEmbedder, times: Any) -> tuple[NDArray[np.float64], Vectors]:
    with PyAVFrames(path) as source:
        side = embedder.image_size
        batches = [
            (batch.times, embedder.embed_images(batch.pixels))
            for batch in source.read(times, short_side=side)
        ]
    if not batches:
        return np.empty(0), np.empty((0, embedder.dim), np.float32)
    taken, vectors = zip(*batches, strict=True)
    return np.concatenate(taken), np.concatenate(vectors)


def _samples(videos: Sequence[Path]) -> NDArray[np.uint8]:
    """Return the pictures that `indexer ingest` measures precisions with, of the first videos."""
    places = Places({LOCAL: LocalDisk()})
    read = sample.pictures([*map(str, videos)], places, PyAVFrames, fps=1.0)
    recipe = Recipe(SIDE, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    return read(lambda pixels: prepare(pixels, recipe), SIDE, SAMPLES)


def fastest(model: Made) -> Bundle:
    """Return the fastest bundle that is measured as good as fp32, as `--precision auto` does."""
    good = [
        (bundle.measured.speedup, bundle)
        for bundle in model.bundles.values()
        if bundle.measured is not None and bundle.measured.is_as_good
    ]
    return max(good, key=lambda each: each[0], default=(1.0, model.bundles["fp32"]))[1]


def measured(videos: Sequence[Path], precision: str, folder: Path) -> dict[str, Any]:
    """Run both ways in turns, and compare what ours stores."""
    with made(_samples(videos)) as model:
        bundle = fastest(model) if precision == "auto" else model.bundles[precision]
        embedder = on_cpu(bundle)
        loaded = loaded_from(bundle, embedder)
        with tempfile.TemporaryDirectory() as warm:
            straightforward(model, videos[:1])
            indexed(loaded, videos[:1], Path(warm))
        start = time.perf_counter()
        frames = straightforward(model, videos)
        between = time.perf_counter()
        reports = indexed(loaded, videos, folder)
        end = time.perf_counter()
        agreed = overlap(videos, on_cpu(model.bundles["fp32"]), folder)
    theirs_s, ours_s = between - start, end - between
    sampled = sum(report.frames for report in reports)
    embedded = sum(report.embedded for report in reports)
    return {
        "name": "ingest",
        "ratio": round(theirs_s / ours_s, 2),
        "compared": "decord get_batch, open_clip, torch fp32, IndexFlatIP; Pipeline and snapshot",
        "ratio_without_skips": round(theirs_s / frames * embedded / ours_s, 2),
        "skipped": round(1 - embedded / sampled, 3),
        **agreed,
        "precision": bundle.precision,
        "videos": len(videos),
        "frames": frames,
        "theirs_s": round(theirs_s, 2),
        "ours_s": round(ours_s, 2),
    }


def drawn(folder: Path) -> list[Path]:
    """Draw videos, if there are no real ones."""
    paths = [folder / f"drawn{number}.mp4" for number in range(DRAWN_VIDEOS)]
    for path in paths:
        footage.write(path, footage.pictures(DRAWN_SIZE, DRAWN_S), DRAWN_SIZE, {})
    return paths


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, help="so many videos; all without it")
    parser.add_argument("--precision", default="auto", help="fp32, bf16, int8 or auto (auto)")
    parser.add_argument("--json", action="store_true", help="one object")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        videos = (footage.videos() or drawn(Path(name)))[: options.videos]
        found = measured(videos, options.precision, Path(name))
    if options.json:
        print(json.dumps(found))
    else:
        print("\n".join(f"{key:20}{value}" for key, value in found.items()))


if __name__ == "__main__":
    main()
