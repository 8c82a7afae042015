"""Writes pictures as a video: H.264 in MP4, each shown until the time of the next one."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

_TICK = Fraction(1, 1000)


def write_pictures(
    path: Path, pictures: Iterable[tuple[float, NDArray[np.uint8]]], *, fps: float
) -> int:
    """Write uint8 (H, W, 3) pictures of one size, with their times in seconds; return how many.

    Odd rows and columns at the end are left out, because H.264 halves the colours. `fps` is stated
    in the file; pictures keep their own times.

    Raises:
        OSError: the file cannot be written.
    """
    count, last = 0, -1
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as output:
        stream = output.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.pix_fmt, stream.options = "yuv420p", {"preset": "veryfast", "crf": "20"}
        stream.codec_context.time_base = _TICK
        for time, pixels in pictures:
            height, width = (2 * (side // 2) for side in pixels.shape[:2])
            if not count:
                stream.width, stream.height = width, height
            even = np.ascontiguousarray(pixels[:height, :width])
            frame = av.VideoFrame.from_ndarray(even, format="rgb24")
            last = max(last + 1, round(time / float(_TICK)))
            frame.pts, frame.time_base = last, _TICK
            output.mux(stream.encode(frame))
            count += 1
        if count:
            output.mux(stream.encode(None))
    return count
