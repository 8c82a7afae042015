"""Frames of videos on the clock of their stream: a camera's chunks in a row, or one video."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from clipseek.recorded import seconds_of
from clipseek.stored import SegmentBlock
from clipseek.timeline import in_time, segment_of
from clipseek.types import Named, Video

Floats = NDArray[np.float64]
Frames = Callable[[str], tuple[Floats, NDArray[np.float32]]]
"""Returns the times (N,) and the vectors (N, dim) of the frames of a video, as a catalog does."""


def time_of(seconds: float) -> str:
    """Return seconds since 1970 as RFC 3339 in UTC, to the millisecond."""
    told = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return told.replace("+00:00", "Z")


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """The frames of one camera, or of one video that comes from none, in the order of time.

    name: The camera, or empty. videos: By id. origins: When each video begins on the clock of the
    stream: seconds since 1970 for a camera, 0 for a video. block: The frames, see `sampled`. times:
    Their spans on that clock, float64 (S, 2).
    """

    name: str
    videos: Mapping[str, Video | Named]
    origins: Mapping[str, float]
    block: SegmentBlock
    times: Floats

    @classmethod
    def of(cls, name: str, videos: Sequence[Video | Named], block: SegmentBlock) -> "Stream":
        """Return the stream of some videos, whose frames are in a block in any order."""
        origins = {
            video.id: (seconds_of(video.recorded_at) or 0.0) if name else 0.0 for video in videos
        }
        begins = np.array([origins[video_id] for video_id in block.video_ids.tolist()])
        times = block.spans + begins[:, np.newaxis]
        order = np.lexsort((times[:, 1], times[:, 0]))
        return cls(
            name, {each.id: each for each in videos}, origins, block.taken(order), times[order]
        )

    def joined(
        self, fit: Floats, others: Sequence[tuple["Stream", Floats]]
    ) -> tuple["Stream", Floats]:
        """Return this stream and others that go on from it as one, with their fits; no vectors."""
        every = [(self, fit), *others]
        block = SegmentBlock.joined([stream.without_vectors().block for stream, _ in every])
        times = np.concatenate([stream.times for stream, _ in every])
        fits = np.concatenate([each for _, each in every])
        order = np.lexsort((times[:, 1], times[:, 0]))
        videos = {key: video for stream, _ in every for key, video in stream.videos.items()}
        origins = {key: origin for stream, _ in every for key, origin in stream.origins.items()}
        stream = Stream(self.name, videos, origins, block.taken(order), times[order])
        return stream, fits[order]

    def without_vectors(self) -> "Stream":
        """Return this stream without what takes the most memory."""
        nothing = np.empty((len(self.block), 0), np.float32)
        return replace(self, block=replace(self.block, vectors=nothing))

    @property
    def is_camera(self) -> bool:
        """Whether its clock is that of the world."""
        return bool(self.name)

    def wall(self, row: int, *, end: bool = False) -> str:
        """Return when a frame began or ended, RFC 3339; empty if that is not known."""
        video = self.videos[str(self.block.video_ids[row])]
        recorded = seconds_of(video.recorded_at)
        if recorded is None:
            return ""
        with suppress(OverflowError, ValueError):  # a span that says that it ends after 9999
            return time_of(recorded + float(self.block.spans[row, int(end)]))
        return ""


def streams(
    videos: Iterable[Video | Named], blocks: Iterable[SegmentBlock], dim: int, frames: Frames
) -> list[Stream]:
    """Sort the frames of some videos, whose segments are in blocks, into streams."""
    every = SegmentBlock.joined(list(blocks), dim=dim)
    shown = {
        video_id: sampled(every.taken(rows), *frames(video_id))
        for video_id, rows in every.by_video().items()
    }
    groups: dict[tuple[str, str], list[Video | Named]] = {}
    for video in videos:
        groups.setdefault((video.stream, "" if video.stream else video.id), []).append(video)
    found = []
    for (name, _), mine in groups.items():
        block = SegmentBlock.joined([shown[v.id] for v in mine if v.id in shown], dim=dim)
        found.append(Stream.of(name, mine, block))
    return found


def sampled(block: SegmentBlock, times: Floats, vectors: NDArray[np.float32]) -> SegmentBlock:
    """Return the frames of a video in the place of the segments that they are in.

    A segment shows on average what it shows: a car that passes in two of its ten seconds fits the
    segment badly, and two of its frames well. A frame lasts until the next one, has the id of its
    segment, so that words count for it too, and its bias, as in a timeline. A segment stays as it
    is if no frame of it was kept.

    Args:
        block: The segments of one video, in the order of time.
        times: float64 (N,) seconds, ascending, or none.
        vectors: float32 (N, dim), theirs.
    """
    own = segment_of(times, block.spans[:, 0]) if len(block) else np.empty(0, np.int64)
    seen = np.flatnonzero(times[: len(own)] < block.spans[own, 1])
    if not len(seen):
        return block
    own, times = own[seen], times[seen]
    is_first = np.diff(own, prepend=-1) > 0
    begins = np.where(is_first, block.spans[own, 0], times)
    ends = np.minimum(np.append(begins[1:], np.inf), block.spans[own, 1])
    bare = block.taken(np.setdiff1d(np.arange(len(block)), own))
    frames = SegmentBlock(
        ids=block.ids[own],
        video_ids=block.video_ids[own],
        spans=np.stack([begins, ends], axis=1),
        best_times=times,
        biases=block.biases[own],
        vectors=vectors[seen],
    )
    return in_time([frames, bare], vectors.shape[1])
