"""What finds objects in frames."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from clipseek.detections import Detections


class Detector(Protocol):
    """Finds objects of some classes in pictures. Thread-safe."""

    @property
    def classes(self) -> Sequence[str]:
        """The names of the classes, each once."""
        ...

    @property
    def fingerprint(self) -> str:
        """What the detections depend on: equal fingerprints, the same boxes for a picture."""
        ...

    def detect(self, frames: NDArray[np.uint8]) -> list[Detections]:
        """Return what is seen in each of uint8 (N, H, W, 3) RGB, the surest first.

        Boxes of one object may overlap: `objects.rules` chooses among them.

        Raises:
            ConfigError: the model does not run, or answers with something else than it promised.
        """
        ...
