"""What the server answers, as values.

Fields that a newer server adds are ignored. Words out of a list, such as the state of a job, are
text, so that a new word is not an error.
"""

from pydantic import Field

from clipseek_client.errors import NothingFound
from clipseek_client.values import Answer as Answer
from clipseek_client.values import ObjectPlace, SegmentTag
from clipseek_client.values import Url as Url


class FieldError(Answer):
    """What is wrong with one field of a request."""

    field: str
    detail: str


class Problem(Answer):
    """Why a request was refused."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: list[FieldError] | None = None


class HitVideo(Answer):
    """The video of a hit. `duration` is in seconds."""

    id: str
    title: str
    uri: str
    duration: float
    recorded_at: str | None = None
    indexed_at: str


class Moment(Answer):
    """A segment: the seconds [start, end) of a video, and the time of its best frame."""

    start: float
    end: float
    best_time: float
    thumbnail_url: Url


class Box(Answer):
    """A part of a picture: fractions of its width and height, from its left and its top."""

    left: float
    top: float
    right: float
    bottom: float


class Where(Answer):
    """Where in the picture of a hit the sentence fits.

    heat: Rows from the top, which divide `area` evenly; 0 to 1, only of this picture.
    box: Around the part that fits best.
    """

    heat: list[list[float]]
    area: Box
    box: Box


class Frame(Answer):
    """The sampled frame of a hit that is nearest to what was asked for; `time` in seconds."""

    time: float
    score: float


class Fit(Answer):
    """How well one part of a search fits a hit. fit: 0 to 1."""

    weight: float
    score: float
    fit: float


class Explanation(Answer):
    """Why a hit matched.

    frame: None if the vectors of the frames are not stored.
    parts: In the order in which they were asked for.
    where: None if `where_missing` says why.
    """

    frame: Frame | None
    parts: list[Fit]
    where: Where | None
    where_missing: str | None


class Step(Moment):
    """The moment of one step of a search with `then`; its score and relevance are its own.

    explanation: With `explain`, why it matched; None otherwise.
    """

    segment_id: int
    score: float
    relevance: float | None
    explanation: Explanation | None = None


class FieldHit(Answer):
    """What one field contributes to a hit; `text` is what was found, and empty for pictures.

    highlights: Which characters of `text` are words of the query: from, and up to.
    where: The place of an object, whose class is `text`; None for other fields.
    """

    field: str
    relevance: float
    start: float
    end: float
    text: str
    highlights: list[list[int]]
    where: ObjectPlace | None = None


class Hit(Moment):
    """A moment that matches, or with `then` the span of several.

    score: Cosine; higher is better.
    relevance: 0 to 1, below 0.5 the moment probably does not show what was asked for. None if the
        search was for what looks alike.
    play_url: The file of the video, with a media fragment of the moment.
    steps: With `then`, the moment of each step; None otherwise.
    explanation: With `explain`, why it matched; None otherwise, and if its steps say so.
    fields: What each field contributes if words were searched, too; None otherwise.
    segment_tags: The tags on spans that the moment overlaps; None if there are none.
    more_in_video: With `group_by`, how many other moments of the video match; None otherwise.
    """

    video: HitVideo
    segment_id: int
    score: float
    relevance: float | None
    play_url: Url
    similar_to: int | None = None
    steps: list[Step] | None = None
    explanation: Explanation | None = None
    fields: list[FieldHit] | None = None
    segment_tags: list[SegmentTag] | None = None
    more_in_video: int | None = None
    camera: str | None = None
    start_at: str | None = None
    end_at: str | None = None


class Liked(Moment):
    """The moment whose like was searched for."""

    video: HitVideo
    segment_id: int
    play_url: Url
    camera: str | None = None
    start_at: str | None = None
    end_at: str | None = None


class ValueCount(Answer):
    """A value, and how many of the videos that match have it."""

    value: str
    videos: int


class FacetCounts(Answer):
    """The most frequent values of one kind; `more` if there are others."""

    values: list[ValueCount]
    more: bool


class SearchAnswer(Answer):
    """The hits of a search, the best one first.

    facets: With `facets`, how many of the `total_videos` videos have which value; None otherwise.
    """

    query: str | None
    like: Liked | None = None
    alike_from: float | None = None
    model: str
    collection: str
    version: int
    total: int
    total_videos: int
    more: bool
    facets: dict[str, FacetCounts] | None = None
    hits: list[Hit]
    next_cursor: str | None = None
    incomplete: list[str] = Field(default_factory=list)
    truncated_at: int | None = None
    stale: bool
    age_s: float | None = None
    took_ms: float

    @property
    def best(self) -> Hit:
        """The first hit.

        Raises:
            NothingFound: there is none.
        """
        if not self.hits:
            raise NothingFound(
                f"no moment was found in the collection {self.collection!r}; ask for something "
                "else, with fewer filters or a lower min_relevance"
            )
        return self.hits[0]


class Video(Answer):
    """An indexed video. Sizes are pixels and bytes, `duration` is in seconds."""

    id: str
    title: str
    uri: str
    duration: float
    width: int
    height: int
    size_bytes: int
    frame_rate: str | None
    timecode: str | None = None
    playable: bool | None
    state: str
    reason: str
    tags: list[str]
    segments: int
    recorded_at: str | None = None
    camera: str | None = None
    indexed_at: str
    thumbnail_url: Url
    file_url: Url
    preview_url: Url


class Videos(Answer):
    """A page of videos."""

    videos: list[Video]
    next: str | None


class Segment(Moment):
    """A segment of a video."""

    id: int
    begins_shot: bool
    play_url: Url


class Segments(Answer):
    """The segments of a video, in the order of time."""

    segments: list[Segment]


class TimelineSegment(Moment):
    """A segment with its relevance."""

    id: int
    relevance: float
    begins_shot: bool


class Timeline(Answer):
    """How relevant a sentence is from the start to the end of a video, or several parts together.

    Each of `relevance` holds from the second of the same place in `times` to the next one. It is
    how well the parts fit if `measure` is `fit`, because one is a moment or a picture.
    """

    query: str | None = None
    truncated_at: int | None = None
    model: str
    collection: str
    version: int
    video_id: str
    duration: float
    resolution: str
    measure: str
    times: list[float]
    relevance: list[float]
    segments: list[TimelineSegment]
    hits: list[int]


class JobProgress(Answer):
    """How far a job is; `share` is 0 to 1."""

    bytes: int
    frames: int
    share: float


class Job(Answer):
    """A change that the server makes.

    kind: `ingest`, `remove`, `edit` or `switch`.
    state: `waiting`, `running`, `done`, `failed` or `cancelled`.
    fate: What became of the video: `indexed`, `incomplete`, `unchanged`, `removed` or `edited`.
    videos: The ids of the videos that the job made or changed.
    """

    id: str
    kind: str
    collection: str
    state: str
    cancelling: bool
    video: str | None = None
    name: str | None = None
    title: str | None = None
    tags: list[str] | None = None
    attempts: int
    progress: JobProgress
    videos: list[str]
    fate: str | None = None
    step: str | None = None
    model: str | None = None
    reason: str
    by: str
    request_id: str
    created_at: str
    started_at: str | None = None
    ended_at: str | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the state is the last one."""
        return self.state not in ("waiting", "running")


class Jobs(Answer):
    """A page of jobs."""

    jobs: list[Job]
    next: str | None = None


class Index(Answer):
    """What a server searches of a collection, as it has it open.

    `recall` is 1 if every search is `exact`, otherwise the mean of `compared` searches, or None.
    """

    segments: int
    version: int
    age_seconds: float
    published_version: int | None = None
    published_at: str | None = None
    beside: int
    exact: bool
    recall: float | None = None
    compared: int


class Collection(Answer):
    """A library of videos that are indexed with one model."""

    name: str
    model: str
    videos: int
    segments: int
    seconds: float
    version: int
    examples: list[str]
    redacts: list[str] = Field(default_factory=list)
    aliases: list[str] = Field(default_factory=list)
    index: Index | None = None


class Collections(Answer):
    """The collections, and the one that is meant if none is named."""

    collections: list[Collection]
    default: str


class EditListFormats(Answer):
    """The formats that edit lists are written in."""

    formats: list[str]
