"""Videos that cameras show in a loop: scenes of the demo world with positions burned in."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from random import Random
from typing import Literal

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from clipseek.demo.drawing import draw
from clipseek.demo.shots import plan_video
from tests.cameras.clock import burn

Codec = Literal["h264", "hevc", "mjpeg"]
_ENCODERS = {"h264": "libx264", "hevc": "libx265", "mjpeg": "mjpeg"}


_GRAINS = 7


@dataclass(frozen=True)
class Shape:
    """What a video is like.

    keyframe_s: Seconds from one keyframe to the next.
    noise: The standard deviation of noise in grey levels, which makes a video as large as that of
        a camera.
    kbit_s: The rate at most, or 0 for no limit.
    stamped: Whether the position of each frame, in milliseconds, is burned into it.
    """

    seconds: float = 4.0
    fps: int = 10
    width: int = 320
    height: int = 180
    keyframe_s: float = 1.0
    codec: Codec = "h264"
    noise: float = 0.0
    kbit_s: int = 0
    stamped: bool = True
    seed: int = 1


def make_film(path: Path, shape: Shape | None = None) -> Path:
    """Write a video as MP4 (MJPEG as Matroska) without B-frames, as of cameras; return its path."""
    shape = shape or Shape()
    container_format = "matroska" if shape.codec == "mjpeg" else "mp4"
    with av.open(str(path), "w", format=container_format) as container:
        stream = container.add_stream(_ENCODERS[shape.codec], rate=shape.fps)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = shape.width, shape.height
        stream.pix_fmt = "yuvj420p" if shape.codec == "mjpeg" else "yuv420p"
        stream.options = _options(shape)
        for number, pixels in enumerate(_frames(shape)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, shape.fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def pictures(width: int, height: int, seed: int = 1) -> Iterator[NDArray[np.uint8]]:
    """Yield the pictures of a demo video for ever, uint8 (height, width, 3), 12 a second."""
    plan = plan_video(Random(seed))
    while True:
        for _, scene in plan.drawn():
            yield draw(scene, width, height)


def _frames(shape: Shape) -> Iterator[NDArray[np.uint8]]:
    """Yield every frame; a picture is held as long as in a demo video, which is drawn on twos."""
    grains = _grains(shape) if shape.noise else []
    held = max(1, round(shape.fps / 12))
    shown = (each for each in pictures(shape.width, shape.height, shape.seed) for _ in range(held))
    for number, pixels in enumerate(islice(shown, round(shape.seconds * shape.fps))):
        seen = pixels
        if grains:
            noisy = pixels.astype(np.int16) + grains[number % len(grains)]
            seen = np.clip(noisy, 0, 255).astype(np.uint8)
        yield burn(seen, position_ms(number, shape.fps)) if shape.stamped else seen


def _grains(shape: Shape) -> list[NDArray[np.int16]]:
    """Return noise for frames in turns, int16 (H, W, 1), so that no two in a row have the same."""
    random = np.random.default_rng(shape.seed)
    size = (_GRAINS, shape.height, shape.width, 1)
    return list(random.normal(0, shape.noise, size).round().astype(np.int16))


def position_ms(frame: int, fps: int) -> int:
    """Return the position of a frame in its video, as it is burned into it."""
    return round(1000 * frame / fps)


def _options(shape: Shape) -> dict[str, object]:
    every = str(max(1, round(shape.keyframe_s * shape.fps)))
    rate = {"maxrate": f"{shape.kbit_s}k", "bufsize": f"{shape.kbit_s}k"} if shape.kbit_s else {}
    quick = {"preset": "ultrafast", "tune": "zerolatency", "threads": "1", "g": every}
    if shape.codec == "h264":
        return {**quick, **rate, "crf": "23", "sc_threshold": "0", "profile": "baseline"}
    if shape.codec == "hevc":
        said = f"keyint={every}:min-keyint={every}:scenecut=0:log-level=error:pools=1"
        return {**quick, **rate, "crf": "25", "x265-params": said}
    return {"q:v": "5", "huffman": "default", "threads": "1"}
