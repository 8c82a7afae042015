"""Parts of queries to vectors of a collection's model, whatever kind of part they are."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from clipseek.cache import TextVectors
from clipseek.composition import direction
from clipseek.errors import (
    ClipseekError,
    InvalidQuery,
    QueryNotRead,
    ServiceUnavailable,
    VideoNotFound,
)
from clipseek.model import Model
from clipseek.parts import Like, Part, Picture, Text, cut_at
from clipseek.protocols import CatalogReader
from clipseek.ranking import ADJACENT_S
from clipseek.types import Collection, Liked, Span


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What some parts ask for together, as vectors.

    vector: float32 (dim,), unit length: what is wanted. parts: float32 (P, dim), unit rows, and
    weights: float64 (P,), with those of what is not wanted. sentences: bool (P,), which parts are
    sentences. length: That of the mean of what is wanted; see `composition.direction`. end: Where
    the normalised sentence is cut if it is the only part, or None. liked: Wanted moments.
    """

    vector: NDArray[np.float32] = field(repr=False)
    parts: NDArray[np.float32] = field(repr=False)
    weights: NDArray[np.float64]
    sentences: NDArray[np.bool_]
    length: float = 1.0
    end: int | None = None
    liked: tuple[Liked, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """One part: its vector, float32 (dim,), unit length, and what `Asked` says of it."""

    vector: NDArray[np.float32]
    end: int | None = None
    liked: Liked | None = None


def asked(
    asks: Sequence[Sequence[Part]],
    collection: Collection,
    model: Model,
    texts: TextVectors,
    catalog: CatalogReader,
) -> list[Asked | ClipseekError]:
    """Return what parts ask for, or why that is unknown; all sentences are embedded together."""
    sentences = [part.text for parts in asks for part in parts if isinstance(part, Text)]
    read = texts.embed(model.embedder, sentences) if sentences else None
    known = iter(() if read is None else zip(read.vectors, read.ends, strict=True))

    def one(part: Part, *, is_alone: bool) -> _Read:
        if isinstance(part, Text):
            vector, end = next(known)
            _require_read(part, end, collection.model, is_alone=is_alone)
            return _Read(vector, end)
        if isinstance(part, Picture):
            # One by one, as they are as large as they came; the tower is loaded with the first.
            return _Read(model.embedder.embed_images(part.pixels[np.newaxis])[0])
        return _of_moment(part, collection, catalog)

    found: list[Asked | ClipseekError] = []
    for parts in asks:
        wrong: ClipseekError | None = None
        rows: list[_Read] = []
        for part in parts:
            try:
                rows.append(one(part, is_alone=len(parts) == 1))
            except ClipseekError as error:
                wrong = wrong or error
        found.append(wrong or _together(parts, rows))
    return found


def _together(parts: Sequence[Part], read: Sequence[_Read]) -> Asked | ClipseekError:
    """Compose the parts of one query."""
    weights = np.array([part.weight for part in parts], np.float64)
    vectors = np.stack([one.vector for one in read])
    is_sentence = np.array([isinstance(part, Text) for part in parts])
    if len(parts) == 1:
        liked = tuple(one.liked for one in read if one.liked is not None)
        return Asked(vectors[0], vectors, weights, is_sentence, 1.0, read[0].end, liked)
    vector, length = direction(vectors, weights)
    if not length:
        return InvalidQuery("the wanted parts are opposites that leave nothing to search for")
    wanted = (one for one, weight in zip(read, weights, strict=True) if weight > 0)
    liked = tuple(one.liked for one in wanted if one.liked is not None)
    return Asked(vector, vectors, weights, is_sentence, length, None, liked)


def _require_read(part: Text, end: int | None, model: str, *, is_alone: bool) -> None:
    """Raise unless the model reads a sentence; if it is one of several, up to its end.

    Answers say where a single sentence was cut, and have no place to say it of several.
    """
    if end == 0:
        raise QueryNotRead(part.text, model)
    if end is not None and not is_alone:
        read = part.text[: cut_at(part.text, end)][-30:].strip()
        raise InvalidQuery(
            f"a sentence of several parts must be short enough for model {model}, which reads it "
            f"up to {read!r}; use fewer words"
        )


@contextmanager
def stored(collection: Collection, catalog: CatalogReader) -> Iterator[CatalogReader]:
    """Give the catalog at one version, which may be later than that of the collection.

    Raises:
        ServiceUnavailable: the catalog cannot be read, or the name has another collection now.
    """
    name = collection.name
    with catalog.consistent(name) as now:
        later = now.collection(name)
        if (later.key, later.epoch) != (collection.key, collection.epoch):
            raise ServiceUnavailable(
                f"collection {name!r} has just been replaced; ask again in a second"
            )
        yield now


def _of_moment(like: Like, collection: Collection, catalog: CatalogReader) -> _Read:
    """Return the stored vector of the segment at a time of a video.

    It is read from the catalog, because a compressed index has no exact vectors. The video's id is
    the hash of its content, so a later version of the catalog has the same vector.

    Raises:
        VideoNotFound: the collection has no such video, whether or not another one has.
        InvalidQuery: the video has no segment at this time.
        ServiceUnavailable: see `stored`.
    """
    name = collection.name
    with stored(collection, catalog) as now:
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
            return _Read(block.vectors[row], None, Liked(video, int(ids), span, float(times)))
    end = max((float(block.spans.max()) for block in blocks if len(block)), default=0.0)
    raise InvalidQuery(
        f"like.time must be a second of video {like.video_id!r} that is indexed, 0 to {end:g}, "
        f"got {like.time:g}"
    )
