"""Passing: what of some segments passes what a filter asks of other fields than pictures."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Passing(NamedTuple):
    """Which videos, bool (V,), and which segments, bool (N,), of a table pass; None: all."""

    videos: NDArray[np.bool_] | None = None
    segments: NDArray[np.bool_] | None = None


ALL = Passing()
