"""Reads the text in the pictures of a video, of frames that have changed, within a limit of CPU."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from clipseek.frames import FrameBatch
from clipseek.texts.recognised import Recognised
from clipseek.texts.writing import Line, Sighting, passages

SHORT_SIDE = 480
"""Pixels of the pictures that are read: text of one fortieth of the height has 12 pixels."""
MAX_CPU_S = 60.0
"""Seconds of CPU for one video: about 400 pictures on the machine of docs/figures.md."""
_BLOCK = 16
"""Pixels of the squares that are compared: the size of a letter."""
_CHANGED = 12.0
"""Mean difference of one square, of 255: encoders stay below 6 in scenes where nothing moves."""
_AT_ONCE_S = 2.0


class Reader(Protocol):
    """Reads text in a picture."""

    def read(self, picture: NDArray[np.uint8]) -> list[Line]:
        """Return the lines of an RGB picture, uint8 (H, W, 3); those that are not sure too."""
        ...


@dataclass(frozen=True, slots=True)
class OnScreen:
    """The text of a video, and how many changed frames were not read because the limit was met."""

    passages: list[Recognised]
    unread: int


@dataclass(slots=True)
class _Pace:
    """Spreads the limit of CPU over the whole video, so that its end is read as its start is."""

    limit_s: float
    duration: float
    clock: Callable[[], float]
    spent: float = 0.0

    def allows(self, second: float) -> bool:
        share = min(1.0, second / self.duration) if self.duration > 0 else 1.0
        return self.spent < min(self.limit_s, _AT_ONCE_S + self.limit_s * share)

    def timed(self, reader: Reader, picture: NDArray[np.uint8]) -> tuple[Line, ...]:
        started = self.clock()
        lines = tuple(reader.read(picture))
        self.spent += self.clock() - started
        return lines


@dataclass(slots=True)
class _Looking:
    reader: Reader
    pace: _Pace
    unread: int = 0
    _seen: NDArray[np.float32] | None = field(default=None)
    _lines: tuple[Line, ...] = ()

    def sightings(self, batches: Iterable[FrameBatch]) -> Iterator[Sighting]:
        for batch in batches:
            for second, picture in zip(batch.times.tolist(), batch.pixels, strict=True):
                blocks = squares(picture)
                if changed(self._seen, blocks):
                    if not self.pace.allows(second):
                        self.unread += 1
                        yield Sighting(second, None)
                        continue
                    self._lines = self.pace.timed(self.reader, picture)
                    self._seen = blocks
                yield Sighting(second, self._lines)


def read_screen(
    batches: Iterable[FrameBatch],
    reader: Reader,
    *,
    duration: float,
    max_cpu_s: float = MAX_CPU_S,
    clock: Callable[[], float] = time.thread_time,
) -> OnScreen:
    """Return the text of the sampled frames of a video of `duration` seconds.

    A frame that looks like the last one that was read has the same text and is not read again.
    """
    looking = _Looking(reader, _Pace(max_cpu_s, duration, clock))
    found = passages(looking.sightings(batches), duration)
    return OnScreen(found, looking.unread)


def squares(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the mean of each square of 16 pixels: float32 (H // 16, W // 16, 3)."""
    rows, columns = picture.shape[0] // _BLOCK, picture.shape[1] // _BLOCK
    whole = picture[: rows * _BLOCK, : columns * _BLOCK]
    cut = whole.reshape(rows, _BLOCK, columns, _BLOCK, 3)
    means: NDArray[np.float32] = cut.mean(axis=(1, 3), dtype=np.float32)
    return means


def changed(before: NDArray[np.float32] | None, now: NDArray[np.float32]) -> bool:
    """Whether a square differs so much that text may have come or gone."""
    if before is None or before.shape != now.shape:
        return True
    return bool(np.abs(before - now).max(initial=0.0) > _CHANGED)
