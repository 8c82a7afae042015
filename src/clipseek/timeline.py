"""The timeline of a video: the relevance of a sentence at each sampled frame and each segment."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipseek import calibration
from clipseek.cache import TextVectors
from clipseek.errors import QueryNotRead
from clipseek.library.collections import Collections
from clipseek.parts import cut_at
from clipseek.ranking import ADJACENT_S
from clipseek.stored import SegmentBlock
from clipseek.types import Collection, Video


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """The relevance of one sentence over one whole video.

    segments: In the order of time. segment_relevance: float64 (S,), in [0, 1], theirs. times:
    float64 (N,) seconds, ascending. relevance: float64 (N,), in [0, 1]; each holds from its time to
    the next one. is_sampled: Whether these are of frames; otherwise they are of the segments,
    because the frame vectors of the video were not kept. shots: Where a shot begins, seconds,
    ascending. truncated_at: As in `SearchResult`.
    """

    query: str
    truncated_at: int | None
    collection: Collection
    video: Video
    segments: SegmentBlock
    segment_relevance: NDArray[np.float64]
    times: NDArray[np.float64]
    relevance: NDArray[np.float64]
    is_sampled: bool
    shots: list[float]


def timeline(
    collections: Collections, texts: TextVectors, name: str, video_id: str, sentence: str
) -> Timeline:
    """Compare a sentence with all of a video, from the vectors in the catalog at one version.

    A frame has the bias of the segment that it is in. So its evidence is a part of that of the
    segment: the mean over the frames, by how long each is shown, is the segment's evidence but for
    the length of the mean vector. With a bias of its own, which takes the whole bank, a frame
    would take several times as long, and could disagree with the hits (`benchmarks.timeline`).

    Raises:
        CollectionNotFound, VideoNotFound: there is none.
        QueryNotRead: the model finds nothing in the sentence.
        ClipseekError: as `Models.get` does.
    """
    with collections.catalog.consistent(name) as now:
        collection = now.collection(name)
        video = now.video(name, video_id)
        segments = _in_time(list(now.blocks(name, video_ids=[video_id])), collection.dim)
        shots = now.shots(name, video_id)
        times, frames = now.frame_blocks(name, video_id)
    model = collections.models.get(collection)
    read = texts.embed(model.embedder, [sentence])
    vector, end = read.vectors[0], read.ends[0]
    if end == 0:
        raise QueryNotRead(sentence, collection.model)
    scoring = model.scoring_of(collection)

    def relevance(scores: NDArray[np.float32], biases: NDArray[np.float32]) -> NDArray[np.float64]:
        evidence = calibration.evidence(scores, biases, scoring.logit_scale)
        return calibration.relevance(evidence, scoring.relevance)

    of_segments = relevance(segments.vectors @ vector, segments.biases)
    of_frames = of_segments
    is_sampled = bool(len(times) and len(segments))
    if is_sampled:
        scores = np.concatenate([block @ vector for block in frames])
        biases = segments.biases[segment_of(times, segments.spans[:, 0])]
        of_frames = relevance(scores, biases)
    return Timeline(
        query=sentence,
        truncated_at=None if end is None else cut_at(sentence, end),
        collection=collection,
        video=video,
        segments=segments,
        segment_relevance=of_segments,
        times=times if is_sampled else segments.spans[:, 0],
        relevance=of_frames,
        is_sampled=is_sampled,
        shots=shots,
    )


def segment_of(times: NDArray[np.float64], starts: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the segment that each frame is in, int64 (N,); times are stored less precisely."""
    return np.maximum(np.searchsorted(starts, times + ADJACENT_S, side="right") - 1, 0)


def _in_time(blocks: list[SegmentBlock], dim: int) -> SegmentBlock:
    """Join the blocks of one video, in the order of time."""
    if not blocks:
        none, ids = np.empty(0), np.empty(0, np.int64)
        names, biases = np.empty(0, np.str_), np.empty(0, np.float32)
        vectors = np.empty((0, dim), np.float32)
        return SegmentBlock(ids, names, np.empty((0, 2)), none, biases, vectors)
    order = np.argsort(np.concatenate([block.spans[:, 0] for block in blocks]), kind="stable")
    return SegmentBlock(
        ids=np.concatenate([block.ids for block in blocks])[order],
        video_ids=np.concatenate([block.video_ids for block in blocks])[order],
        spans=np.concatenate([block.spans for block in blocks])[order],
        best_times=np.concatenate([block.best_times for block in blocks])[order],
        biases=np.concatenate([block.biases for block in blocks])[order],
        vectors=np.concatenate([block.vectors for block in blocks])[order],
    )
