"""Finder: what finds the regions of a picture that are blurred."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from clipseek.redaction.regions import Regions


class Finder(Protocol):
    """Finds one kind of thing in pictures. Thread-safe."""

    def find(self, picture: NDArray[np.uint8]) -> Regions:
        """Return the regions of a picture, uint8 (H, W, 3) RGB, as float32 (M, 4).

        They may be partly outside the picture.

        Raises:
            RedactionUnavailable: the model cannot be run.
        """
        ...
