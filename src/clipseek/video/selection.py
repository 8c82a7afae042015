"""Which decoded frames are handed on: those shown at the requested times, and those of cuts."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from clipseek.frames import FrameBatch

Frame = TypeVar("Frame")
Time = float | Fraction

# A time so near before a frame means that frame: i / fps in floating point falls short of
# i * 1001 / 30000 by up to some 1e-11 s within a day. No video has frames this short.
TOLERANCE = Fraction(1, 1_000_000)
# Enough to amortise what each batch costs, small enough to be held twice per decoding thread.
_MAX_FRAMES = 16
_MAX_BYTES = 64 << 20


class Decoded(NamedTuple, Generic[Frame]):
    """A decoded frame, and its time in seconds from the start of the video.

    If `may_be_cut` is False, the frame continues a shot, whatever a detector of cuts says of it.
    """

    time: Fraction
    frame: Frame
    may_be_cut: bool = True


class Shown(NamedTuple, Generic[Frame]):
    """A frame that is handed on, its time in seconds, and whether it begins a new shot."""

    time: Fraction
    frame: Frame
    is_cut: bool


class Requests:
    """The requested times in seconds, ascending; a frame answers each of them.

    Which frame answers a time can be planned before the frame is decoded. A time without a plan is
    answered by the frame that is shown at it.
    """

    def __init__(self, times: Iterable[Time]) -> None:
        """Take times that may be endless: they are read only as far as the video goes."""
        self._times = iter(times)
        self._next = next(self._times, None)
        self._planned: deque[tuple[Fraction, Time]] = deque()

    def take(self, end: Fraction) -> list[Time]:
        """Take the times before `end`; `plan` says what answers them."""
        taken = []
        while self._next is not None and self._next < end - TOLERANCE:
            taken.append(self._next)
            self._next = next(self._times, None)
        return taken

    def plan(self, begins: Sequence[Fraction], times: Sequence[Time]) -> None:
        """Note when the frames begin that answer the times; without one, a time has no answer."""
        self._planned.extend(zip(begins, times, strict=False))

    def drop_plans(self) -> None:
        """Forget the plans: the frames that are shown at those times answer them."""
        waiting = [time for _, time in self._planned]
        if self._next is not None:
            waiting.append(self._next)
        self._planned.clear()
        self._times = chain(waiting, self._times)
        self._next = next(self._times, None)

    def answer(self, end: Fraction) -> bool:
        """Answer what a frame that is shown until `end` answers; return whether there was any."""
        found = bool(self.take(end))
        while self._planned and self._planned[0][0] < end:
            self._planned.popleft()
            found = True
        return found


def shown(
    frames: Iterable[Decoded[Frame]],
    requests: Requests,
    *,
    end: Callable[[], Fraction],
    is_cut: Callable[[Decoded[Frame]], bool] | None = None,
) -> Iterator[Shown[Frame]]:
    """Yield the frames that answer a request, and those that begin a shot.

    `frames` are ascending. A frame is shown until the next one; the first from the beginning on;
    the last until `end()`, which is called after all frames. `is_cut` is asked once about each
    frame, and the first frame of all is not a cut.
    """
    held: Shown[Frame] | None = None
    for each in frames:
        begins_shot = is_cut is not None and is_cut(each) and each.may_be_cut
        if held is not None and (requests.answer(each.time) or held.is_cut):
            yield held
        held = Shown(each.time, each.frame, begins_shot and held is not None)
    if held is not None and (requests.answer(end()) or held.is_cut):
        yield held


def batches(pictures: Iterable[Shown[NDArray[np.uint8]]]) -> Iterator[FrameBatch]:
    """Put pictures, uint8 (H, W, 3), of one size together: at most 16 and about 64 MB a batch."""
    held: list[Shown[NDArray[np.uint8]]] = []
    for picture in pictures:
        if held and held[-1].frame.shape != picture.frame.shape:  # the video changes its size
            yield _batch(held)
            held = []
        held.append(picture)
        if len(held) >= min(_MAX_FRAMES, _MAX_BYTES // picture.frame.nbytes):
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
