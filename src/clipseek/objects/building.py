"""Tracks that grow frame by frame: which of their frames are embedded, and what becomes of them."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from clipseek.objects.crops import mean_vector
from clipseek.timed import Span
from clipseek.tracked import Edges, Track

LONGEST_S = 60.0
"""An object that stays longer is another track from then on, so that its time says something."""


@dataclass(slots=True, eq=False)
class Building:
    """One object, as far as it was followed. vectors: Of some of its frames, by their rows."""

    labels: Counter[str] = field(default_factory=Counter)
    confidences: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    boxes: list[Edges] = field(default_factory=list)
    vectors: dict[int, NDArray[np.float32]] = field(default_factory=dict)

    def add(self, time: float, box: Edges, label: str, confidence: float) -> int | None:
        """Note where it is in one more frame; return the row if that frame is to be embedded.

        The first, second, fourth, eighth one and so on: what stays looks the same for long.
        """
        self.labels[label] += 1
        self.confidences.append(confidence)
        self.times.append(time)
        self.boxes.append(box)
        row = len(self.times) - 1
        return row if _is_embedded(row) else None

    def is_full(self, time: float) -> bool:
        """Whether a frame at this time belongs to another track."""
        return bool(self.times) and time - self.times[0] >= LONGEST_S

    def track(self, end: float, bias: Callable[[NDArray[np.float32]], float]) -> Track:
        """Return the track, which lasts until `end` seconds."""
        vector, best = seen_best(self.vectors)
        return Track(
            label=self.labels.most_common(1)[0][0],
            confidence=max(self.confidences),
            span=Span(self.times[0], max(end, self.times[-1] + 1e-3)),
            times=np.array(self.times, np.float64),
            boxes=np.array(self.boxes, np.float32),
            best=best,
            vector=vector,
            bias=bias(vector),
        )


def _is_embedded(row: int) -> bool:
    return row & (row + 1) == 0


def embedded_rows(count: int) -> list[int]:
    """Return which frames are embedded of an object that is in so many."""
    return [row for row in range(count) if _is_embedded(row)]


def seen_best(vectors: Mapping[int, NDArray[np.float32]]) -> tuple[NDArray[np.float32], int]:
    """Return the vector of an object by those of some frames, and the frame that is nearest."""
    rows = sorted(vectors)
    seen = np.stack([vectors[row] for row in rows])
    vector = mean_vector(seen)
    return vector, rows[int((seen @ vector).argmax())]


def in_order(tracks: Sequence[Track]) -> tuple[Track, ...]:
    """Return tracks in the order of time."""
    return tuple(sorted(tracks, key=lambda each: (each.span.start, each.span.end, each.label)))
