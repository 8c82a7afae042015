"""The few types that the parts of clipseek speak to each other in; shapes are checked when made."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Self, get_args

import numpy as np
from numpy.typing import NDArray

from clipseek.marks import Mark
from clipseek.timed import PICTURE as PICTURE
from clipseek.timed import SUBTITLE as SUBTITLE
from clipseek.timed import Field as Field
from clipseek.timed import FieldHit as FieldHit
from clipseek.timed import Span as Span
from clipseek.timed import TimedText

VideoState = Literal["indexed", "incomplete"]
ChangeKind = Literal["put", "remove", "relocate", "calibrate", "text", "tag", "object"]
Resize = Literal["shortest", "longest", "squash"]


@dataclass(frozen=True, slots=True)
class Video:
    """One indexed video, named by the hash of its content.

    `duration` is the end of the last frame that could be decoded, in seconds. `size_bytes` and
    `stamp` are what the source at `uri` said when it was indexed: equal stamps, unchanged bytes.
    `reason` says why `state` is "incomplete" and is empty otherwise. `frame_rate` is an average, as
    "30000/1001"; `coding`, `timecode` and `recorded_at` are those of `FrameSource`; all are
    empty if not known. `stream` is the name of the camera that it is a chunk of, or empty;
    `recorded_at` of a chunk is when its first frame came, with milliseconds.
    """

    id: str
    uri: str
    title: str
    duration: float
    width: int
    height: int
    size_bytes: int
    state: VideoState = "indexed"
    reason: str = ""
    tags: tuple[str, ...] = ()
    segments: int = 0
    indexed_at: str = ""
    stamp: str = ""
    frame_rate: str = ""
    coding: str = ""
    timecode: str = ""
    recorded_at: str = ""
    stream: str = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """One indexed segment as the catalog knows it, without its vector.

    `best_time` (seconds) is the sampled frame nearest to the segment's vector; `bias` is
    `calibration.bias` of that vector; `thumbnail` is a path under the thumbnail root. With some, a
    shot begins.
    """

    id: int
    video_id: str
    span: Span
    best_time: float
    bias: float
    thumbnail: str
    begins_shot: bool


@dataclass(frozen=True, slots=True)
class Segments:
    """The segments of one video before they are stored; rows belong together.

    spans: float64 (S, 2) seconds, half-open, ascending, without gap or overlap.
    vectors: float32 (S, dim), unit rows.
    best: int64 (S,), index of the sampled frame nearest to the segment's vector.
    shots: bool (S,), True if a shot begins with the segment.
    """

    spans: NDArray[np.float64]
    vectors: NDArray[np.float32]
    best: NDArray[np.int64]
    shots: NDArray[np.bool_]

    def __post_init__(self) -> None:
        count = len(self.spans)
        if self.spans.shape != (count, 2) or self.vectors.ndim != 2:
            raise ValueError(f"spans {self.spans.shape} and vectors {self.vectors.shape}")
        lengths = len(self.vectors), len(self.best), len(self.shots)
        if lengths != (count, count, count):
            raise ValueError(f"{count} spans, but {lengths} vectors, best and shots")

    def __len__(self) -> int:
        return len(self.spans)


@dataclass(frozen=True, slots=True)
class FieldSegments:
    """The segments of one field of a video, with what is stored for each; rows belong together.

    spans: float64 (S, 2) seconds, half-open. vectors: float32 (S, dim), of any length except zero.
    best_times: float64 (S,), seconds: the sampled frame nearest to the segment's vector.
    biases: float32 (S,), `calibration.bias` of the vectors. thumbnails: (S,), paths under the
    thumbnail root. shots: bool (S,), True if a shot begins with the segment; None if none does.

    Raises:
        ValueError: rows do not belong together, or a number is not finite.
    """

    spans: NDArray[np.float64]
    vectors: NDArray[np.float32]
    best_times: NDArray[np.float64]
    biases: NDArray[np.float32]
    thumbnails: Sequence[str]
    shots: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        count = len(self.spans)
        if self.spans.shape != (count, 2) or self.vectors.ndim != 2:
            raise ValueError(f"spans {self.spans.shape} and vectors {self.vectors.shape}")
        if self.best_times.shape != (count,) or self.biases.shape != (count,):
            raise ValueError(
                f"{count} segments, best times {self.best_times.shape}, biases {self.biases.shape}"
            )
        shots = count if self.shots is None else len(self.shots)
        lengths = len(self.vectors), len(self.thumbnails), shots
        if lengths != (count, count, count):
            raise ValueError(f"{count} segments, but {lengths} vectors, thumbnails and shots")
        if not all(np.isfinite(row).all() for row in (self.spans, self.best_times, self.biases)):
            raise ValueError("spans, best times and biases must be finite")

    @classmethod
    def of(
        cls,
        segments: Segments,
        frame_times: NDArray[np.float64],
        *,
        biases: NDArray[np.float32],
        thumbnails: Sequence[str],
    ) -> Self:
        """Return segments that were formed of frames at float64 (N,) seconds."""
        best, frames = segments.best, len(frame_times)
        if len(best) and not 0 <= best.min() <= best.max() < frames:
            raise ValueError(f"segments.best must point into {frames} frames, got {best}")
        spans, vectors, times = segments.spans, segments.vectors, frame_times[best]
        return cls(spans, vectors, times, biases, thumbnails, segments.shots)

    def __len__(self) -> int:
        return len(self.spans)


@dataclass(frozen=True, slots=True)
class FrameVectors:
    """The vectors of a video's sampled frames; rows belong together.

    times: float64 (N,), finite seconds. vectors: float32 (N, dim), of any length but zero.
    """

    times: NDArray[np.float64]
    vectors: NDArray[np.float32]

    def __post_init__(self) -> None:
        count = len(self.times)
        if self.times.shape != (count,) or self.vectors.ndim != 2 or len(self.vectors) != count:
            raise ValueError(f"frame times {self.times.shape} and vectors {self.vectors.shape}")
        if not np.isfinite(self.times).all():
            raise ValueError("frame times must be finite")


@dataclass(frozen=True, slots=True)
class Put:
    """One video with everything that a catalog stores of it. Picklable.

    fields: The segments of each field. frames: None if they are not kept.
    scoring: What the biases were computed with, or None if that is not checked.
    texts: What each field made of text says; fields that are not among them are not stored.
    fingerprint: That of the bundle that made the vectors, or None if that is not checked.
    """

    video: Video
    fields: Mapping[Field, FieldSegments]
    frames: FrameVectors | None = None
    scoring: "Scoring | None" = None
    fingerprint: str | None = None
    texts: tuple[TimedText, ...] = ()

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.fields) - {PICTURE}):
            raise ValueError(f"fields must be of {(PICTURE,)}, got {unknown}")
        if len({text.field for text in self.texts}) != len(self.texts):
            raise ValueError("texts must be of different fields")
        if not np.isfinite(self.video.duration):
            raise ValueError(f"duration must be finite, got {self.video.duration}")


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The nearest stored vectors of each query, best first.

    ids: int64 (Q, K), segment ids. scores: float32 (Q, K), cosine, descending in each row.
    K is the number asked for or the number of vectors there are, whichever is smaller.
    """

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.ids.ndim != 2 or self.ids.shape != self.scores.shape:
            raise ValueError(f"ids {self.ids.shape} and scores {self.scores.shape} must match")


class Named(NamedTuple):
    """What an answer says of a video. `duration` is in seconds, `height` in pixels."""

    id: str
    title: str
    uri: str
    duration: float
    indexed_at: str = ""
    recorded_at: str = ""
    height: int = 0
    stream: str = ""


class StepHit(NamedTuple):
    """The moment of one step of a sequence; its fields mean what those of a hit do."""

    segment_id: int
    span: Span
    best_time: float
    score: float
    relevance: float


class Hit(NamedTuple):
    """One answer to a query: a moment of a video.

    `score` is the cosine of query and segment, higher better; `relevance` is in [0, 1] and
    comparable between queries; `evidence` is what relevance is made of (see `calibration`). What
    looks like a moment or a picture has NaN instead. `segment_id` names the best of the merged
    segments. `similar_to` is that of a better, near-identical hit, if the query asks for it.
    `steps` are the moments of a sequence: then `span` is from the first to the last, `segment_id`
    and `best_time` are those of the first, `score`, `relevance` and `evidence` those of the worst
    one. `fields` says what each field contributes if words were searched for, too: `span` and
    `relevance` are those of the best one, or with several parts those of all parts. `more_in_video`
    is how many other moments of the video match, if one hit stands for all of them. `tags` are
    those on spans that it overlaps, before it is sharpened.
    """

    video: Video | Named
    segment_id: int
    span: Span
    best_time: float
    score: float
    relevance: float
    evidence: float = 0.0
    similar_to: int | None = None
    steps: tuple[StepHit, ...] = ()
    fields: tuple[FieldHit, ...] = ()
    more_in_video: int | None = None
    tags: tuple[Mark, ...] = ()


FacetKind = Literal["tag", "folder", "year", "language", "segment_tag"]
FACETS: tuple[FacetKind, ...] = get_args(FacetKind)


class Facet(NamedTuple):
    """How many videos have which value, the most frequent first; `more` if some are left out."""

    values: tuple[tuple[str, int], ...]
    more: bool


class Liked(NamedTuple):
    """The moment that a query asked to find the like of: one segment of a video."""

    video: Video | Named
    segment_id: int
    span: Span
    best_time: float


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The ranked hits of one search and the version of the collection they were made from.

    `truncated_at` is how many characters of the query the model read, if it did not read all.
    `total` moments in `total_videos` videos match among the nearest segments: their relevance is at
    least what was asked for, or 0.5 by default. With `more` there may be others. `age_s` is None,
    or, if the catalog is away, how many seconds ago this version was last known to be the newest.
    `next_cursor` leads to the next page, if there is one. For a moment or a picture, `query` is
    empty, `like` is the moment, and scores of `alike_from` (the model's coherence) or more match.
    `facets` counts the `total_videos` videos by what was asked for. `incomplete` names the shards
    of the index whose videos were left out, because who searches them did not answer.
    """

    query: str
    hits: Sequence[Hit]
    collection: str
    model: str
    version: int
    truncated_at: int | None = None
    total: int = 0
    total_videos: int = 0
    more: bool = False
    age_s: float | None = None
    next_cursor: str | None = None
    like: Liked | None = None
    alike_from: float | None = None
    facets: Mapping[FacetKind, Facet] | None = None
    incomplete: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Relevance:
    """The two constants of the logistic curve from evidence to relevance.

    `fitted` is False for the constants of the model's own objective (see `calibration`).
    """

    scale: float
    offset: float
    fitted: bool


FORMULA = 1
"""Counts up when `calibration.bias` or `calibration.evidence` gives other numbers than before."""


@dataclass(frozen=True, slots=True)
class Scoring:
    """Everything that turns a score into relevance, apart from the score itself.

    `bank` is the SHA-256 of the bank's file. `logit_scale` and `logit_bias` are the model's own,
    `relevance` its constants, and `formula` is the `FORMULA` that biases were computed by.
    """

    bank: str
    logit_scale: float
    relevance: Relevance
    logit_bias: float | None = None
    formula: int = FORMULA

    def same_evidence(self, other: "Scoring | None") -> bool:
        """Whether a segment has the same bias, and a score the same evidence, by both."""
        return other is not None and self == replace(other, relevance=self.relevance)

    @property
    def hash(self) -> str:
        """SHA-256 in hex of all its values."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Collection:
    """A named library of videos indexed with exactly one model.

    `fingerprint` is that of the bundle; `version` the number of the last committed change;
    `relevance` the constants fitted on the user's own queries, or None for those of `scoring`.
    `scoring` is what all biases were computed with, or None if that was not recorded; `scored_at`
    is the version that replaced the biases of all segments, or 0. `epoch` is random: a removed one
    of the same name had another. All is stored under `key`, by default the name; it never changes.
    """

    name: str
    model: str
    dim: int
    fingerprint: str
    version: int
    relevance: Relevance | None = None
    scoring: Scoring | None = None
    scored_at: int = 0
    epoch: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", self.key or self.name)

    @property
    def is_standing_by(self) -> bool:
        """Whether it is the one of a switch that does not answer: nobody can ask for its name."""
        return "." in self.name


@dataclass(frozen=True, slots=True)
class Change:
    """One committed change of a collection. A "calibrate" has no video, nor have most of "tag".

    "relocate" changes what an answer says of the video, and nothing that is searched; "text" what
    one of its fields says, and "object" which it shows. A "put" may only be of other tags of it.
    """

    version: int
    kind: ChangeKind
    video_id: str | None
