"""Videos of other shapes to a library, compared with the straightforward way.

    python -m benchmarks.shapes [--only SHAPE …] [--short N] [--minutes M] [--uhd N]
                                [--compared N] [--videos DIR] [--own] [--json]

`short`: N videos of 3 s, 640x360. `long`: one of M minutes, 640x360, one minute of which is encoded
and repeated. `uhd`: N videos of 8 s of HEVC, 3840x2160. All have 25 frames a second and are drawn.
Both ways are those of `benchmarks.ingest`, with the same model, and take turns shape by shape; both
have run over one video of the shape before.

`ratio`: time of the straightforward way divided by ours. With `--compared`, that way takes only the
first N videos, because it takes as long for each whatever their number; its time is counted
for all. `model_share`: the time that the model
alone takes for the pictures that ours embedded, divided by the time of ours: 1 if all else is
hidden behind it.

With `--own`, ours alone runs, with a model that costs nothing: `cpu_ms`, CPU time for each video.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from benchmarks.indexing import indexed, loaded_from
from benchmarks.ingest import fastest, straightforward
from benchmarks.model import Made, made, pictures
from clipseek.demo.drawing import draw
from clipseek.demo.world import sample_scene
from clipseek.embedding.precision import LEAST_PICTURES
from clipseek.embedding.towers import on_cpu
from clipseek.model import Model
from clipseek.testing import ToyEmbedder
from clipseek.types import Relevance

RATE = 25
SHORT_S, MINUTE_S, UHD_S = 3, 60, 8
SCENE_S = 2
STEP = 4
"""Columns by which a scene moves from frame to frame."""
SMALL, UHD = (640, 360), (3840, 2160)
H264, HEVC = ("libx264", "veryfast"), ("libx265", "ultrafast")

COHERENCE = 0.85

Pictures = NDArray[np.uint8]


def scenes(random: Random, size: tuple[int, int], seconds: int) -> Iterator[Pictures]:
    """Yield 25 pictures a second: drawn scenes that move, with a cut every two seconds."""
    scene = np.zeros((1, 1, 3), np.uint8)
    for number in range(seconds * RATE):
        if number % (SCENE_S * RATE) == 0:
            scene = draw(sample_scene(random), *size)
        yield np.roll(scene, STEP * number, axis=1)


def write(path: Path, shown: Iterator[Pictures], size: tuple[int, int], codec: str) -> None:
    """Encode pictures by `codec`, H.264 or HEVC."""
    name, preset = HEVC if codec == "hevc" else H264
    options = {"preset": preset} | ({"x265-params": "log-level=error"} if codec == "hevc" else {})
    with av.open(str(path), "w") as output:
        stream = output.add_stream(name, rate=RATE, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(shown):
            frame = VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def repeat(path: Path, target: Path, times: int, seconds: int) -> None:
    """Write a video of so many seconds several times in a row, without encoding it again."""
    with av.open(str(target), "w") as output:
        stream: Any = None
        for turn in range(times):
            with av.open(str(path)) as source:
                kept = source.streams.video[0]
                stream = stream or output.add_stream_from_template(kept)
                assert kept.time_base is not None
                later = int(turn * seconds / kept.time_base)
                for packet in source.demux(kept):
                    if packet.dts is None or packet.pts is None:
                        continue
                    packet.pts, packet.dts = packet.pts + later, packet.dts + later
                    packet.stream = stream
                    output.mux(packet)


def short(folder: Path, count: int) -> list[Path]:
    """Write videos of 3 s."""
    paths = [folder / f"{number:05d}.mp4" for number in range(count)]
    for number, path in enumerate(paths):
        if not path.exists():
            write(path, scenes(Random(number), SMALL, SHORT_S), SMALL, "h264")
    return paths


def long(folder: Path, minutes: int) -> list[Path]:
    """Write one long video."""
    minute, whole = folder / "minute.mp4", folder / f"{minutes}.mp4"
    if not minute.exists():
        write(minute, scenes(Random(0), SMALL, MINUTE_S), SMALL, "h264")
    repeat(minute, whole, minutes, MINUTE_S)
    return [whole]


def uhd(folder: Path, count: int) -> list[Path]:
    """Write videos of HEVC in 4K."""
    paths = [folder / f"{number:05d}.mp4" for number in range(count)]
    for number, path in enumerate(paths):
        if not path.exists():
            write(path, scenes(Random(number), UHD, UHD_S), UHD, "hevc")
    return paths


def measured(
    model: Made, loaded: Model, videos: Sequence[Path], compared: int | None
) -> dict[str, Any]:
    """Index the videos in both ways, in the straightforward one so many of them."""
    theirs = videos[:compared]
    with tempfile.TemporaryDirectory() as warm, tempfile.TemporaryDirectory() as folder:
        if len(videos) > 1:
            straightforward(model, videos[:1])
            indexed(loaded, videos[:1], Path(warm))
        start = time.perf_counter()
        frames = straightforward(model, theirs)
        between = time.perf_counter()
        reports = indexed(loaded, videos, Path(folder))
        end = time.perf_counter()
    failed = [report for report in reports if report.state != "indexed"]
    assert not failed, failed[:3]
    embedded = sum(report.embedded for report in reports)
    theirs_s, ours_s = (between - start) * len(videos) / len(theirs), end - between
    return {
        "ratio": round(theirs_s / ours_s, 2),
        "model_share": round(_alone(loaded, embedded) / ours_s, 2),
        "videos": len(videos),
        "videos_per_s": round(len(videos) / ours_s, 2),
        "compared": len(theirs),
        "frames": frames,
        "embedded": embedded,
        "theirs_s": round(theirs_s, 1),
        "ours_s": round(ours_s, 1),
    }


def own(videos: Sequence[Path]) -> dict[str, Any]:
    """Index the videos with a model that costs nothing."""
    embedder = ToyEmbedder()
    bank = embedder.embed_texts(["red", "green", "nothing"])
    model = Model("toy", embedder, 100.0, COHERENCE, Relevance(1, 0, fitted=False), bank)
    with tempfile.TemporaryDirectory() as folder:
        start, wall = time.process_time(), time.perf_counter()
        reports = indexed(model, videos, Path(folder))
        cpu_s, taken = time.process_time() - start, time.perf_counter() - wall
    assert all(report.state == "indexed" for report in reports), reports[:3]
    return {
        "videos": len(videos),
        "frames": sum(report.frames for report in reports),
        "cpu_ms": round(1000 * cpu_s / len(videos), 1),
        "wall_ms": round(1000 * taken / len(videos), 1),
    }


def _alone(loaded: Model, count: int) -> float:
    """Return the seconds that the model takes for so many pictures of its own size."""
    embedder = loaded.embedder
    side, block = embedder.image_size, 256
    shown = np.random.default_rng(0).integers(0, 256, (block, side, side, 3), np.uint8)
    embedder.embed_images(shown[:32])
    start = time.perf_counter()
    embedder.embed_images(shown)
    return (time.perf_counter() - start) / block * count


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures of each shape."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=("short", "long", "uhd"), metavar="SHAPE")
    parser.add_argument("--short", type=int, default=300, metavar="N", help="videos of 3 s (300)")
    parser.add_argument("--minutes", type=int, default=30, metavar="M", help="of the long one (30)")
    parser.add_argument("--uhd", type=int, default=4, metavar="N", help="videos of 8 s in 4K (4)")
    parser.add_argument("--compared", type=int, metavar="N", help="videos of the other way (all)")
    parser.add_argument(
        "--videos", type=Path, metavar="DIR", help="where videos are made, and kept for later runs"
    )
    parser.add_argument("--own", action="store_true", help="with a model that costs nothing")
    parser.add_argument("--json", action="store_true", help="one object")
    options = parser.parse_args(arguments)
    shapes: dict[str, Callable[[Path], list[Path]]] = {
        "short": partial(short, count=options.short),
        "long": partial(long, minutes=options.minutes),
        "uhd": partial(uhd, count=options.uhd),
    }
    found: dict[str, Any] = {"name": "shapes"}
    with ExitStack() as stack:
        if not options.own:
            model = stack.enter_context(made(pictures(LEAST_PICTURES)))
            bundle = fastest(model)
            found["precision"] = bundle.precision
            loaded = loaded_from(bundle, on_cpu(bundle))
        for name in options.only or shapes:
            with tempfile.TemporaryDirectory() as made_here:
                folder = (options.videos or Path(made_here)) / name
                folder.mkdir(parents=True, exist_ok=True)
                videos = shapes[name](folder)
                found[name] = (
                    own(videos)
                    if options.own
                    else measured(model, loaded, videos, options.compared)
                )
            if not options.json:
                print(name, *(f"{key} {value}" for key, value in found[name].items()), flush=True)
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
