"""Which frames of a camera are looked at, and which of these are indexed. Pure."""

from dataclasses import dataclass
from math import isfinite

STILL_S = 10.0
"""A scene in which nothing moves is indexed once in so many seconds."""
# A frame that comes by so much of the pause too early is looked at: timestamps are rounded, and a
# keyframe that is missed is a second lost.
_EARLY = 0.25


@dataclass(slots=True)
class Pace:
    """Decides frame after frame, by nothing but what it is told.

    Frames are looked at `fps` times a second. A frame is indexed at once if the scene moves or is
    cut. When nothing has moved for t seconds, the next one is indexed after another t seconds, up
    to `still_s`: so a scene that comes to rest is indexed 1, 2, 4, 8 and then every 10 seconds.
    """

    fps: float
    still_s: float = STILL_S
    _due: float | None = None
    _moved: float = 0.0
    _kept: float | None = None

    def __post_init__(self) -> None:
        if not (isfinite(self.fps) and self.fps > 0):
            raise ValueError(f"fps must be > 0, got {self.fps}")
        if not self.still_s >= 0:
            raise ValueError(f"still_s must be >= 0, got {self.still_s}")

    def looks(self, time: float) -> bool:
        """Say whether to look at the frame of a time, in seconds; times ascend."""
        step = 1 / self.fps
        if self._due is not None and time < self._due - _EARLY * step:
            return False
        # From the time that was due, so that the rate is kept, unless frames were missing.
        if self._due is None or time >= self._due + step:
            self._due = time
        self._due += step
        return True

    def keeps(self, time: float, *, moved: bool, cut: bool) -> bool:
        """Say whether to index the frame of a time that was looked at.

        `moved` says whether it shows something else than the frame that was kept last.
        """
        if moved or cut or self._kept is None:
            self._moved = self._kept = time
            return True
        rested = self._kept - self._moved
        pause = min(self.still_s, max(1 / self.fps, rested))
        if time - self._kept < pause * (1 - _EARLY / 10):
            return False
        self._kept = time
        return True

    def restart(self) -> None:
        """Forget all times, because those that follow do not belong to them."""
        self._due = self._kept = None
        self._moved = 0.0


def decodes_keyframes(interval_s: float | None, fps: float) -> bool:
    """Say whether keyframes alone give `fps` frames a second, at one in `interval_s` seconds."""
    return interval_s is not None and interval_s * fps <= 1 + _EARLY
