"""Pictures and videos with a face: a portrait that scikit-image ships, and where its face is."""

import io
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from clipseek.redaction.centerface import CenterFace

SURE = 0.5
"""Of a face that is seen, the model is at least so certain."""


def portrait(side: int = 256) -> NDArray[np.uint8]:
    """Return the portrait of an astronaut, uint8 (side, side, 3); it is in the public domain."""
    whole = data.astronaut()  # type: ignore[no-untyped-call]  # it has no types
    return np.asarray(Image.fromarray(whole).resize((side, side)), np.uint8)


def jpeg_of(picture: NDArray[np.uint8]) -> bytes:
    """Return a picture as a JPEG."""
    written = io.BytesIO()
    Image.fromarray(picture).save(written, "JPEG", quality=92)
    return written.getvalue()


@cache
def _sure() -> CenterFace:
    return CenterFace(threshold=SURE)


def faces(picture: NDArray[np.uint8]) -> int:
    """Return how many faces are seen in a picture."""
    return len(_sure().find(picture))


def faces_of_jpeg(jpeg: bytes) -> int:
    """Return how many faces are seen in a JPEG."""
    with Image.open(io.BytesIO(jpeg)) as opened:
        return faces(np.asarray(opened.convert("RGB"), np.uint8))


def frames(content: bytes) -> list[NDArray[np.uint8]]:
    """Return the frames of a video."""
    with av.open(io.BytesIO(content), "r") as opened:
        return [
            np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
            for frame in opened.decode(video=0)
        ]


def drawn(
    path: Path, pictures: list[NDArray[np.uint8]], fps: int = 10, *, movflags: str = "faststart"
) -> bytes:
    """Write a video of H.264 that shows pictures, and return its bytes."""
    with av.open(str(path), "w", options={"movflags": movflags}) as output:
        stream = output.add_stream("libx264", rate=fps)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path.read_bytes()
