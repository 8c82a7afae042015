"""ToyTower: a tower whose vectors are weighted sums of its rows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import ServiceUnavailable
from clipseek.protocols import Intake

_PERIOD = 97
"""Weights repeat after so many numbers of a row."""


class ToyTower:
    """A Tower of sums: number i of a vector is the sum of a row, weighted by cosines.

    A weight is the cosine of the number's place times i + 1. Padding, which is 0, adds nothing, so
    rows of tokens may be cut. Set `is_there` to False and it cannot be reached.
    """

    def __init__(self, dim: int, *, most: int = 5) -> None:
        self._dim = dim
        self.intake = Intake(most, any_length=True)
        self.is_there = True

    def run(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 (N, dim); raise ServiceUnavailable if it is gone."""
        self.check()
        flat = rows.reshape(len(rows), -1).astype(np.float64)
        places = np.arange(flat.shape[1]) % _PERIOD + 1
        weights = np.cos(places[:, None] * np.arange(1, self._dim + 1))
        vectors: NDArray[np.float32] = (flat @ weights + 0.5).astype(np.float32)
        return vectors

    def check(self) -> None:
        """Raise ServiceUnavailable if it is gone."""
        if not self.is_there:
            raise ServiceUnavailable("the toy tower cannot be reached; set is_there to True")
