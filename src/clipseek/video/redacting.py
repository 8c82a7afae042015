"""Redacting: blurs the frames of a span, a moment after they were decoded.

A frame waits until those that follow it were looked at too: a face that is missed in one frame is
then covered by what its neighbours show.
"""

from collections import deque
from collections.abc import Iterator

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from clipseek.redaction.redactor import Redactor
from clipseek.redaction.regions import HOLD_S, Look, Regions, blur, covering

LOOK_S = 0.2
"""At most so many seconds are between two frames that are looked at: every fifth of 25 a second.
Each frame is then covered by what is found in four looks or five, `HOLD_S` before and after."""
STILL = 2.0
"""A picture shows the same as another one if the mean of the luma differs by so much at most in
each block of `_BLOCK` x `_BLOCK` pixels, of 255. A face of 32 pixels has 16 such blocks."""
STILL_S = 1.0
"""What shows the same is looked at again after so many seconds in any case."""
_BLOCK = 8


class Redacting:
    """Takes frames in YUV 4:2:0 in the order of time, and gives them back blurred, later."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._waiting: deque[VideoFrame] = deque()
        self._looks: deque[Look] = deque()
        self._seen: tuple[float, NDArray[np.float32], Regions] | None = None
        """The last frame that was really looked at: its time, its blocks, and what was found."""

    def add(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        """Take a frame; yield those that are ready."""
        time = _time(frame)
        if not self._looks or time - self._looks[-1].time >= LOOK_S - 1e-6:
            self._look(frame)
        self._waiting.append(frame)
        while self._waiting and _time(self._waiting[0]) + HOLD_S < self._looks[-1].time:
            yield self._next()

    def end(self) -> Iterator[VideoFrame]:
        """Yield the frames that still wait; the last one is looked at, because none follows it."""
        if self._waiting and _time(self._waiting[-1]) > self._looks[-1].time:
            self._look(self._waiting[-1])
        while self._waiting:
            yield self._next()

    def _look(self, frame: VideoFrame) -> None:
        time, blocks = _time(frame), _blocks(frame)
        if self._seen is None or time - self._seen[0] >= STILL_S or _differ(self._seen[1], blocks):
            picture = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
            self._seen = time, blocks, self._redactor.find(picture)
        self._looks.append(Look(time, self._seen[2]))

    def _next(self) -> VideoFrame:
        frame = self._waiting.popleft()
        time = _time(frame)
        while self._looks and self._looks[0].time < time - HOLD_S - LOOK_S:
            self._looks.popleft()
        regions = covering(self._looks, time)
        return _blurred(frame, regions) if len(regions) else frame


def _blocks(frame: VideoFrame) -> NDArray[np.float32]:
    """Return the mean luma of each block, float32 (rows, columns); the last ones may be smaller."""
    luma = np.asarray(frame.to_ndarray(), np.uint8)[: frame.height]
    high, wide = (np.arange(0, length, _BLOCK) for length in luma.shape)
    sums = np.add.reduceat(np.add.reduceat(luma, wide, axis=1, dtype=np.uint32), high, axis=0)
    rows, columns = (
        np.diff(np.append(edges, length))
        for edges, length in zip((high, wide), luma.shape, strict=True)
    )
    means: NDArray[np.float32] = (sums / (rows[:, None] * columns)).astype(np.float32)
    return means


def _differ(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Whether two frames of a stream show something else anywhere."""
    return one.shape != other.shape or bool((np.abs(one - other) > STILL).any())


def _time(frame: VideoFrame) -> float:
    assert frame.pts is not None  # they are numbered as they are encoded
    assert frame.time_base is not None
    return float(frame.pts * frame.time_base)


def _blurred(frame: VideoFrame, regions: Regions) -> VideoFrame:
    """Return a frame in which regions are blurred in all three planes."""
    width, height = frame.width, frame.height
    planes = np.ascontiguousarray(frame.to_ndarray(), np.uint8)
    flat, size = planes.reshape(-1), width * height
    blur(flat[:size].reshape(height, width), regions)
    for place in (size, size * 5 // 4):
        blur(flat[place : place + size // 4].reshape(height // 2, width // 2), regions)
    made = VideoFrame.from_ndarray(planes, "yuv420p")
    made.pts, made.time_base = frame.pts, frame.time_base
    made.colorspace, made.color_range = frame.colorspace, frame.color_range
    return made
