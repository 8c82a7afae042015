"""Which frames of a video are sampled: grid of times, cuts between shots, repeated frames. Pure.

The constants of cut detection were fitted on 34 hard cuts, labelled by eye, in 24 videos of 30 to
1 800 frames; `tests/core/test_sampling.py` repeats the count if the videos are available.
"""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property
from itertools import count, takewhile
from math import isfinite

import numpy as np
from numpy.typing import NDArray

# A shot lasts at least this long, and a frame that resembles one seen within this time does not
# begin a new shot: shorter than editors' cuts (the shortest labelled: 0.4 s). 0.25 s and 0.4 s each
# cost one error.
_MIN_SHOT_S = 0.3
# Mean change between two frames, in levels of 0..255, beyond what motion by one block explains.
# Cuts have 12.8 and more; a hand that sweeps through the picture reaches 9.8.
_MIN_CHANGE = 10.0
# The same if one of the frames has no structure, so that only its level counts: a change to or from
# black within ten frames changes by at most 25 per frame and is a fade.
_MIN_PLAIN_CHANGE = 25.0
# A standard deviation below this is a plain picture: a black frame after compression has 0 to 2.
_PLAIN = 4.0
# A cut stands out from the mean change in its shot so far. 1.8 and 2.2 each cost one error.
_OUTSTANDING = 2.0
# One that stands out less than this must redistribute the brightness as well.
_CLEARLY_OUTSTANDING = 7.0
# Share of the picture whose brightness falls into another of 16 classes. At cuts at least 0.14; at
# most 0.09 when a camera is shaken, so that the other criteria do not work.
_MIN_REDISTRIBUTION = 0.12
# Correlation of the pictures: what flashes and fades leave as it is. At cuts at most 0.45; in
# motion from 0.64 on. Against older frames only near equality counts: two shots may be akin.
_MAX_LIKENESS = 0.55
_MAX_LIKENESS_BEFORE = 0.75
# A mean level from here on is glare: a flash, unless it stays longer than flashes do (two frames
# of 25 in a second, with a rolling shutter three).
_GLARE = 220.0
_FLASH_S = 0.12

# Blocks along each side of a thumbprint: an object of a thousandth of the picture fills one.
_BLOCKS = 32
# Levels of 0..255 by which a block of a still scene changes within a second by noise and
# compression: up to 2.5 in people_at_table.mp4, 3.6 in popcorn.ogv, 1.3 in a still slide.
_NOISE = 5.0


def grid(fps: Fraction | float, duration: float | None = None) -> Iterator[Fraction]:
    """Yield the times 0, 1/fps, 2/fps, ... in seconds, exact; endless without `duration`.

    With `duration` they stay below it; time 0 always comes, however short the video is.

    Raises:
        ValueError: `fps` is not a positive number.
    """
    if not (isfinite(fps) and fps > 0):
        raise ValueError(f"fps must be > 0, got {fps}")
    rate = _as_fraction(fps)
    times = (i / rate for i in count())
    if duration is None:
        return times
    return takewhile(lambda time: time == 0 or time < duration, times)


def _as_fraction(fps: Fraction | float) -> Fraction:
    """Return the fraction that a float stands for: 24000/1001 for 23.976023976023978."""
    exact = Fraction(fps)
    simple = exact.limit_denominator(10_000)
    return simple if abs(simple - exact) < exact * Fraction(1, 10**12) else exact


class ShotCuts:
    """A CutDetector for hard cuts, which lets motion, flashes, fades and dissolves pass.

    A frame begins a shot if it differs from the one before by more than motion explains, in
    structure and in brightness, more than frames of the shot did so far, and resembles no frame
    of the last 0.3 s.
    """

    def __init__(self, frame_rate: Fraction | float = 25) -> None:
        """Judge frames that come at `frame_rate` per second."""
        self._step = 1 / float(frame_rate)
        self._shortest = max(2, round(_MIN_SHOT_S * frame_rate))
        self._window = max(_MIN_SHOT_S, self._shortest * self._step)
        self._flash = round(_FLASH_S * frame_rate)
        self._now = 0.0
        self._glare_since: float | None = None
        self._recent: deque[_Luma] = deque(maxlen=self._shortest)
        self._times: deque[float] = deque(maxlen=self._shortest)
        self._changes: deque[float] = deque(maxlen=self._shortest)

    def is_cut(self, luma: NDArray[np.uint8], time: float | None = None) -> bool:
        """Say whether this frame begins a new shot; `luma` is a small uint8 (h, w) picture.

        With `time`, in seconds, frames may have been left out since the last one.
        """
        frame = _Luma(luma)
        self._now = self._now + self._step if time is None else time
        if self._is_flash(frame):
            return False
        self._forget()
        change = frame.change_from(self._recent[-1]) if self._recent else 0.0
        is_cut = self._stands_out(change, _OUTSTANDING) and self._begins_shot(frame, change)
        if is_cut:
            self._recent.clear()
            self._times.clear()
            self._changes.clear()
        elif self._recent:
            self._changes.append(change)
        self._recent.append(frame)
        self._times.append(self._now)
        return is_cut

    def _forget(self) -> None:
        """Forget frames older than the shortest shot, except two to compare with."""
        while len(self._times) > 2 and self._now - self._times[1] >= self._window:
            self._times.popleft()
            self._recent.popleft()

    def _is_flash(self, frame: "_Luma") -> bool:
        """Say whether the frame may be one of a flash; such frames are not remembered."""
        if self._recent and frame.is_glare_after(self._recent[-1]):
            since = self._now if self._glare_since is None else self._glare_since
            self._glare_since = since
            # Half a frame less, because times are rounded.
            return self._now - since < (self._flash - 0.5) * self._step
        self._glare_since = None
        return False

    def _stands_out(self, change: float, times: float) -> bool:
        if change < _MIN_CHANGE or not self._is_a_shot():
            return False
        return change >= times * sum(self._changes) / len(self._changes)

    def _is_a_shot(self) -> bool:
        """Say whether the frames so far last as long as a shot."""
        if len(self._recent) == self._shortest:
            return True
        return len(self._recent) >= 2 and self._now - self._times[0] >= _MIN_SHOT_S

    def _begins_shot(self, frame: "_Luma", change: float) -> bool:
        *before, last = self._recent
        return (
            self._stands_out(change, _CLEARLY_OUTSTANDING)
            or frame.redistribution(last) >= _MIN_REDISTRIBUTION
        ) and (
            frame.differs(last, _MAX_LIKENESS)
            and all(frame.differs(other, _MAX_LIKENESS_BEFORE) for other in before)
        )


def may_part(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> bool:
    """Say whether two frames, with others between, are so unlike that there may be a cut."""
    return _Luma(after).change_from(_Luma(before)) >= _MIN_CHANGE


class _Luma:
    """What the cut detector keeps of a frame's brightness, uint8 (h, w), in levels of 0..255.

    What only a suspected cut needs is computed then.
    """

    def __init__(self, luma: NDArray[np.uint8]) -> None:
        self._luma = luma
        self._both = np.empty((2, *luma.shape), np.uint8)  # bright and dark are one question
        self._both[0], self._both[1] = luma, ~luma
        self._lowest = _lowest_neighbours(self._both)

    @cached_property
    def _levels(self) -> NDArray[np.float32]:
        return self._luma.astype(np.float32)

    @cached_property
    def _mean(self) -> float:
        return float(self._luma.sum()) / self._luma.size

    @cached_property
    def _deviation(self) -> float:
        return float(self._levels.std())

    @cached_property
    def _classes(self) -> NDArray[np.float64]:
        return np.bincount((self._luma >> 4).ravel(), minlength=16) / self._luma.size

    @property
    def is_plain(self) -> bool:
        """Whether the picture has no structure."""
        return self._deviation < _PLAIN

    def change_from(self, other: "_Luma") -> float:
        """Return the mean distance of each pixel from the range of its neighbours in `other`."""
        beyond = other._lowest - np.minimum(self._both, other._lowest)
        return float(beyond.sum()) / self._luma.size

    def is_glare_after(self, other: "_Luma") -> bool:
        """Say whether this picture is little else but bright, and `other` by far was not."""
        return self._mean >= _GLARE and self.change_from(other) >= _MIN_PLAIN_CHANGE

    def differs(self, other: "_Luma", max_likeness: float) -> bool:
        """Say whether neither motion nor a change of light makes `other` this picture."""
        if self.is_plain or other.is_plain:
            return self.change_from(other) >= _MIN_PLAIN_CHANGE
        return self.change_from(other) >= _MIN_CHANGE and self._likeness(other) <= max_likeness

    def redistribution(self, other: "_Luma") -> float:
        """Return the share of pixels that change their class of brightness, in [0, 1]."""
        return float(np.abs(self._classes - other._classes).sum()) / 2

    def _likeness(self, other: "_Luma") -> float:
        """Return the correlation of two pictures that are not plain, in [-1, 1]."""
        product = float((self._levels * other._levels).mean())
        covariance = product - self._mean * other._mean
        return covariance / (self._deviation * other._deviation)


def _lowest_neighbours(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the lowest of each pixel and its eight neighbours in each picture, uint8 (N, h, w)."""
    rows = levels.copy()
    np.minimum(rows[:, 1:], levels[:, :-1], out=rows[:, 1:])
    np.minimum(rows[:, :-1], levels[:, 1:], out=rows[:, :-1])
    lowest = rows.copy()
    np.minimum(lowest[:, :, 1:], rows[:, :, :-1], out=lowest[:, :, 1:])
    np.minimum(lowest[:, :, :-1], rows[:, :, 1:], out=lowest[:, :, :-1])
    return lowest


def thumbprint(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Reduce uint8 (H, W, 3) RGB to the mean luma and chroma of 32 x 32 blocks.

    Returns:
        float32 (min(H, 32), min(W, 32), 3): Y in [0, 255], Cb and Cr in [-128, 128], after
        ITU-R BT.601.
    """
    height, width, _ = pixels.shape
    rows = np.linspace(0, height, min(height, _BLOCKS), endpoint=False, dtype=np.intp)
    columns = np.linspace(0, width, min(width, _BLOCKS), endpoint=False, dtype=np.intp)
    bands = np.empty((len(rows), width, 3), np.float32)
    for band, start, stop in zip(bands, rows, [*rows[1:], height], strict=True):
        np.add.reduce(pixels[start:stop], axis=0, dtype=np.float32, out=band)
    sums = np.add.reduceat(bands, columns, axis=1)
    areas = np.diff(rows, append=height)[:, None] * np.diff(columns, append=width)
    red, green, blue = np.moveaxis(sums / areas[..., None], 2, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    blocks = np.stack([luma, (blue - luma) / 1.772, (red - luma) / 1.402], axis=2)
    return blocks.astype(np.float32)


def repeats(kept: NDArray[np.float32], frame: NDArray[np.float32]) -> bool:
    """Say whether a frame shows what the kept one shows, judged by their thumbprints.

    The block that changed most decides, so that a small thing which enters at the edge counts.
    """
    return kept.shape == frame.shape and float(np.abs(kept - frame).max()) <= _NOISE
