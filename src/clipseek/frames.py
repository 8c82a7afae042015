"""Decoded frames as readers of video hand them on; their shapes are checked when made."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FrameBatch:
    """Decoded frames in ascending order of time.

    pixels: uint8 (N, H, W, 3), RGB, upright (rotation metadata applied).
    times: float64 (N,), presentation time of each frame in seconds from the start of the file.
    cuts: bool (N,), True if the frame is the first of a new shot.
    """

    pixels: NDArray[np.uint8]
    times: NDArray[np.float64]
    cuts: NDArray[np.bool_]

    def __post_init__(self) -> None:
        count = len(self.pixels)
        if self.pixels.ndim != 4 or self.pixels.shape[3] != 3 or self.pixels.dtype != np.uint8:
            raise ValueError(f"pixels must be uint8 (N, H, W, 3), got {self.pixels.shape}")
        if self.times.shape != (count,) or self.cuts.shape != (count,):
            raise ValueError(f"{count} pictures, {len(self.times)} times, {len(self.cuts)} cuts")

    def __len__(self) -> int:
        return len(self.pixels)
