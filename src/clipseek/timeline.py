"""The timeline of a video: how what is asked fits each sampled frame and each segment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipseek.cache import TextVectors
from clipseek.composition import Curves, combined
from clipseek.errors import ClipseekError
from clipseek.library.collections import Collections
from clipseek.matching import logistic
from clipseek.parts import Part, Text, cut_at, is_seen, problem_of
from clipseek.ranking import ADJACENT_S
from clipseek.stored import SegmentBlock
from clipseek.types import Collection, Video
from clipseek.vectors import Asked, asked


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """The relevance of a sentence, or of all parts together, over one whole video.

    query: The sentence, or None if there are several parts or a picture. is_seen: Whether a part is
    a picture or a moment: then relevance is how well the parts fit, which for a picture is 0.5
    where its score is the model's coherence; see `composition`. segments: In the order of time.
    segment_relevance: float64 (S,), in [0, 1], theirs. times: float64 (N,) seconds, ascending.
    relevance: float64 (N,), in [0, 1]; each holds from its time to the next one. is_sampled:
    Whether these are of frames; otherwise they are of the segments, because the frame vectors of
    the video were not kept. shots: Where a shot begins, seconds, ascending. truncated_at: As in
    `SearchResult`.
    """

    query: str | None
    truncated_at: int | None
    is_seen: bool
    collection: Collection
    video: Video
    segments: SegmentBlock
    segment_relevance: NDArray[np.float64]
    times: NDArray[np.float64]
    relevance: NDArray[np.float64]
    is_sampled: bool
    shots: list[float]


def timeline(
    collections: Collections,
    texts: TextVectors,
    name: str,
    video_id: str,
    parts: Sequence[Part],
) -> Timeline:
    """Compare parts with what all of a video shows, from the vectors in the catalog at one version.

    A frame has the bias of the segment that it is in. So its evidence is a part of that of the
    segment: the mean over the frames, by how long each is shown, is the segment's evidence but for
    the length of the mean vector. With a bias of its own, which takes the whole bank, a frame
    would take several times as long, and could disagree with the hits (`benchmarks.timeline`).

    Raises:
        InvalidQuery: see `parts.problem_of` and `vectors.asked`.
        CollectionNotFound, VideoNotFound: there is none.
        QueryNotRead: the model finds nothing in a sentence.
        ClipseekError: as `Models.get` does.
    """
    if (wrong := problem_of(parts)) is not None:
        raise wrong
    with collections.catalog.consistent(name) as now:
        collection = now.collection(name)
        video = now.video(name, video_id)
        segments = in_time(list(now.blocks(name, video_ids=[video_id])), collection.dim)
        shots = now.shots(name, video_id)
        times, frames = now.frame_blocks(name, video_id)
    model = collections.models.get(collection)
    (read,) = asked([parts], collection, model, texts, collections.catalog)
    if isinstance(read, ClipseekError):
        raise read
    curves = Curves.of(model.scoring_of(collection), model.coherence)
    of_segments = of_frames = fits([segments.vectors], segments.biases, read, curves)
    is_sampled = bool(len(times) and len(segments))
    if is_sampled:
        biases = segments.biases[segment_of(times, segments.spans[:, 0])]
        of_frames = fits(frames, biases, read, curves)
    (first, *others) = parts
    sentence = first.text if isinstance(first, Text) and not others else None
    is_cut = sentence is not None and read.end is not None
    return Timeline(
        query=sentence,
        truncated_at=cut_at(sentence or "", read.end or 0) if is_cut else None,
        is_seen=is_seen(parts),
        collection=collection,
        video=video,
        segments=segments,
        segment_relevance=of_segments,
        times=times if is_sampled else segments.spans[:, 0],
        relevance=of_frames,
        is_sampled=is_sampled,
        shots=shots,
    )


def fits(
    blocks: Iterable[NDArray[np.float32]],
    biases: NDArray[np.float32],
    asked: Asked,
    curves: Curves,
) -> NDArray[np.float64]:
    """Return how well vectors fit all parts together, float64 (N,), in [0, 1].

    Args:
        blocks: float32 (n, dim), N unit rows in all.
        biases: float32 (N,), those of their segments.
        asked: The parts.
        curves: Those of the collection.
    """
    cosines = np.concatenate(
        [np.stack([block @ vector for vector in asked.parts], axis=1) for block in blocks]
    ).astype(np.float64)
    wide = biases.astype(np.float64)
    logits = [
        curves.logits(cosines[:, i], wide, is_sentence=bool(is_sentence))
        for i, is_sentence in enumerate(asked.sentences)
    ]
    return logistic(combined(np.stack(logits, axis=1), asked.weights))


def segment_of(times: NDArray[np.float64], starts: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the segment that each frame is in, int64 (N,); times are stored less precisely."""
    return np.maximum(np.searchsorted(starts, times + ADJACENT_S, side="right") - 1, 0)


def in_time(blocks: Sequence[SegmentBlock], dim: int) -> SegmentBlock:
    """Join blocks, in the order of time."""
    block = SegmentBlock.joined(blocks, dim=dim)
    return block.taken(np.argsort(block.spans[:, 0], kind="stable"))
