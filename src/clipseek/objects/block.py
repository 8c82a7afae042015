"""Block: objects of some videos as arrays, so that a million of them fit into memory. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from clipseek.timed import Span
from clipseek.tracked import Track, VideoObjects

Found = tuple[str, VideoObjects]
"""The id of a video, and its objects."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Objects of some videos, rows together; those of removed videos are dead. Immutable.

    videos: The id of each video, by place. places: The places of those that were not removed, by
    id. owners: int64 (N,), the places of the videos of rows.
    vectors: float32 (N, dim), unit rows. biases: float64 (N,). spans: float64 (N, 2), seconds.
    labels: The classes of rows. confidences: float64 (N,). bests: int64 (N,), as in `Track`.
    begins: int64 (N + 1,), where the frames of rows begin in times, float64 (F,), and in boxes,
    float32 (F, 4). alive: bool (N,).
    """

    videos: Sequence[str]
    places: Mapping[str, int]
    owners: NDArray[np.int64]
    vectors: NDArray[np.float32]
    biases: NDArray[np.float64]
    spans: NDArray[np.float64]
    labels: Sequence[str]
    confidences: NDArray[np.float64]
    bests: NDArray[np.int64]
    begins: NDArray[np.int64]
    times: NDArray[np.float64]
    boxes: NDArray[np.float32]
    alive: NDArray[np.bool_]

    @classmethod
    def of(cls, found: Sequence[Found]) -> Self:
        """Gather objects; each of the videos has some."""
        counts = [len(objects.tracks) for _, objects in found]
        tracks = [track for _, objects in found for track in objects.tracks]
        known = dict[str, str]()  # each name once, however many objects have it
        return cls(
            videos=[video_id for video_id, _ in found],
            places={video_id: place for place, (video_id, _) in enumerate(found)},
            owners=np.repeat(np.arange(len(found)), counts),
            vectors=np.stack([track.vector for track in tracks]),
            biases=np.array([track.bias for track in tracks], np.float64),
            spans=np.array([(t.span.start, t.span.end) for t in tracks], np.float64),
            labels=[known.setdefault(track.label, track.label) for track in tracks],
            confidences=np.array([track.confidence for track in tracks], np.float64),
            bests=np.array([track.best for track in tracks], np.int64),
            begins=np.concatenate([[0], np.cumsum([len(track.times) for track in tracks])]),
            times=np.concatenate([track.times for track in tracks]),
            boxes=np.concatenate([track.boxes for track in tracks]),
            alive=np.ones(len(tracks), np.bool_),
        )

    def __len__(self) -> int:
        return int(self.alive.sum())

    def without(self, videos: AbstractSet[str]) -> Self:
        """Return the block in which the objects of some videos are dead."""
        gone = [place for video_id, place in self.places.items() if video_id in videos]
        if not gone:
            return self
        kept = {
            video_id: place for video_id, place in self.places.items() if video_id not in videos
        }
        return replace(self, places=kept, alive=self.alive & ~np.isin(self.owners, gone))

    def among(self, videos: AbstractSet[str] | None) -> NDArray[np.bool_]:
        """Return which rows are alive, of some videos or of all, bool (N,)."""
        if videos is None:
            return self.alive
        wanted = [place for video_id, place in self.places.items() if video_id in videos]
        return self.alive & np.isin(self.owners, wanted)

    def names(self, rows: NDArray[np.int64]) -> list[str]:
        """Return the ids of the videos of some rows, int64 (K,)."""
        return [self.videos[place] for place in self.owners[rows].tolist()]

    def track(self, row: int) -> Track:
        """Return one object."""
        some = slice(self.begins[row], self.begins[row + 1])
        start, end = self.spans[row].tolist()
        return Track(
            label=self.labels[row],
            confidence=float(self.confidences[row]),
            span=Span(start, end),
            times=self.times[some],
            boxes=self.boxes[some],
            best=int(self.bests[row]),
            vector=self.vectors[row],
            bias=float(self.biases[row]),
        )

    def found(self) -> Iterator[Found]:
        """Yield the videos with their objects, to gather them again."""
        for video_id, place in self.places.items():
            rows = np.flatnonzero(self.owners == place).tolist()
            yield video_id, VideoObjects("", tuple(map(self.track, rows)))


def gathered(found: Iterable[Found], most: int) -> Iterator[Block]:
    """Yield blocks of some thousand objects, so that nothing is in memory twice."""
    some: list[Found] = []
    count = 0
    for video_id, objects in found:
        if objects.tracks:
            some.append((video_id, objects))
            count += len(objects.tracks)
        if count >= most:
            yield Block.of(some)
            some, count = [], 0
    if some:
        yield Block.of(some)
