"""How well a camera sees: what is measured of one picture, such as a thumbnail that is stored."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

GRID = (16, 9)
"""Columns and rows of the grid that says where a picture has edges."""

WIDTH = 192
"""Pictures are measured at this width: the sharpness of one picture depends on its size."""

DARK = 0.06
"""A picture whose mean luma is less shows nothing: a lens cap, or a night without a light."""

FLAT = 0.03
"""A picture whose luma varies less shows one surface: a hand, paint or fog before the lens."""

_NOISE = 0.01


@dataclass(frozen=True, slots=True)
class Look:
    """What is measured of one picture.

    brightness: Mean luma (ITU-R BT.601), in [0, 1]. contrast: Its standard deviation.
    sharpness: Natural logarithm of the variance of the Laplacian over the variance of the luma
    (after Pech-Pacheco and others, Diatom autofocusing in brightfield microscopy, ICPR 2000); the
    quotient does not change with the light. grid: float32 (144,), the logarithm of how strong the
    edges in each cell of `GRID` are, without its mean, of length 1: which shapes are where. Day and
    night change that less than where a picture is bright (`benchmarks.drift`).
    """

    brightness: float
    contrast: float
    sharpness: float
    grid: NDArray[np.float32] = field(repr=False)

    @property
    def is_blind(self) -> bool:
        """Whether nothing can be seen: too dark, or one surface."""
        return self.brightness < DARK or self.contrast < FLAT


def look(picture: Image.Image) -> Look:
    """Measure a picture of any size and mode."""
    height = max(3, round(picture.height * WIDTH / picture.width))
    grey = picture.convert("L").resize((WIDTH, height), Image.Resampling.BILINEAR)
    luma: NDArray[np.float32] = np.asarray(grey, np.float32) * np.float32(1 / 255)
    return Look(
        brightness=float(luma.mean()),
        contrast=float(luma.std()),
        sharpness=_sharpness(luma),
        grid=_grid(luma),
    )


def _grid(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the edges of each cell; steps of 1 % and less are noise of the sensor."""
    steps = np.abs(np.diff(luma, axis=0))[:, :-1] + np.abs(np.diff(luma, axis=1))[:-1]
    shrunk = Image.fromarray(steps).resize(GRID, Image.Resampling.BOX)
    cells = np.log(np.asarray(shrunk, np.float32).ravel() + np.float32(_NOISE))
    cells -= cells.mean()
    length = np.linalg.norm(cells)
    found: NDArray[np.float32] = cells / np.maximum(length, np.float32(1e-6))
    return found


def _sharpness(luma: NDArray[np.float32]) -> float:
    inner = luma[1:-1, 1:-1]
    edges = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * inner
    return float(np.log((edges.var() + 1e-6) / (luma.var() + 1e-6)))


STILL_S = 30.0
"""Without a new frame for so long a picture counts as still: repeated frames are not stored."""

SAME = 0.9999
"""The cosine from which on two frames are one picture: noise of a sensor alone gives less."""


def still_share(times: NDArray[np.float64], vectors: NDArray[np.float32], duration: float) -> float:
    """Return for which share of a video its picture is the same, in [0, 1].

    Args:
        times: float64 (N,), seconds of the sampled frames that are stored, ascending.
        vectors: float32 (N, dim), unit rows.
        duration: Of the video, in seconds.
    """
    if duration <= 0 or not len(times):
        return 0.0
    spans = np.diff(np.append(times, max(duration, float(times[-1]))))
    same = np.append((vectors[:-1] * vectors[1:]).sum(axis=1) >= SAME, False)
    return float(min(1.0, spans[same | (spans >= STILL_S)].sum() / duration))
