"""Videos to measure with: made from drawn motion and, if available, real footage."""

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

FOOTAGE = Path(os.environ.get("CLIPSEEK_FOOTAGE", Path(__file__).parents[2] / "shared")) / "films"
PIECES = ("leaf_deer.mp4", "bbb_bunny.mp4", "flower_bloom.mp4", "highway_dashcam.mp4")
"""Videos of the footage that are used for large pictures: those with the most pixels."""
PIECE_S = 4
RATE = 30


def videos() -> list[Path]:
    """Return the real videos, or none if there is no footage."""
    if not FOOTAGE.is_dir():
        return []
    return sorted(path for path in FOOTAGE.iterdir() if path.suffix != ".jsonl")


def pictures(size: tuple[int, int], seconds: int) -> Iterator[VideoFrame]:
    """Yield 30 frames per second: parts of real videos alternate with drawn camera motion."""
    pieces = [FOOTAGE / name for name in PIECES if (FOOTAGE / name).exists()]
    frames = 0
    for turn in range(-(-seconds // PIECE_S)):
        piece = pieces[turn // 2 % len(pieces)] if pieces and turn % 2 else None
        for frame in _real(piece, size) if piece else _drawn(turn, size):
            if frames == seconds * RATE:
                return
            frames += 1
            yield frame


def _real(path: Path, size: tuple[int, int]) -> Iterator[VideoFrame]:
    with av.open(str(path)) as source:
        for number, frame in enumerate(source.decode(video=0)):
            if number == PIECE_S * RATE:
                return
            yield frame.reformat(*size, format="yuv420p", interpolation="BICUBIC")


def _drawn(seed: int, size: tuple[int, int]) -> Iterator[VideoFrame]:
    """Yield a landscape of soft shapes under a moving camera, with things that cross it."""
    chance = np.random.default_rng(seed)
    width, height = size
    wide = _shapes(chance, (width * 3 // 2, height))
    things = [_shapes(chance, (width // 9, height // 7)) for _ in range(4)]
    for number in range(PIECE_S * RATE):
        left = number * 2 % (width // 2)
        picture = wide[:, left : left + width].copy()
        for row, thing in enumerate(things):
            at = (number * (3 + row) + row * 200) % (width - thing.shape[1])
            top = height * (row + 1) // 6
            picture[top : top + thing.shape[0], at : at + thing.shape[1]] = thing
        yield VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")


def _shapes(chance: np.random.Generator, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return soft shapes with some grain, uint8 (H, W, 3)."""
    small = chance.integers(20, 236, (12, 20, 3), np.uint8)
    soft = np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC))
    grain = chance.normal(0, 4, (size[1], size[0], 1))
    return np.clip(soft + grain, 0, 255).astype(np.uint8)


def write(
    path: Path, frames: Iterator[VideoFrame], size: tuple[int, int], options: dict[str, str]
) -> None:
    """Encode frames as H.264 by x264 with the given options, and its defaults otherwise."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=RATE, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for number, frame in enumerate(frames):
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
