"""Videos a second, from files to a library that can be searched, with the model on the device.

The videos are real footage if available, otherwise drawn ones. They are decoded on the CPU, as
`indexer ingest` does. The model has random weights and has been loaded.
"""

import tempfile
import time
from pathlib import Path

from benchmarks import footage
from benchmarks.gpu.work import Work
from benchmarks.indexing import indexed, loaded_from
from benchmarks.model import ARCHITECTURE, made, pictures
from clipseek.demo.videos import make_videos
from clipseek.embedding.towers.torch import on_torch

MAKING_S = 40
"""About how long the videos and the model take to be made."""


def measure(work: Work) -> None:
    """Index the videos, all of them if there are seconds for all."""
    if not work.has(MAKING_S if work.on_gpu else 0, "videos end to end"):
        return
    with tempfile.TemporaryDirectory() as name, made(pictures(1), precisions=()) as model:
        folder = Path(name)
        videos = footage.videos() if work.on_gpu else []
        if not videos:
            make_videos(work.size.videos, 1, folder / "videos")
            videos = sorted((folder / "videos").glob("*.mp4"))
        bundle = model.bundles["fp32"]
        embedder = on_torch(bundle, device=work.device, checkpoint=model.checkpoint)
        loaded = loaded_from(bundle, embedder)
        (folder / "warm").mkdir()
        start = time.perf_counter()
        indexed(loaded, videos[:1], folder / "warm")
        each_s = time.perf_counter() - start
        count = min(len(videos), max(1, int(work.left_s / each_s)))
        if count < len(videos):
            work.left_out.append(f"{len(videos) - count} of {len(videos)} videos: too few seconds")
        start = time.perf_counter()
        reports = indexed(loaded, videos[:count], folder)
        taken = time.perf_counter() - start
    failed = [report.reason for report in reports if report.state == "failed"]
    if failed:
        raise ValueError(f"{len(failed)} videos failed: {failed[0]}")
    work.figures["videos"] = count
    work.found(f"{ARCHITECTURE}, videos/s", count / taken, 2)
    work.found(f"{ARCHITECTURE}, sampled frames/s", sum(r.frames for r in reports) / taken)
