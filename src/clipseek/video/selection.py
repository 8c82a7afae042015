"""Which of a film's frames are being shown at the requested times, and how they are handed on."""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from clipseek.types import FrameBatch

Frame = TypeVar("Frame")
Shown = tuple[Fraction, Frame, bool]
"""The time of a frame in seconds, the frame, and whether it begins a new shot."""

# A time so near before a frame means that frame: i / fps in floating point falls short of
# i * 1001 / 30000 by up to some 1e-11 s within a day. No film has frames this short.
TOLERANCE = Fraction(1, 1_000_000)
# Enough to amortise what each batch costs, small enough to be held twice per decoding thread.
_MAX_FRAMES = 16
_MAX_BYTES = 64 << 20


def shown(
    frames: Iterable[tuple[Fraction, Frame]],
    times: Iterable[float | Fraction],
    *,
    end: Callable[[], Fraction],
    is_cut: Callable[[Frame], bool] | None = None,
) -> Iterator[Shown[Frame]]:
    """Yield the frames that are shown at one of the times, and those that begin a shot.

    `frames` and `times` are ascending, in seconds. A frame is shown until the next one; the first
    from the beginning on; the last until `end()`, which is asked once all have come.
    """
    yield from due(frames, _Requests(times), end=end, is_cut=is_cut)


class Requested(Protocol):
    """The times for which a frame is to be shown."""

    def any_before(self, end: Fraction) -> bool:
        """Consume the times before `end`; return whether there was any."""
        ...


def due(
    frames: Iterable[tuple[Fraction, Frame]],
    requests: Requested,
    *,
    end: Callable[[], Fraction],
    is_cut: Callable[[Frame], bool] | None = None,
) -> Iterator[Shown[Frame]]:
    """Do what `shown` does, for requests that may still grow while frames come."""
    held: Shown[Frame] | None = None
    for time, frame in frames:
        begins_shot = is_cut is not None and is_cut(frame)
        if held is not None and (requests.any_before(time) or held[2]):
            yield held
        held = (time, frame, begins_shot and held is not None)
    if held is not None and (requests.any_before(end()) or held[2]):
        yield held


class _Requests:
    """The requested times, consumed as the film goes on."""

    def __init__(self, times: Iterable[float | Fraction]) -> None:
        self._times = iter(times)
        self._next = next(self._times, None)

    def any_before(self, end: Fraction) -> bool:
        """Consume the times before `end`; return whether there was any."""
        found = False
        while self._next is not None and self._next < end - TOLERANCE:
            self._next = next(self._times, None)
            found = True
        return found


def batches(pictures: Iterable[Shown[NDArray[np.uint8]]]) -> Iterator[FrameBatch]:
    """Put pictures, uint8 (H, W, 3), of one size together: at most 16 and about 64 MB a batch."""
    held: list[Shown[NDArray[np.uint8]]] = []
    for picture in pictures:
        if held and held[-1][1].shape != picture[1].shape:  # the video changes its size
            yield _batch(held)
            held = []
        held.append(picture)
        if len(held) >= min(_MAX_FRAMES, _MAX_BYTES // picture[1].nbytes):
            yield _batch(held)
            held = []
    if held:
        yield _batch(held)


def _batch(held: list[Shown[NDArray[np.uint8]]]) -> FrameBatch:
    times, pixels, cuts = zip(*held, strict=True)
    return FrameBatch(
        pixels=np.stack(pixels),
        times=np.array([float(time) for time in times]),
        cuts=np.array(cuts, dtype=np.bool_),
    )
