"""Parts of a picture, and what a model sees in them."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Box(NamedTuple):
    """A part of a picture: fractions of its width and height, from its left and its top."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True, eq=False)
class Patches:
    """What the parts of one picture show, in the space of sentences.

    vectors: float32 (R, C, dim), rows from the top. The product of one with the unit vector of a
    sentence is higher the better that part fits the sentence; only those of one picture compare.
    area: What they cover together; a model that cuts or pads pictures covers less or more of them.
    """

    vectors: NDArray[np.float32]
    area: Box

    def __post_init__(self) -> None:
        if self.vectors.ndim != 3:
            raise ValueError(f"vectors must be (R, C, dim), got {self.vectors.shape}")
