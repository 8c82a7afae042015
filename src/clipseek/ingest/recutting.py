"""Recutting: objects that a detector has found, embedded with another model."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import UnreadableVideo
from clipseek.frames import FrameBatch
from clipseek.ingest.objects import SHORT_SIDE
from clipseek.model import Model
from clipseek.objects.building import embedded_rows, seen_best
from clipseek.objects.cutting import ByRow, Cutting
from clipseek.protocols import FrameSourceOpener
from clipseek.sources import Places
from clipseek.stored import rounding_s
from clipseek.tracked import VideoObjects
from clipseek.types import Video

Wanted = tuple[float, int, int]
"""The time of a frame, the number of a track, and the row of the frame in it."""
CHANGED = "the file has changed since its objects were found; run `indexer ingest` on it first"


@dataclass(frozen=True, slots=True)
class Recutting:
    """Embeds objects again: boxes, tracks and the stamp stay as they are. No detector is needed."""

    places: Places
    open_video: FrameSourceOpener
    model: Model

    def embedded(self, video: Video, found: VideoObjects) -> VideoObjects:
        """Return the objects of a video as the model sees them.

        Only the frames are decoded that the vectors are made of.

        Raises:
            UnreadableVideo: it cannot be decoded, or has changed since they were found.
            OSError: the file is gone or cannot be read.
        """
        if not found.tracks:
            return found
        vectors: list[ByRow] = [{} for _ in found.tracks]
        wanted = sorted(
            (float(track.times[row]), number, row)
            for number, track in enumerate(found.tracks)
            for row in embedded_rows(len(track.times))
        )
        cutting = Cutting(self.model)
        for (_, number, row), frame in self._shown(video, wanted):
            cutting.add(vectors[number], row, frame, found.tracks[number].edges(row))
        cutting.finish()
        tracks = []
        for track, own in zip(found.tracks, vectors, strict=True):
            vector, best = seen_best(own)
            bias = cutting.bias(vector)
            tracks.append(replace(track, vector=vector, best=best, bias=bias))
        return replace(found, tracks=tuple(tracks))

    def _shown(
        self, video: Video, wanted: Sequence[Wanted]
    ) -> Iterator[tuple[Wanted, NDArray[np.uint8]]]:
        source = self.places.look(video.uri)
        if source.size_bytes != video.size_bytes:
            raise UnreadableVideo(video.uri, CHANGED)
        with (
            source.open() as file,
            self.open_video(video.uri, descriptor=file.fileno()) as opened,
        ):
            times = sorted({_asked(time) for time, *_ in wanted})
            batches = opened.read(times, short_side=min(SHORT_SIDE, *opened.size))
            yield from _at_times(wanted, batches)


def _asked(time: float) -> float:
    """Return a time at which the frame is shown whose time was stored, rounded."""
    return time + rounding_s(time)


def _at_times(
    wanted: Iterable[Wanted], batches: Iterable[FrameBatch]
) -> Iterator[tuple[Wanted, NDArray[np.uint8]]]:
    """Yield each of what is wanted, in the order of time, with the frame that is shown then."""
    waiting = deque(wanted)
    before: NDArray[np.uint8] | None = None
    for batch in batches:
        for pixels, time in zip(batch.pixels, batch.times.tolist(), strict=True):
            while before is not None and waiting and _asked(waiting[0][0]) < time:
                yield waiting.popleft(), before
            before = pixels
    if before is not None:
        yield from ((each, before) for each in waiting)
