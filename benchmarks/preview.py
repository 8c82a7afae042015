"""How long a person waits for the preview of a video that browsers cannot play.

    python -m benchmarks.preview

Draws videos of 60 s in 1080p, with a keyframe each ten seconds: HEVC in Matroska, MPEG-4 in AVI,
MPEG-2 in a program stream, and H.264 and HEVC without a container. Asks for the preview of 49.5 to
59.5 s, for which the ten seconds before are decoded. Prints the seconds until the first second of
it can be played, and until all of it is there.
"""

import sys
import tempfile
import time
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from clipseek.excerpts import Excerpts
from clipseek.video.excerpting import Excerpting, Recipe

SECONDS, FPS, START = 60, 25, 49.5
KINDS = {
    "a.mkv": "libx265",
    "b.avi": "mpeg4",
    "c.mpg": "mpeg2video",
    "d.h264": "libx264",
    "e.hevc": "libx265",
}


def main() -> int:
    """Measure and print a line for each kind of video."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, codec in KINDS.items():
            draw(folder / file, codec)
            first, whole = waits(folder / file, folder / "excerpts")
            sys.stdout.write(f"{file}  first second {first:.2f} s  ten seconds {whole:.2f} s\n")
    return 0


def draw(path: Path, codec: str) -> None:
    """Write a video of coloured blocks that move."""
    chance = np.random.default_rng(0)
    blocks = chance.integers(0, 255, (135, 240, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=FPS, options={"g": str(10 * FPS)})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        if codec.startswith("libx"):
            stream.options = {**stream.options, "preset": "ultrafast"}
        for number in range(SECONDS * FPS):
            pixels = np.ascontiguousarray(np.roll(blocks, 4 * number, 1))
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def waits(path: Path, folder: Path) -> tuple[float, float]:
    """Return the seconds until the second fragment begins, and until the end."""
    recipe = Recipe(START, START + 10, 360, copy=False, growing=True)
    first, received = 0.0, b""
    with path.open("rb") as file:
        begin = partial(
            Excerpting,
            name=path.name,
            descriptor=file.fileno(),
            limit_s=300.0,
            memory_bytes=2**30,
            frame_pixels=2**26,
        )
        started = time.perf_counter()
        growing = Excerpts(folder, 2**30).growing(
            f"{path.name}.mp4", recipe, lambda recipe, target: begin(recipe, target=target)
        )
        for block in growing:
            received += block
            if not first and received.count(b"moof") > 1:
                first = time.perf_counter() - started
    assert first, "the preview is shorter than a second"
    return first, time.perf_counter() - started


if __name__ == "__main__":
    raise SystemExit(main())
