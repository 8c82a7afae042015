"""Finds the objects of one video: frames -> detections -> tracks with vectors."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from clipseek.detections import Detections
from clipseek.frames import FrameBatch
from clipseek.model import Model
from clipseek.objects.building import Building, in_order
from clipseek.objects.cutting import Cutting
from clipseek.objects.rules import Rules
from clipseek.objects.tracking import Tracker
from clipseek.objects.turns import Turns
from clipseek.protocols.detectors import Detector
from clipseek.tracked import MAX_TRACKS, Edges, Track


@dataclass(slots=True, eq=False)
class Finder:
    """Finds the objects of one video by some rules. `period_s` is from one frame to the next."""

    detector: Detector
    model: Model
    rules: Rules
    period_s: float
    turns: Turns = field(default_factory=Turns)
    _tracker: Tracker | None = None
    _open: dict[int, Building] = field(default_factory=dict)
    _done: list[tuple[Building, float]] = field(default_factory=list)
    _cutting: Cutting = field(init=False)

    def __post_init__(self) -> None:
        self._cutting = Cutting(self.model, self.turns)

    def find(self, batches: Iterable[FrameBatch], duration: float) -> tuple[Track, ...]:
        """Return the objects of a video of `duration` seconds, in the order of time.

        Raises:
            ConfigError: the detector or the model does not run, or similari is not installed.
        """
        for batch in batches:
            seen = self._seen(batch.pixels)
            rows = zip(batch.pixels, batch.times.tolist(), batch.cuts.tolist(), seen, strict=True)
            for pixels, time, is_cut, found in rows:
                if is_cut:
                    self._end(time)
                self._follow(pixels, time, self.rules.kept(found, tuple(self.detector.classes)))
        self._end(duration)
        self._cutting.finish()
        tracks = [building.track(end, self._cutting.bias) for building, end in self._done]
        tracks = [each for each in tracks if each.span.length >= self.rules.shortest_s]
        tracks.sort(key=lambda each: -each.confidence)
        return in_order(tracks[:MAX_TRACKS])

    def _seen(self, frames: NDArray[np.uint8]) -> list[Detections]:
        found: list[Detections] = []
        for start in range(0, len(frames), self.turns.frames):
            self.turns.before()
            found += self.detector.detect(frames[start : start + self.turns.frames])
        return found

    def _follow(self, pixels: NDArray[np.uint8], time: float, found: Detections) -> None:
        """Add the objects of one frame to their tracks."""
        height, width = pixels.shape[:2]
        self._tracker = self._tracker or Tracker(width / height)
        numbers = self._tracker.follow(found).tolist()
        for row, number in enumerate(numbers):
            left, top, right, bottom = found.boxes[row].tolist()
            box: Edges = left, top, right, bottom
            building = self._open.setdefault(number, Building())
            if building.is_full(time):
                self._done.append((building, time))
                building = self._open[number] = Building()
            label = self.detector.classes[int(found.classes[row])]
            at = building.add(time, box, label, float(found.confidences[row]))
            if at is not None:
                self._cutting.add(building.vectors, at, pixels, box)

    def _end(self, time: float) -> None:
        """End all tracks: a shot is over, or the video."""
        for building in self._open.values():
            self._done.append((building, min(time, building.times[-1] + self.period_s)))
        self._open = {}
        self._tracker = None
