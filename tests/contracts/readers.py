"""Both readers of files, and what a reading of one gives."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek.frames import FrameBatch
from clipseek.protocols import FrameSource
from clipseek.sampling import ShotCuts
from clipseek.video import DecordFrames, PyAVFrames
from tests.contracts.videos import BLUE, GREEN, RED

FileReader = type[PyAVFrames] | type[DecordFrames]
BOTH = pytest.mark.parametrize(
    "reader", [pytest.param(PyAVFrames, id="pyav"), pytest.param(DecordFrames, id="decord")]
)
# decord keeps times as float32.
NEAR = pytest.approx


@dataclass(frozen=True)
class Read:
    """All that a source gave."""

    times: list[float]
    cuts: list[float]
    pixels: list[NDArray[np.uint8]]
    batches: list[FrameBatch]

    @property
    def colours(self) -> list[tuple[int, int, int]]:
        """Return the plain colour of each frame: the one of the plan's that is nearest."""
        known = np.array([RED, GREEN, BLUE])
        means = [picture.mean(axis=(0, 1)) for picture in self.pixels]
        nearest = [int(np.abs(known - mean).sum(axis=1).argmin()) for mean in means]
        return [(RED, GREEN, BLUE)[i] for i in nearest]


def read_all(
    source: FrameSource,
    times: Iterable[float | Fraction],
    *,
    short_side: int | None = None,
    with_cuts: bool = False,
) -> Read:
    """Read a source to its end."""
    cuts = ShotCuts(source.frame_rate) if with_cuts else None
    batches = list(source.read(times, short_side=short_side, cuts=cuts))
    return Read(
        times=[float(time) for batch in batches for time in batch.times],
        cuts=[float(time) for batch in batches for time in batch.times[batch.cuts]],
        pixels=[picture for batch in batches for picture in batch.pixels],
        batches=batches,
    )
