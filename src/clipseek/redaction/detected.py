"""Detected: finds what a detector of the user's sees, such as plates of cars."""

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipseek.detecting.onnx import OnnxDetector
from clipseek.errors import ConfigError
from clipseek.redaction.chosen import DETECTED, Chosen
from clipseek.redaction.faults import RedactionUnavailable
from clipseek.redaction.regions import WIDER, Regions, distinct

THRESHOLD = 0.2
"""The least confidence of what is blurred; that of faces. What is blurred needlessly does less harm
than what is missed."""
SHARED = 1 / (1 + WIDER)
"""Of two boxes that share more of their union, one is left out: it is longer than the other one by
less than the share that is blurred around that."""


class Detected:
    """A `Finder` of the objects of some classes.

    kind: Names the detector and the classes, so that what was blurred by others is not sent.
    """

    def __init__(self, chosen: Chosen, *, threads: int = 1) -> None:
        """Load the detector.

        Raises:
            ConfigError: its files cannot be read, or it has no such class.
        """
        detector = OnnxDetector(Path(chosen.path), threads=threads, spins=False)
        wanted = sorted(set(chosen.classes or detector.classes))
        if strange := sorted(set(wanted) - set(detector.classes)):
            raise ConfigError(
                f"the detector {chosen.path} has no class {strange[0]!r}, which "
                f"CLIPSEEK_REDACT_CLASSES names; it has {', '.join(detector.classes)}"
            )
        self._detector = detector
        self._rows = np.array([detector.classes.index(name) for name in wanted], np.int64)
        said = json.dumps([detector.fingerprint, wanted])
        self.kind = f"{DETECTED}:{sha256(said.encode()).hexdigest()[:16]}"

    def find(self, picture: NDArray[np.uint8]) -> Regions:
        """Return the boxes; see `Finder`."""
        try:
            (seen,) = self._detector.detect(picture[None])
        except ConfigError as error:
            raise RedactionUnavailable(str(error)) from error
        seen = seen[(seen.confidences >= THRESHOLD) & np.isin(seen.classes, self._rows)]
        return distinct(seen.boxes, seen.confidences, SHARED)
