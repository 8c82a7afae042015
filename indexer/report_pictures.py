"""The pictures of a report: small, of typical segments, and redacted as those of the API are."""

import io
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clipseek.errors import ClipseekError
from clipseek.redaction.faults import RedactionUnavailable
from clipseek.redaction.redactor import Redactor
from clipseek.service import Service
from indexer.redaction import redactor_of

SHOWN, SIZE = 3, (240, 135)
_LOOKED = 200


class Chosen(NamedTuple):
    """Segments for the map: float32 (N, dim), of which video and at which second each is."""

    vectors: NDArray[np.float32]
    videos: tuple[str, ...]
    times: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pictures:
    """Reads thumbnails. redactor: What blurs them, or None if nothing is redacted.

    hidden: Why no picture may be shown, or empty.
    """

    service: Service
    redactor: Redactor | None = None
    hidden: str = ""

    @classmethod
    def of(cls, service: Service) -> Self:
        """Return the pictures of the collection of the settings, as they may be shown."""
        try:
            return cls(service, redactor_of(service.settings, service.settings.collection)[1])
        except RedactionUnavailable as error:
            return cls(service, hidden=f"Without pictures: {error}.")

    @property
    def notes(self) -> list[str]:
        """What the report says of its pictures."""
        if self.redactor is not None:
            return ["What this collection redacts is blurred in the pictures, where it was found."]
        return [self.hidden] if self.hidden else []

    def typical(self, chosen: Chosen, rows: NDArray[np.int64]) -> list[bytes]:
        """Return JPEGs of the first of some rows, of different videos if there are some."""
        first, left, seen = list[int](), list[int](), set[str]()
        for row in rows.tolist()[:_LOOKED]:
            (left if chosen.videos[row] in seen else first).append(row)
            seen.add(chosen.videos[row])
        made = (
            self._small(chosen.videos[row], float(chosen.times[row]))
            for row in [*first, *left][:SHOWN]
        )
        return [jpeg for jpeg in made if jpeg is not None]

    def _small(self, video_id: str, time: float) -> bytes | None:
        """Return the thumbnail at a time as a small JPEG; None if it cannot be shown."""
        if self.hidden:
            return None
        try:
            segments = self.service.catalog.segments(self.service.settings.collection, video_id)
            nearest = min(segments, key=lambda segment: abs(segment.best_time - time))
            jpeg = self.service.thumbnails.read(nearest.thumbnail)
            if self.redactor is not None:
                jpeg = self.redactor.redacted_jpeg(jpeg)
            with Image.open(io.BytesIO(jpeg)) as picture:
                picture.thumbnail(SIZE)
                target = io.BytesIO()
                picture.convert("RGB").save(target, "JPEG", quality=70)
        except (OSError, ValueError, ClipseekError):
            return None
        return target.getvalue()
