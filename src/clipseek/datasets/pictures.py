"""Frames of videos as PNG files, pixel for pixel as exact decoding gives them."""

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clipseek.datasets.dataset import Picture
from clipseek.errors import ClipseekError
from clipseek.protocols import FrameSourceOpener
from clipseek.sources import Places, Source, content_id
from clipseek.stored import rounding_s
from clipseek.types import Video


@dataclass(frozen=True, slots=True)
class Wanted:
    """The frames of one video that are wanted: those shown at some times, in seconds."""

    video: Video
    times: Sequence[float]


class NotTheSame(ClipseekError):
    """A video has other content now than when it was indexed."""


Redact = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""Returns a picture, uint8 (H, W, 3), in which what must not be seen is blurred."""


def as_it_is(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the picture itself."""
    return picture


def taken(
    wanted: Wanted, places: Places, open_exact: FrameSourceOpener, redact: Redact = as_it_is
) -> Iterator[tuple[Picture, bytes]]:
    """Yield each frame that is shown at some of the times, once, and the bytes of its file.

    Raises:
        NotTheSame: the file has changed since it was indexed.
        UnreadableVideo: nothing of it can be decoded.
        OSError: the file is gone or cannot be read.
        ClipseekError: what must not be seen cannot be found.
    """
    video = wanted.video
    source = places.look(video.uri)
    if source.size_bytes != video.size_bytes or not _has_content(source, video):
        raise NotTheSame("it has changed since it was indexed; `indexer ingest` it again")
    asked = sorted(time + rounding_s(time) for time in wanted.times)
    with source.parts() as file, open_exact(video.uri, descriptor=file.fileno()) as frames:
        for batch in frames.read(asked):
            for pixels, time in zip(batch.pixels, batch.times.tolist(), strict=True):
                yield _picture(video, time, redact(pixels))


def _has_content(source: Source, video: Video) -> bool:
    """Whether a source is what was indexed; one that only was copied or touched still is."""
    if source.stamp == video.stamp or video.stream:  # a chunk is not named by its content
        return source.stamp == video.stamp
    with source.open() as file:
        return content_id(file) == video.id


def _picture(video: Video, time: float, pixels: NDArray[np.uint8]) -> tuple[Picture, bytes]:
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    content = written.getvalue()
    height, width, _ = pixels.shape
    picture = Picture(
        file=f"{video.id}-{round(time * 1e6):012}.png",
        video_id=video.id,
        time=time,
        width=width,
        height=height,
        pixels=hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest(),
        content=hashlib.sha256(content).hexdigest(),
    )
    return picture, content
