"""Pictures of the first videos, for what has to be measured before anything is indexed."""

from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from clipseek import sampling
from clipseek.errors import UnreadableVideo
from clipseek.protocols import FrameSourceOpener
from clipseek.sources import Places

Prepare = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""Scales uint8 (N, H, W, 3) to the squares that a model sees."""

_FROM_A_VIDEO = 16
"""Pictures of one video, if there are videos enough: then eight videos make 128 pictures."""


def pictures(
    uris: Sequence[str], places: Places, open_video: FrameSourceOpener, *, fps: float
) -> Callable[[Prepare, int, int], NDArray[np.uint8]]:
    """Return what reads the first `count` pictures of the videos, prepared for a side in pixels.

    Videos that cannot be read are passed over: the run that follows reports them.
    """

    def read(prepare: Prepare, side: int, count: int) -> NDArray[np.uint8]:
        each = max(_FROM_A_VIDEO, -(-count // max(1, len(uris))))
        found = [np.empty((0, side, side, 3), np.uint8)]
        for uri in uris:
            missing = count - sum(map(len, found))
            if missing <= 0:
                break
            many = min(each, missing)
            found += _of_video(places, uri, open_video, prepare, side, fps=fps, count=many)
        return np.concatenate(found)

    return read


def _of_video(
    places: Places,
    uri: str,
    open_video: FrameSourceOpener,
    prepare: Prepare,
    side: int,
    *,
    fps: float,
    count: int,
) -> list[NDArray[np.uint8]]:
    times = islice(sampling.grid(fps), count)
    found: list[NDArray[np.uint8]] = []
    try:
        with (
            places.look(uri).parts() as file,
            open_video(uri, descriptor=file.fileno()) as source,
        ):
            found.extend(prepare(batch.pixels) for batch in source.read(times, short_side=side))
    except (UnreadableVideo, OSError):
        return found
    return found
