"""The presentation times of frames: from the ticks of a stream to ascending seconds."""

from dataclasses import dataclass
from fractions import Fraction
from math import floor

# A step back by more than this begins a new count of timestamps, for example where MPEG-TS
# recordings were joined; a smaller step is one wrong timestamp. ffmpeg's `dts_error_threshold` is
# the same rule.
_RESET_S = 1
# The first timestamp is less than this behind the start of the file. The 33 bits of MPEG-TS wrap
# after 26.5 hours.
_LATEST_FIRST_S = 24 * 3600
# The rate of a stream that does not state a possible one: the default of ffmpeg's demuxers of raw
# video (option `framerate`).
_FALLBACK_RATE = Fraction(25)
_HIGHEST_RATE = 1000


def usable_rate(*stated: Fraction | None) -> Fraction:
    """Return the first of the stated frame rates that is possible, else 25 per second."""
    for rate in stated:
        if rate is not None and 0 < rate <= _HIGHEST_RATE:
            return rate
    return _FALLBACK_RATE


@dataclass(frozen=True, slots=True)
class Ticks:
    """Converts the ticks of a stream to seconds from the start of the file, and back.

    `origin` is the tick of second zero, `base` the length of a tick in seconds.
    """

    origin: Fraction
    base: Fraction

    def seconds(self, tick: int) -> Fraction:
        """Return the time of a tick."""
        return (tick - self.origin) * self.base

    def at(self, time: Fraction) -> int:
        """Return the tick at a time, or the last one before it."""
        return floor(time / self.base + self.origin)


class PresentationTimes:
    """Turns timestamps into seconds from the start of the file: exact, ascending, from 0 on.

    Frames come in the order of presentation. A frame without a timestamp begins at the end of the
    frame before. `end` is the time until which the last frame is shown.
    """

    def __init__(
        self, start: Fraction | None, frame_rate: Fraction, *, leap_s: int = _LATEST_FIRST_S
    ) -> None:
        """Count from `start`, the container's start time, or else from the first timestamp.

        A step forward by more than `leap_s` seconds is a leap of the clock, not a long frame: the
        next frame follows the last one at once.
        """
        self._start = start
        self._leap_s = leap_s
        self.has_leapt = False
        """Whether the timestamps were reset somewhere; then the last one means nothing."""
        self._step = 1 / frame_rate
        self._previous: Fraction | None = None
        self._stamps = _Stamps()
        self.end = Fraction(0)

    def at(self, pts: Fraction | None, dts: Fraction | None, duration: Fraction | None) -> Fraction:
        """Return the time of the next frame, from the decoder's values; all in seconds."""
        stamp = self._stamps.choose(pts, dts)
        time = self._first(stamp) if self._previous is None else self._next(stamp, self._previous)
        self._previous = time
        self.end = time + (duration if duration and 0 < duration < self._leap_s else self._step)
        return time

    def prolong(self, stamp: Fraction) -> None:
        """Show the last frame again at `stamp`, for the length of one frame."""
        if self._start is not None and self._previous is not None:
            time = stamp - self._start
            if time - self._previous < self._leap_s:
                self.end = max(self.end, time + self._step)

    def _first(self, stamp: Fraction | None) -> Fraction:
        if stamp is None:
            self._start = Fraction(0)
            return self._start
        if self._start is None or not 0 <= stamp - self._start < _LATEST_FIRST_S:
            self._start = stamp
        return stamp - self._start

    def _next(self, stamp: Fraction | None, previous: Fraction) -> Fraction:
        assert self._start is not None
        if stamp is None:
            return self.end
        ahead = stamp - self._start - previous
        if ahead < -_RESET_S or ahead > self._leap_s:
            self.has_leapt = True
            self._start = stamp - self.end
            return self.end
        # Half a frame, so that the next timestamp is still ahead of this one if it is right.
        return previous + (ahead if ahead > 0 else self._step / 2)


class _Stamps:
    """Prefers presentation timestamps until they go back more often than decoding timestamps.

    This is the rule of ffmpeg's `guess_correct_pts` (libavcodec/decode.c): H.264 with B-frames in
    AVI has presentation timestamps in a wrong order, and right decoding timestamps.
    """

    def __init__(self) -> None:
        self._last: list[Fraction | None] = [None, None]
        self._faults = [0, 0]

    def choose(self, pts: Fraction | None, dts: Fraction | None) -> Fraction | None:
        """Return the timestamp to believe, or None if there is none."""
        for i, stamp in enumerate((pts, dts)):
            last = self._last[i]
            if stamp is not None:
                self._faults[i] += last is not None and stamp <= last
                self._last[i] = stamp
        if pts is None or (dts is not None and self._faults[0] > self._faults[1]):
            return dts
        return pts


def stated_end(
    last: Fraction, own: Fraction, stated: Fraction | None, longest: Fraction
) -> Fraction:
    """Return when the last picture ends: as the container states, if that is possible, or `own`.

    Args:
        last: When the last picture begins.
        own: When it ends by its own duration.
        stated: When the stream ends by its container.
        longest: The longest duration that any packet states.
    """
    return stated if stated is not None and last < stated <= last + longest else own
