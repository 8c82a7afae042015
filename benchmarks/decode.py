"""Decode one picture per second from 1080p H.264 at 30 frames per second.

    python -m benchmarks.decode [--seconds N] [--json]

Two videos are made of drawn motion and, if available, real footage, by x264 with its defaults (GOPs
of up to 250 frames, three B-frames in a row). Three readers take turns. decord's `get_batch`, and
PyAV, which decodes everything and converts one frame per second, read one video after the other,
each on all cores. PyAVFrames with `decode="fast"`, the default of `indexer ingest`, reads both
videos at once, in a thread each. The first two return whole pictures, the last one pictures with
224 pixels on the shorter side, the input size of the model.

`ratio`: time of decord divided by ours. `against_pyav`: time of PyAV divided by ours. `one_video`:
decord divided by ours for a single video, on all cores. `with_cuts`: decord divided by ours if cuts
between shots are found too. `keyframes`: decord divided by ours with `decode="keyframes"`.
`timestamp_error`: the largest difference to exact decoding, in seconds. `cosine` and `cosine_min`:
mean and minimum cosine of the demo model's vectors with those of exact decoding. `groups_of_1_s`
and `groups_of_2_s`: the ratio for videos with a keyframe every second and without B-frames, as
phones record, and with one every two seconds, as sites stream.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av
import decord
import numpy as np
from numpy.typing import NDArray

from benchmarks import footage
from clipseek.embedding import models
from clipseek.embedding.towers import on_cpu
from clipseek.sampling import ShotCuts, grid
from clipseek.video import PyAVFrames
from clipseek.video.pyav import Decode

SIZE = (1920, 1080)
SHORT_SIDE = 224
TURNS = 3
VIDEOS = 2  # read at once, as many as `CLIPSEEK_WORKERS` has by default
EVERY_CORE = 0
CLIPS = {
    "x264": {},
    "groups_of_1_s": {"g": "30", "bf": "0", "sc_threshold": "0"},
    "groups_of_2_s": {"g": "60", "sc_threshold": "0"},
}


@dataclass(frozen=True, slots=True)
class Sampled:
    """Pictures of a video, uint8 (N, H, W, 3), and their times (N,) in seconds."""

    pixels: NDArray[np.uint8]
    times: NDArray[np.float64]


def by_decord(path: Path) -> Sampled:
    """Read a video in the straightforward way."""
    reader = decord.VideoReader(str(path))
    numbers = list(range(0, len(reader), footage.RATE))
    return Sampled(reader.get_batch(numbers).asnumpy(), np.array(numbers) / footage.RATE)


def by_pyav(path: Path) -> Sampled:
    """Decode all frames of a video, and convert one per second."""
    pixels, times = [], []
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for number, frame in enumerate(container.decode(video=0)):
            if number % footage.RATE == 0:
                pixels.append(frame.to_ndarray(format="rgb24"))
                times.append(number / footage.RATE)
    return Sampled(np.stack(pixels), np.array(times))


def ours(
    path: Path, decode: Decode = "fast", *, with_cuts: bool = False, threads: int = 1
) -> Sampled:
    """Read a video as the indexer does."""
    with PyAVFrames(path, threads=threads, decode=decode) as source:
        cuts = ShotCuts(source.frame_rate) if with_cuts else None
        batches = list(source.read(grid(1), short_side=SHORT_SIDE, cuts=cuts))
    return Sampled(
        np.concatenate([batch.pixels for batch in batches]),
        np.concatenate([batch.times for batch in batches]),
    )


def after(way: Callable[[Path], Sampled], path: Path) -> None:
    """Read the videos one after the other."""
    for _ in range(VIDEOS):
        way(path)


def at_once(way: Callable[[Path], Sampled], path: Path) -> None:
    """Read the videos at once."""
    with ThreadPoolExecutor(VIDEOS) as pool:
        list(pool.map(way, [path] * VIDEOS))


def fastest(ways: Sequence[Callable[[], object]]) -> list[float]:
    """Return the least time of each way in seconds; they take turns, so that all see one load."""
    times = [[float("inf")] for _ in ways]
    for _ in range(TURNS):
        for taken, way in zip(times, ways, strict=True):
            start = time.perf_counter()
            way()
            taken.append(time.perf_counter() - start)
    return [min(taken) for taken in times]


def agreement(path: Path) -> dict[str, float]:
    """Compare what fast decoding gives with exact decoding, picture by picture."""
    exact, fast = ours(path, "exact"), ours(path)
    nearest = [int(np.abs(fast.times - time).argmin()) for time in exact.times]
    embedder = on_cpu(models.resolve("demo", path.parent, export=False))
    one, other = embedder.embed_images(exact.pixels), embedder.embed_images(fast.pixels[nearest])
    cosines = np.einsum("nd,nd->n", one, other)
    return {
        "timestamp_error": round(float(np.abs(fast.times[nearest] - exact.times).max()), 3),
        "cosine": round(float(cosines.mean()), 4),
        "cosine_min": round(float(cosines.min()), 4),
    }


def measured(seconds: int, folder: Path) -> dict[str, object]:
    """Make the videos, and read each in all ways."""
    clips = {name: folder / f"{name}.mp4" for name in CLIPS}
    for name, path in clips.items():
        footage.write(path, footage.pictures(SIZE, seconds), SIZE, dict(CLIPS[name]))
    main = clips.pop("x264")
    decord_s, pyav_s, ours_s, cuts_s, keys_s, alone_s = fastest(
        [
            partial(after, by_decord, main),
            partial(after, by_pyav, main),
            partial(at_once, ours, main),
            partial(at_once, partial(ours, with_cuts=True), main),
            partial(at_once, partial(ours, decode="keyframes"), main),
            partial(ours, main, threads=EVERY_CORE),
        ]
    )
    found = {
        "name": "decode",
        "ratio": round(decord_s / ours_s, 2),
        "compared": "decord get_batch, every core; PyAVFrames fast, a video a core",
        "against_pyav": round(pyav_s / ours_s, 2),
        "one_video": round(decord_s / VIDEOS / alone_s, 2),
        "with_cuts": round(decord_s / cuts_s, 2),
        "keyframes": round(decord_s / keys_s, 2),
        **agreement(main),
    }
    for name, path in clips.items():
        theirs, own = fastest([partial(after, by_decord, path), partial(at_once, ours, path)])
        found[name] = round(theirs / own, 2)
    return {**found, "seconds": seconds, "decord_s": round(decord_s, 3), "ours_s": round(ours_s, 3)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=40, help="length of the clips (40)")
    parser.add_argument("--json", action="store_true", help="one object")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found = measured(options.seconds, Path(folder))
    if options.json:
        print(json.dumps(found))
    else:
        print("\n".join(f"{name:18}{value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
