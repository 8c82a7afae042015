"""Follows objects from frame to frame with SORT, by similari (extra `objects`)."""

import numpy as np
from numpy.typing import NDArray

from clipseek.detections import Detections
from clipseek.errors import ConfigError

_LEAST_OVERLAP = 0.1
"""Of the box that is expected and the one that is seen. Frames are a second apart, so it is less
than the 0.3 of SORT (Bewley et al. 2016), which is for every frame of a video."""
_MISSED = 1
"""Frames in a row that an object may be hidden in and is still the same."""
_SIDE = 1000.0
"""The height of a frame: similari counts in pixels."""


class Tracker:
    """Gives numbers to the objects of one shot: equal numbers, the same object."""

    def __init__(self, aspect: float) -> None:
        """Take the width of a frame divided by its height.

        Raises:
            ConfigError: similari is not installed.
        """
        try:
            from similari import BoundingBox, PositionalMetricType, Sort
        except ImportError as error:
            raise ConfigError(
                "objects need the extra objects, which is not installed: "
                "pip install 'clipseek[objects]'"
            ) from error
        self._box = BoundingBox
        self._classes: set[int] = set()
        self._scale = np.array([_SIDE * aspect, _SIDE, _SIDE * aspect, _SIDE])
        self._sort = Sort(
            shards=1,
            bbox_history=1,
            max_idle_epochs=_MISSED + 1,  # with the frame in which it is seen again
            method=PositionalMetricType.iou(threshold=_LEAST_OVERLAP),
        )

    def follow(self, found: Detections) -> NDArray[np.int64]:
        """Return the number of each object of the next frame, int64 (N,)."""
        numbers = np.zeros(len(found), np.int64)
        # A class is a scene of its own, so that a car does not become a bus. A class that is not
        # seen counts as hidden.
        self._classes |= set(found.classes.tolist())
        for of in sorted(self._classes):
            rows = np.flatnonzero(found.classes == of)
            edges = found.boxes[rows].astype(np.float64) * self._scale
            boxes = [
                (self._box(left, top, right - left, bottom - top).as_xyaah(), row)
                for (left, top, right, bottom), row in zip(
                    edges.tolist(), rows.tolist(), strict=True
                )
            ]
            for track in self._sort.predict_with_scene(of, boxes):
                numbers[track.custom_object_id] = track.id
        return numbers
