"""Videos as they are stored: one that moves between catalogs unchanged, and segments as arrays."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clipseek.timed import TimedText
from clipseek.types import Field, Put, Span, Video

FrameBlocks = tuple[NDArray[np.float64], Iterator[NDArray[np.float32]]]
"""Times (N,) of sampled frames in seconds, and their vectors in blocks (n, dim), unit rows."""

Some = Sequence[str] | None
"""Ids of some videos; None for all."""

_ROUNDING_S, _ROUNDING_SHARE = 1e-3, 1e-6


def rounding_s(time: float) -> float:
    """Return by how many seconds a stored time may differ from that of its frame.

    Times are stored as float32; so much later, and no sooner, the same frame is shown.
    """
    return _ROUNDING_S + _ROUNDING_SHARE * time


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One segment as it is stored. vector: int8 (dim,), codes (see `catalog.codes`)."""

    field: Field
    span: Span
    best_time: float
    bias: float
    thumbnail: str
    vector: NDArray[np.int8]
    begins_shot: bool


@dataclass(frozen=True, slots=True)
class FrameRows:
    """The frame vectors of one video as they are stored.

    times: little-endian float32 (N,), seconds. vectors: int8 (N, dim), codes.
    """

    times: NDArray[np.float32]
    vectors: NDArray[np.int8]


class TrackRow(NamedTuple):
    """One object as it is stored, without its vector; see `tracked.Track`."""

    label: str
    confidence: float
    start: float
    end: float
    best: int
    bias: float
    times: Sequence[float]
    boxes: Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True, eq=False)
class ObjectRows:
    """The objects of one video as they are stored; see `tracked.VideoObjects`.

    vectors: int8 (N, dim), codes, one of each track.
    """

    stamp: str
    tracks: tuple[TrackRow, ...]
    vectors: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class VideoRows:
    """One video as the rows that are stored of it. video: with its `segments` counted.

    objects: None if no detector has looked at it.
    """

    video: Video
    segments: tuple[SegmentRow, ...]
    frames: FrameRows | None
    texts: tuple[TimedText, ...] = ()
    objects: ObjectRows | None = None

    def require_dim(self, dim: int) -> None:
        """Raise ValueError unless all vectors have the length of their collection's."""
        lengths = {len(row.vector) for row in self.segments}
        if self.frames is not None:
            lengths.add(self.frames.vectors.shape[1])
        if self.objects is not None and self.objects.tracks:
            lengths.add(self.objects.vectors.shape[1])
        if lengths - {dim}:
            raise ValueError(
                f"vectors of this collection have {dim} components, got some of {sorted(lengths)}"
            )


@dataclass(frozen=True, slots=True)
class SegmentBlock:
    """Segments of one or several videos as arrays, rows together: what an index is built from.

    ids: int64 (S,), ascending as a catalog yields them. video_ids: str (S,). spans: float64 (S, 2)
    seconds. best_times: float64 (S,). biases: float32 (S,). vectors: float32 (S, dim), unit rows.
    """

    ids: NDArray[np.int64]
    video_ids: NDArray[np.str_]
    spans: NDArray[np.float64]
    best_times: NDArray[np.float64]
    biases: NDArray[np.float32]
    vectors: NDArray[np.float32] = field(repr=False)

    def __post_init__(self) -> None:
        count = len(self.ids)
        rows = (self.video_ids, self.spans, self.best_times, self.biases, self.vectors)
        if any(len(row) != count for row in rows):
            raise ValueError(f"{count} ids, but rows of {[len(row) for row in rows]}")

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def joined(cls, blocks: Sequence["SegmentBlock"], *, dim: int = 0) -> "SegmentBlock":
        """Return the rows of several blocks as one, in their order.

        `dim` is the length of a vector; it is used where there are no blocks.
        """
        if not blocks:
            none, ids = np.empty(0), np.empty(0, np.int64)
            names, biases = np.empty(0, np.str_), np.empty(0, np.float32)
            vectors = np.empty((0, dim), np.float32)
            return cls(ids, names, np.empty((0, 2)), none, biases, vectors)
        return cls(
            ids=np.concatenate([block.ids for block in blocks]),
            video_ids=np.concatenate([block.video_ids for block in blocks]),
            spans=np.concatenate([block.spans for block in blocks]),
            best_times=np.concatenate([block.best_times for block in blocks]),
            biases=np.concatenate([block.biases for block in blocks]),
            vectors=np.concatenate([block.vectors for block in blocks]),
        )

    def taken(self, rows: NDArray[np.int64]) -> "SegmentBlock":
        """Return some rows, given by their positions, int64 (M,), in this order."""
        return SegmentBlock(
            ids=self.ids[rows],
            video_ids=self.video_ids[rows],
            spans=self.spans[rows],
            best_times=self.best_times[rows],
            biases=self.biases[rows],
            vectors=self.vectors[rows],
        )

    def by_video(self) -> dict[str, NDArray[np.int64]]:
        """Return the positions of the rows of each video, int64 (M,), in the order of time."""
        if not len(self):
            return {}
        order = np.lexsort((self.spans[:, 1], self.spans[:, 0], self.video_ids))
        names, firsts = np.unique(self.video_ids[order], return_index=True)
        return dict(zip(names.tolist(), np.split(order, firsts[1:]), strict=True))


@dataclass(frozen=True, slots=True)
class Growth:
    """What is new of a video that is still being recorded. Picklable.

    put: The video as it is now, and its segments from `since` seconds on: what is stored of these
    is replaced, and what begins before stays. Its frames and texts are stored if it has some.
    first_frame: How many frames of the video come before those of `put`, and stay.
    """

    put: Put
    since: float
    first_frame: int = 0
