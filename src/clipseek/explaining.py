"""Why a moment matched: its nearest frame, how each part fits it, and where in its picture."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from clipseek import pictures
from clipseek.cache import TextVectors
from clipseek.composition import Curves, direction
from clipseek.errors import ClipseekError, InvalidQuery, ServiceUnavailable
from clipseek.heat import Heat, heat_of
from clipseek.library.collections import Collections
from clipseek.library.view import View
from clipseek.model import Model
from clipseek.patches import Box
from clipseek.protocols import CatalogReader
from clipseek.query import Query
from clipseek.ranking import ADJACENT_S
from clipseek.stored import SegmentBlock
from clipseek.thumbnails import Thumbnails
from clipseek.timed import OBJECT, PICTURE, Field
from clipseek.types import Hit, Span
from clipseek.vectors import Asked, asked, stored

MOST = 10
"""Moments of one search that are explained, those of all steps together: each may need a run of the
visual tower."""

_DIGITS = 3
"""Of heat and of edges: finer than 256 shades, and than a pixel of a thumbnail."""

_SAID = (
    "the words ({}) matched here, and better than the picture; ask in the field picture alone to "
    "see where pictures show it"
)
_IS_FOUND = (
    "a detector found it here: `where` of the field object says where; ask in the field picture "
    "alone for the parts of the picture that fit"
)
_IS_GONE = "this moment has been indexed again or removed since; search again"
_IS_SEEN = "only what a sentence describes is looked for in pictures, and no sentence was asked for"
_HAS_NO_PICTURE = "the picture of this moment cannot be read; `indexer verify` says what is missing"
_IS_EVEN = "no part of the picture fits the sentence better than the others"
IS_LATE = "the time for looking at pictures was over; ask for fewer hits"


class Said(NamedTuple):
    """What a field contributes to a hit, as far as it says which one matched best."""

    field: Field
    relevance: float
    span: Span


class Matched(NamedTuple):
    """A moment of a hit, as far as it must be known to be explained.

    field: The one that matched best. step: Which step of the query the moment fits, from 0 on.
    """

    video_id: str
    segment_id: int
    span: Span
    field: Field = PICTURE
    step: int = 0

    @classmethod
    def of(cls, hit: Hit) -> tuple[Self, ...]:
        """Return what must be known of a hit: of the moment of each step, or of its only one."""
        fields = [Said(each.field, each.relevance, each.span) for each in hit.fields]
        steps = [(each.segment_id, each.span) for each in hit.steps]
        moments = steps or [(hit.segment_id, hit.span)]
        return cls.all(hit.video.id, moments, fields)

    @classmethod
    def all(
        cls, video_id: str, moments: Sequence[tuple[int, Span]], fields: Sequence[Said]
    ) -> tuple[Self, ...]:
        """Return the moments of a hit, each with the best of the fields that are in its time."""
        return tuple(
            cls(video_id, segment_id, span, _best(fields, span, is_only=len(moments) == 1), step)
            for step, (segment_id, span) in enumerate(moments)
        )


class Nearest(NamedTuple):
    """The sampled frame of a moment that is nearest to what is wanted.

    time: Seconds. score: The cosine of both.
    """

    time: float
    score: float


class Fit(NamedTuple):
    """How well one part fits the best segment of a moment.

    score: The cosine of both. fit: In [0, 1], the relevance if the part is a sentence, and for
    pictures the same kind of number, 0.5 where the score is the model's coherence.
    """

    weight: float
    score: float
    fit: float


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """Why one moment matched.

    frame: None if the frame vectors of the video were not kept. parts: In the order of the query;
    empty if the moment is gone. heat: Of the moment's thumbnail. reason: Why there is no heat, or
    empty.
    """

    frame: Nearest | None
    parts: tuple[Fit, ...]
    heat: Heat | None
    reason: str

    def plain(self) -> dict[str, object]:
        """Return what JSON takes."""
        heat = self.heat
        return {
            "frame": None if self.frame is None else self.frame._asdict(),
            "parts": [part._asdict() for part in self.parts],
            "where": None
            if heat is None
            else {
                "heat": [[round(each, _DIGITS) for each in row] for row in heat.grid.tolist()],
                "area": _box(heat.area),
                "box": _box(heat.box),
            },
            "where_missing": self.reason or None,
        }


def _box(box: Box) -> dict[str, float]:
    return {name: round(edge, _DIGITS) for name, edge in box._asdict().items()}


@dataclass(frozen=True, slots=True)
class _Stored:
    """What is stored of the best segment of a moment; frames are those in the moment's span."""

    vector: NDArray[np.float32]
    bias: float
    thumbnail: str
    times: NDArray[np.float64]
    frames: NDArray[np.float32]


def _best(fields: Sequence[Said], span: Span, *, is_only: bool) -> Field:
    there = [
        each
        for each in fields
        if is_only or (each.span.start < span.end and span.start < each.span.end)
    ]
    return max(there, key=lambda each: each.relevance, default=Said(PICTURE, 0, span)).field


def problem_of(query: Query) -> InvalidQuery | None:
    """Return why the hits of a query cannot be explained, or None."""
    steps = len(query.steps)
    if query.limit * steps > MOST:
        of_steps = f" of {steps} steps" if steps > 1 else ""
        return InvalidQuery(
            f"limit must be 1 to {MOST // steps} if hits{of_steps} are explained, got {query.limit}"
        )
    return None


class Explainer:
    """Explains hits from what the catalog has of them now. Thread-safe."""

    def __init__(
        self, collections: Collections, texts: TextVectors, thumbnails: Thumbnails
    ) -> None:
        self._collections = collections
        self._texts = texts
        self._thumbnails = thumbnails

    def explain(
        self, query: Query, hits: Sequence[Matched], *, limit_s: float
    ) -> list[Explanation]:
        """Explain moments, in their order; after `limit_s` seconds no picture is looked at.

        The picture is the stored thumbnail, which has as many pixels as the model sees: the frame
        need not be decoded from the video, which may be away.

        Raises:
            InvalidQuery: see `problem_of`.
            ClipseekError: as a search does, or the model cannot be run.
        """
        if wrong := problem_of(query):
            raise wrong
        end = time.monotonic() + limit_s
        view = self._collections.latest(query.collection).view
        model = self._collections.models.get(view.collection)
        catalog = self._collections.catalog
        steps = list(map(_read, asked(query.steps, view.collection, model, self._texts, catalog)))
        found = _stored(catalog, view, hits)
        curves = Curves.of(model.scoring_of(view.collection), model.coherence)
        return [
            self._explained(hit, found.get(hit), steps[hit.step], curves, model, end)
            for hit in hits
        ]

    def _explained(
        self,
        hit: Matched,
        stored: _Stored | None,
        read: Asked,
        curves: Curves,
        model: Model,
        end: float,
    ) -> Explanation:
        if stored is None:
            return Explanation(None, (), None, _IS_GONE)
        heat: Heat | None = None
        wanted = _sentences(read)
        if hit.field == OBJECT:
            reason = _IS_FOUND
        elif hit.field != PICTURE:
            reason = _SAID.format(hit.field)
        elif wanted is None:
            reason = _IS_SEEN
        elif time.monotonic() >= end:
            reason = IS_LATE
        else:
            heat, reason = self._heat(stored.thumbnail, model, wanted)
        return Explanation(_nearest(stored, read.vector), _fits(stored, read, curves), heat, reason)

    def _heat(
        self, thumbnail: str, model: Model, wanted: NDArray[np.float32]
    ) -> tuple[Heat | None, str]:
        try:
            pixels = pictures.decoded(self._thumbnails.read(thumbnail))
        except (InvalidQuery, ServiceUnavailable):
            return None, _HAS_NO_PICTURE
        patches = model.embedder.patches(pixels)
        if patches is None:
            return None, (
                f"model {model.name} cannot say where in a picture something is: its bundle has "
                "no patches.onnx; use a model of another kind, or export it again in fp32 with "
                "this release"
            )
        heat = heat_of(patches, wanted)
        return heat, "" if heat is not None else _IS_EVEN


def _read(found: Asked | ClipseekError) -> Asked:
    """Return what was read of a step; raise the error that came in its place."""
    if isinstance(found, ClipseekError):
        raise found
    return found


def _sentences(read: Asked) -> NDArray[np.float32] | None:
    """Return the direction of the wanted sentences, or None if there are none."""
    weights = np.where(read.sentences, read.weights, 0)
    if not (weights > 0).any():
        return None
    vector, length = direction(read.parts, weights)
    return vector if length else None


def _fits(stored: _Stored, read: Asked, curves: Curves) -> tuple[Fit, ...]:
    scores = (read.parts @ stored.vector).astype(np.float64)
    found = []
    for score, weight, is_sentence in zip(scores, read.weights, read.sentences, strict=True):
        one, bias = np.array([score]), np.array([stored.bias])
        logit = curves.logits(one, bias, is_sentence=bool(is_sentence))[0]
        fit = float(np.exp(-np.logaddexp(0, -logit)))
        found.append(Fit(float(weight), float(score), fit))
    return tuple(found)


def _nearest(stored: _Stored, wanted: NDArray[np.float32]) -> Nearest | None:
    if not len(stored.times):
        return None
    scores = stored.frames @ wanted
    best = int(scores.argmax())
    return Nearest(float(stored.times[best]), float(scores[best]))


def _stored(
    catalog: CatalogReader, view: View, hits: Sequence[Matched]
) -> Mapping[Matched, _Stored]:
    """Read what is needed of each moment from one version of the catalog.

    Raises:
        ServiceUnavailable: see `vectors.stored`.
    """
    name = view.collection.name
    found: dict[Matched, _Stored] = {}
    with stored(view.collection, catalog) as now:
        there = now.videos_by_id(name, sorted({hit.video_id for hit in hits}))
        for video_id in there:
            blocks = list(now.blocks(name, video_ids=[video_id]))
            times, frames = now.frame_vectors(name, video_id)
            for hit, block, row in _rows(hits, video_id, blocks):
                starts, ends = hit.span.start - ADJACENT_S, hit.span.end - ADJACENT_S
                inside = (times >= starts) & (times < ends)
                found[hit] = _Stored(
                    vector=block.vectors[row],
                    bias=float(block.biases[row]),
                    thumbnail=now.segment(hit.segment_id)[1].thumbnail,
                    times=times[inside],
                    frames=frames[inside],
                )
    return found


def _rows(
    hits: Sequence[Matched], video_id: str, blocks: Sequence[SegmentBlock]
) -> Iterator[tuple[Matched, SegmentBlock, int]]:
    """Yield the hits of one video that are still there, each with its row of a block."""
    for hit in hits:
        if hit.video_id == video_id:
            for block in blocks:
                for row in np.flatnonzero(block.ids == hit.segment_id).tolist():
                    yield hit, block, row
