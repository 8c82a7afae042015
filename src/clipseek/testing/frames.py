"""SyntheticFrames: a video of plain colours, without a file."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from clipseek.frames import FrameBatch
from clipseek.protocols import CutDetector
from clipseek.timed import Cue
from clipseek.video.picture import LUMA_SIZE, reduced_size
from clipseek.video.selection import Decoded, Requests, Shown, batches, shown

Colour = tuple[int, int, int]


class SyntheticFrames:
    """A FrameSource of plain colours: each shot is a number of seconds and an RGB colour.

    Frames come at a constant rate; a frame has the colour that its shot has at the frame's time.
    """

    def __init__(
        self,
        shots: Sequence[tuple[float | Fraction, Colour]],
        *,
        frame_rate: Fraction = Fraction(25),
        size: tuple[int, int] = (64, 36),
        damage: str = "",
        cues: Sequence[Cue] = (),
        sound: Sequence[NDArray[np.float32]] = (),
    ) -> None:
        """Make a video of the shots; it calls itself incomplete if `damage` says why."""
        self._cues = [*cues]
        self._sound = [*sound]
        self.has_subtitles = bool(cues)
        self.frame_rate = frame_rate
        self.size = size
        self.coding = "toy toy rgb24 -"
        self.timecode = ""
        self.recorded_at = ""
        self.duration: float | None = float(sum(seconds for seconds, _ in shots))
        self.damage = ""
        self._colours = [colour for _, colour in shots]
        self._cuts = [*itertools.accumulate(Fraction(seconds) for seconds, _ in shots)]
        self._frames = math.ceil(self._cuts[-1] * frame_rate)
        self._known_damage = damage
        self._is_taken = False

    def cues(self) -> Iterator[list[Cue]]:
        """Yield the subtitles that it was made with."""
        self._take()
        yield self._cues

    def sound(self, *, longest_s: float) -> Iterator[NDArray[np.float32]]:
        """Yield the sound that it was made with, up to a length in seconds."""
        self._take()
        whole = np.concatenate([*self._sound, np.zeros(0, np.float32)])
        for first in range(0, min(len(whole), round(longest_s * 16_000)), 16_000):
            yield whole[first : min(first + 16_000, round(longest_s * 16_000))]

    def _take(self) -> None:
        if self._is_taken:
            raise RuntimeError("the video was read already; make it again")
        self._is_taken = True

    def read(
        self,
        times: Iterable[float | Fraction],
        *,
        short_side: int | None = None,
        cuts: CutDetector | None = None,
    ) -> Iterator[FrameBatch]:
        """Yield the frames shown at the times, and with `cuts` those that begin a shot."""
        self._take()
        end = self._frames / self.frame_rate
        width, height = reduced_size(self.size, short_side)
        begins = (i / self.frame_rate for i in range(self._frames))
        chosen = shown(
            (Decoded(time, self._colour(time)) for time in begins),
            Requests(times),
            end=lambda: end,
            is_cut=None if cuts is None else lambda each: cuts.is_cut(_luma(each.frame)),
        )
        yield from batches(
            Shown(time, np.full((height, width, 3), colour, np.uint8), is_cut)
            for time, colour, is_cut in chosen
        )
        self.duration = float(end)
        self.damage = self._known_damage

    def _colour(self, time: Fraction) -> Colour:
        return next(c for c, end in zip(self._colours, self._cuts, strict=True) if time < end)

    def __enter__(self) -> "SyntheticFrames":
        return self

    def __exit__(self, *exc: object) -> None:
        """Do nothing: there is no file."""


def _luma(colour: Colour) -> NDArray[np.uint8]:
    """Return the brightness of a plain colour, after ITU-R BT.601, as a cut detector sees it."""
    level = round(float(np.dot(colour, (0.299, 0.587, 0.114))))
    return np.full(LUMA_SIZE[::-1], level, np.uint8)
