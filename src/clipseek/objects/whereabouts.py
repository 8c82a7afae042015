"""Where a sentence fits in each sampled frame of a video: heat, a box, and how well it fits. Pure.

Heat compares the parts of one picture with each other, so a frame has a box only if the whole of
it, or an object in it, fits the sentence.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipseek import calibration
from clipseek.frames import FrameBatch
from clipseek.heat import Heat, heat_of
from clipseek.model import Model
from clipseek.patches import Box
from clipseek.tracked import Track
from clipseek.types import Scoring

_SAME_S = 0.02
_DIGITS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Whereabouts:
    """One frame. pixels: uint8 (H, W, 3). relevance: Of the whole frame, in [0, 1].

    heat: None if no part fits better than the others. objects: The boxes of those that fit, and
    their relevance. box: The best of these or, if there is none and the frame fits, the box of the
    heat.
    """

    time: float
    pixels: NDArray[np.uint8]
    relevance: float
    heat: Heat | None
    objects: tuple[tuple[Box, float], ...]
    least: float

    @property
    def box(self) -> Box | None:
        """Where it is; None if it is not in the frame, as far as is known."""
        if self.objects:
            return max(self.objects, key=lambda each: each[1])[0]
        return self.heat.box if self.heat is not None and self.relevance >= self.least else None

    @property
    def fit(self) -> float:
        """The relevance of what `box` is around."""
        return max((fit for _, fit in self.objects), default=self.relevance)

    def plain(self) -> dict[str, object]:
        """Return what JSON takes."""
        heat = self.heat
        return {
            "time": round(self.time, _DIGITS),
            "relevance": round(self.relevance, _DIGITS),
            "box": None if self.box is None else _plain(self.box),
            "objects": [
                {**_plain(box), "relevance": round(fit, _DIGITS)} for box, fit in self.objects
            ],
            "area": None if heat is None else _plain(heat.area),
            "heat": None
            if heat is None
            else [[round(each, 2) for each in row] for row in heat.grid.tolist()],
        }


def _plain(box: Box) -> dict[str, float]:
    return {name: round(edge, _DIGITS) for name, edge in box._asdict().items()}


def whereabouts(
    batches: Iterable[FrameBatch],
    model: Model,
    vector: NDArray[np.float32],
    scoring: Scoring,
    tracks: Iterable[Track] = (),
    *,
    least: float,
) -> Iterator[Whereabouts]:
    """Yield where the sentence of a unit vector (dim,) fits, frame by frame.

    tracks: The objects of the video, if a detector has found them. least: The relevance from which
    on a frame, or an object, counts as showing it.

    Raises:
        ConfigError, ServiceUnavailable: the model cannot be run.
    """
    found = [
        (track, _relevance(float(track.vector @ vector), track.bias, scoring)) for track in tracks
    ]
    fitting = [(track, fit) for track, fit in found if fit >= least]
    for batch in batches:
        vectors = model.embedder.embed_images(batch.pixels)
        biases = calibration.bias(vectors, model.bank, model.logit_scale, model.logit_bias)
        scores = vectors @ vector
        for row, time in enumerate(batch.times.tolist()):
            patches = model.embedder.patches(batch.pixels[row])
            boxes = (
                (Box(*track.edges(at)), fit)
                for track, fit in fitting
                if (at := track.at(time, _SAME_S)) is not None
            )
            yield Whereabouts(
                time,
                batch.pixels[row],
                _relevance(float(scores[row]), float(biases[row]), scoring),
                None if patches is None else heat_of(patches, vector),
                tuple(boxes),
                least,
            )


def _relevance(score: float, bias: float, scoring: Scoring) -> float:
    """Return the relevance of one cosine."""
    evidence = calibration.evidence(np.array([score]), np.array([bias]), scoring.logit_scale)
    return float(calibration.relevance(evidence, scoring.relevance)[0])


def painted(found: Whereabouts, *, beside: bool) -> NDArray[np.uint8]:
    """Return the frame with its heat in red and its box in yellow, uint8 (H, W, 3).

    With `beside`, the frame as it is comes first, at the left: (H, 2 W, 3).
    """
    shown = found.pixels.astype(np.float32)
    height, width = found.pixels.shape[:2]
    if found.heat is not None and found.box is not None and not found.objects:
        warmth = _warmth(found.heat, height, width)[..., None]
        shown = shown * (1 - 0.6 * warmth) + np.array([255, 40, 0], np.float32) * 0.6 * warmth
    for box in [found.box] if found.box is not None else []:
        _draw(shown, box)
    made = shown.round().clip(0, 255).astype(np.uint8)
    return np.concatenate([found.pixels, made], axis=1) if beside else made


def _warmth(heat: Heat, height: int, width: int) -> NDArray[np.float32]:
    """Return the heat of each pixel, float32 (H, W), in [0, 1]; 0 where the grid is not."""
    rows, columns = heat.grid.shape
    area = heat.area
    y = ((np.arange(height) + 0.5) / height - area.top) / (area.bottom - area.top) * rows
    x = ((np.arange(width) + 0.5) / width - area.left) / (area.right - area.left) * columns
    inside = ((y >= 0) & (y < rows))[:, None] & ((x >= 0) & (x < columns))[None]
    at_y, at_x = (each.astype(np.int64) for each in (y.clip(0, rows - 1), x.clip(0, columns - 1)))
    found: NDArray[np.float32] = (heat.grid[at_y][:, at_x] * inside).astype(np.float32)
    return found


def _draw(pixels: NDArray[np.float32], box: Box) -> None:
    """Draw the edges of a box into pixels (H, W, 3)."""
    height, width = pixels.shape[:2]
    thick = max(1, height // 120)
    left, right = (min(max(round(edge * width), 0), width) for edge in (box.left, box.right))
    top, bottom = (min(max(round(edge * height), 0), height) for edge in (box.top, box.bottom))
    inner = pixels[top + thick : bottom - thick, left + thick : right - thick].copy()
    pixels[top:bottom, left:right] = (255, 220, 0)
    pixels[top + thick : bottom - thick, left + thick : right - thick] = inner
