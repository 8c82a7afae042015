"""Cuts objects out of frames and embeds the crops, some objects together."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from clipseek import calibration
from clipseek.model import Model
from clipseek.objects.crops import HEIGHTS, crops, mean_vector
from clipseek.objects.turns import Turns
from clipseek.tracked import Edges

AT_ONCE = 32
"""Objects that are embedded together."""

ByRow = dict[int, NDArray[np.float32]]
"""Vectors float32 (dim,) of one object, by the row of the frame."""


@dataclass(slots=True, eq=False)
class Cutting:
    """Embeds objects with a model. What waits is embedded by `finish`, or when it is enough."""

    model: Model
    turns: Turns = field(default_factory=Turns)
    _waiting: list[tuple[ByRow, int, NDArray[np.uint8]]] = field(default_factory=list)

    def add(self, into: ByRow, row: int, frame: NDArray[np.uint8], box: Edges) -> None:
        """Cut an object out of uint8 (H, W, 3), and later write its vector into a row."""
        prepare = self.model.embedder.prepare
        cut = np.concatenate([prepare(crop[None]) for crop in crops(frame, box)])
        self._waiting.append((into, row, cut))
        if len(self._waiting) >= AT_ONCE:
            self.finish()

    def finish(self) -> None:
        """Embed what waits."""
        if not self._waiting:
            return
        pictures = np.concatenate([cut for *_, cut in self._waiting])
        vectors = np.concatenate(list(self._embedded(pictures)))
        each = vectors.reshape(len(self._waiting), len(HEIGHTS), -1)
        for (into, row, _), own in zip(self._waiting, each, strict=True):
            into[row] = mean_vector(own)
        self._waiting = []

    def _embedded(self, pictures: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
        most = self.turns.pictures
        for start in range(0, len(pictures), most):
            self.turns.before()
            yield self.model.embedder.embed_images(pictures[start : start + most])

    def bias(self, vector: NDArray[np.float32]) -> float:
        """Return the bias of an object's vector."""
        model, rows = self.model, vector[np.newaxis]
        return float(calibration.bias(rows, model.bank, model.logit_scale, model.logit_bias)[0])
