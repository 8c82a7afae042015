"""Pictures of the first films, for what has to be measured before anything is indexed."""

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipseek import sampling
from clipseek.errors import UnreadableVideo
from clipseek.protocols import FrameSourceOpener

Fit = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""Scales uint8 (N, H, W, 3) to the squares that a model sees."""

_FROM_A_FILM = 16
"""Pictures of one film, where there are films enough: then eight films make 128 pictures."""


def pictures(
    paths: Sequence[Path], open_video: FrameSourceOpener, *, fps: float
) -> Callable[[Fit, int, int], NDArray[np.uint8]]:
    """Return what reads the first `count` pictures of the films, fitted to a side in pixels.

    Films that cannot be read are passed over: the run that follows reports them.
    """

    def read(fit: Fit, side: int, count: int) -> NDArray[np.uint8]:
        each = max(_FROM_A_FILM, -(-count // max(1, len(paths))))
        found = [np.empty((0, side, side, 3), np.uint8)]
        for path in paths:
            missing = count - sum(map(len, found))
            if missing <= 0:
                break
            found += _of_film(path, open_video, fit, side, fps=fps, count=min(each, missing))
        return np.concatenate(found)

    return read


def _of_film(
    path: Path, open_video: FrameSourceOpener, fit: Fit, side: int, *, fps: float, count: int
) -> list[NDArray[np.uint8]]:
    times = islice(sampling.grid(fps), count)
    found: list[NDArray[np.uint8]] = []
    try:
        with open_video(path) as source:
            found.extend(fit(batch.pixels) for batch in source.read(times, short_side=side))
    except (UnreadableVideo, OSError):
        return found
    return found
