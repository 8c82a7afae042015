"""Parts of queries to vectors of a collection's model, whatever kind of part they are."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from clipseek.cache import TextVectors
from clipseek.errors import (
    ClipseekError,
    InvalidQuery,
    QueryNotRead,
    ServiceUnavailable,
    VideoNotFound,
)
from clipseek.library.view import View
from clipseek.model import Model
from clipseek.protocols import CatalogReader
from clipseek.query import Like, Picture, Query, Text
from clipseek.ranking import ADJACENT_S
from clipseek.types import Liked, Span


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What a query asks for, as a vector.

    vector: float32 (dim,), unit length. end: Where the normalised sentence is cut, or None.
    liked: The moment whose vector it is, or None.
    """

    vector: NDArray[np.float32] = field(repr=False)
    end: int | None = None
    liked: Liked | None = None


def asked(
    queries: Sequence[Query], view: View, model: Model, texts: TextVectors, catalog: CatalogReader
) -> list[Asked | ClipseekError]:
    """Return the vector of each query, or why it has none; sentences are embedded together."""
    found: dict[int, Asked | ClipseekError] = {}
    sentences = [i for i, query in enumerate(queries) if isinstance(query.part, Text)]
    if sentences:
        read = texts.embed(model.embedder, [queries[i].text for i in sentences])
        for i, vector, end in zip(sentences, read.vectors, read.ends, strict=True):
            is_read = end != 0
            found[i] = Asked(vector, end) if is_read else QueryNotRead(queries[i].text, view.model)
    for i, query in enumerate(queries):
        if isinstance(query.part, Picture):
            # One by one, as they are as large as they came; the tower is loaded with the first.
            found[i] = Asked(model.embedder.embed_images(query.part.pixels[np.newaxis])[0])
        if isinstance(query.part, Like):
            try:
                found[i] = _of_moment(query.part, view, catalog)
            except ClipseekError as error:
                found[i] = error
    return [found[i] for i in range(len(queries))]


def _of_moment(like: Like, view: View, catalog: CatalogReader) -> Asked:
    """Return the stored vector of the segment at a time of a video.

    It is read from the catalog, because a compressed index has no exact vectors. The video's id is
    the hash of its content, so a later version of the catalog has the same vector.

    Raises:
        VideoNotFound: the collection has no such video, whether or not another one has.
        InvalidQuery: the video has no segment at this time.
        ServiceUnavailable: the catalog cannot be read, or the name has another collection now.
    """
    name = view.collection.name
    with catalog.consistent(name) as now:
        collection = now.collection(name)
        if (collection.key, collection.epoch) != (view.collection.key, view.collection.epoch):
            raise ServiceUnavailable(
                f"collection {name!r} has just been replaced; ask again in a second"
            )
        video = now.videos_by_id(name, [like.video_id]).get(like.video_id)
        if video is None:
            raise VideoNotFound(like.video_id, name)
        blocks = list(now.blocks(name, video_ids=[like.video_id]))
    for block in blocks:
        starts, ends = block.spans.T
        at = np.flatnonzero((starts <= like.time + ADJACENT_S) & (like.time < ends + ADJACENT_S))
        if len(at):
            row = at[np.argmax(starts[at])]
            span = Span(*block.spans[row].tolist())
            ids, times = block.ids[row], block.best_times[row]
            return Asked(block.vectors[row], None, Liked(video, int(ids), span, float(times)))
    end = max((float(block.spans.max()) for block in blocks if len(block)), default=0.0)
    raise InvalidQuery(
        f"like.time must be a second of video {like.video_id!r} that is indexed, 0 to {end:g}, "
        f"got {like.time:g}"
    )
