"""What the API gives: the response models, and the links in them."""

from functools import lru_cache
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from api.hit_schemas import HitAnswer, LikedAnswer
from api.limits import MAX_NAME_CHARACTERS, MAX_PAGE, DefaultCollection, VideoId, expect, text
from api.playable import playable
from clipseek.composition import CANDIDATES
from clipseek.cursor import DEEPEST
from clipseek.library.counts import MOST as MOST_VALUES
from clipseek.listing import Order
from clipseek.types import FacetKind, Segment, Span, Video


class InCollection(BaseModel):
    """The parameters of an endpoint that looks into a collection; an unknown one is refused."""

    model_config = ConfigDict(extra="forbid")

    collection: DefaultCollection = None

    def named(self, default: str) -> str:
        """Return the name of the collection, or the default of the server if none is given."""
        return self.collection or default


class PictureAsked(InCollection):
    """Which picture of a video."""

    at: Annotated[
        float | None,
        Field(ge=0, allow_inf_nan=False, description="Seconds from the start of the video."),
        expect("a number of seconds >= 0"),
    ] = None


class Page(InCollection):
    """Which page of a list."""

    after: VideoId | None = Field(default=None, description="The `next` of the page before.")
    limit: Annotated[
        int,
        Field(ge=1, le=MAX_PAGE, description=f"Maximum number of videos, 1 to {MAX_PAGE}."),
        expect(f"a whole number from 1 to {MAX_PAGE}"),
    ] = 100
    order: Annotated[
        Order,
        Field(description="By id, newest first, by title, or longest first."),
        expect("id, newest, title or length"),
    ] = "id"
    query: Annotated[
        str,
        Field(
            max_length=MAX_NAME_CHARACTERS,
            description="Words that the title must have, each of them, in upper or lower case.",
        ),
        text(0, MAX_NAME_CHARACTERS),
    ] = ""


class FieldError(BaseModel):
    """What is wrong with one field."""

    field: str = Field(description="The field, such as `filter.tags.0`.")
    detail: str = Field(description="What it must be and what it is.")


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: str = Field(description="Stable name of the kind of problem; it resolves to a page.")
    title: str = Field(description="The kind of problem, the same sentence each time.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened this time and what to do next.")
    instance: str = Field(description="The requested path.")
    request_id: str = Field(description="The id of this request in the log of the server.")
    errors: list[FieldError] | None = Field(
        default=None, description="The fields that are wrong, if the problem is about fields."
    )


class ProblemKind(BaseModel):
    """What a problem type means."""

    type: str
    title: str
    status: int
    meaning: str = Field(description="When it happens and what to do.")


class ValueCount(BaseModel):
    """A value, and how many of the videos that match have it."""

    value: str
    videos: int


class FacetAnswer(BaseModel):
    """The values of one kind, the most frequent first."""

    values: list[ValueCount]
    more: bool = Field(description=f"Whether there are more than {MOST_VALUES} values.")


class SearchAnswer(BaseModel):
    """The moments found, best first."""

    query: str | None = Field(
        description="The sentence; null if none was asked for, or several parts."
    )
    truncated_at: int | None = Field(
        default=None,
        description="If the query is too long for the model: how many characters of it the model "
        "read; null if it read all of it.",
    )
    like: LikedAnswer | None = Field(
        default=None,
        description="The moment whose like was asked for; it is not among the hits.",
    )
    alike_from: float | None = Field(
        default=None,
        description="The score from which on a moment counts as alike: by this model, most pairs "
        "of frames of one scene have it. Null for a sentence.",
    )
    model: str = Field(description="The model that the collection is indexed with.")
    collection: str
    version: int = Field(
        description="Number of the last change of the collection that the search saw."
    )
    total: int = Field(
        description="Number of moments that match, as hits or not: their relevance is at least "
        "`min_relevance` or, if that is 0, 0.5, and without a sentence their score at least "
        "`alike_from`. They are counted among the nearest segments: at "
        f"least 4 for each hit that the pages up to this one can have, and 64; {CANDIDATES} if a "
        "search has several parts."
    )
    total_videos: int = Field(description="Number of videos that those moments are in.")
    more: bool = Field(description="Whether more moments may match than `total` counts.")
    facets: dict[FacetKind, FacetAnswer] | None = Field(
        default=None,
        description="With `facets`, how many of the `total_videos` videos have which `tag`; are in "
        "which `folder` or below it, from the one on that all are in; were recorded in which "
        "`year`, in UTC; have words in which `language`; and have a hit that overlaps a span of "
        "which `segment_tag`. A video that has none is not counted, "
        "and one may have several. They are counted among the nearest segments, at least "
        f"{CANDIDATES} then: if `more` is true, there may be more. Else null.",
    )
    hits: list[HitAnswer]
    next_cursor: str | None = Field(
        default=None,
        description="Send it as `cursor`, with the same search, to get the next page; null after "
        f"the last page and after hit {DEEPEST}. The next page can be shorter than `limit`, or "
        "empty.",
    )
    incomplete: list[str] = Field(
        default=[],
        description="The shards of the index that did not answer, if the server answers without "
        "them: moments of their videos are missing, also in `total`, and there is no next page.",
    )
    stale: bool = Field(
        description="The database cannot be reached: there may be a newer version than this one."
    )
    age_s: float | None = Field(
        default=None,
        description="Seconds since the version was last known to be the newest; null unless stale.",
    )
    took_ms: float = Field(
        description="Milliseconds that the search took; in a batch, those of the whole batch."
    )


class ProblemItem(BaseModel):
    """The place of a search that could not be answered."""

    problem: Problem


class BatchAnswer(BaseModel):
    """One answer per search, in the order of the searches."""

    results: list[SearchAnswer | ProblemItem]


class VideoAnswer(BaseModel):
    """One indexed video."""

    id: str = Field(description="Hash of the content.")
    uri: str = Field(description="Where the file was when it was indexed.")
    title: str
    duration: float = Field(description="Seconds.")
    width: int
    height: int
    size_bytes: int
    frame_rate: str | None = Field(
        description="Frames per second on average, as a fraction such as `30000/1001`; null if not "
        "known."
    )
    timecode: str | None = Field(
        description="The timecode of the first frame, such as `01:00:00:00`, with `;` before the "
        "frames if numbers are dropped; null if the file states none."
    )
    playable: bool | None = Field(
        description="Whether browsers can be expected to play the file; null if not known. If "
        "false, use `preview_url`."
    )
    state: Literal["indexed", "incomplete"]
    reason: str = Field(description="Why the video is incomplete, or empty.")
    tags: list[str]
    segments: int
    recorded_at: str | None = Field(
        description="When it was recorded, as the file says; RFC 3339, UTC; null if it does not."
    )
    camera: str | None = Field(
        default=None, description="The camera that has recorded it; null for other videos."
    )
    indexed_at: str = Field(description="RFC 3339, UTC.")
    thumbnail_url: str
    file_url: str
    preview_url: str

    @classmethod
    def of(cls, video: Video, collection: str, root: str) -> "VideoAnswer":
        """Write a video of the core."""
        return cls(
            id=video.id,
            uri=video.uri,
            title=video.title,
            duration=video.duration,
            width=video.width,
            height=video.height,
            size_bytes=video.size_bytes,
            frame_rate=video.frame_rate or None,
            timecode=video.timecode or None,
            playable=playable(video.coding),
            state=video.state,
            reason=video.reason,
            tags=list(video.tags),
            segments=video.segments,
            recorded_at=video.recorded_at or None,
            camera=video.stream or None,
            indexed_at=video.indexed_at,
            thumbnail_url=video_thumbnail_url(video.id, collection, root),
            file_url=file_url(video.id, collection, root),
            preview_url=file_url(video.id, collection, root, "preview"),
        )


class VideosAnswer(BaseModel):
    """A page of videos by ascending id."""

    videos: list[VideoAnswer]
    next: str | None = Field(
        description="Send it as `after` to get the next page; null at the end."
    )


class SegmentAnswer(BaseModel):
    """One indexed segment."""

    id: int
    start: float = Field(description="Seconds from the start of the video.")
    end: float = Field(description="Seconds; the segment is [start, end).")
    best_time: float = Field(description="Seconds; the frame that the thumbnail shows.")
    begins_shot: bool = Field(description="Whether a shot begins with the segment.")
    thumbnail_url: str
    play_url: str

    @classmethod
    def of(cls, segment: Segment, collection: str, root: str) -> "SegmentAnswer":
        """Write a segment of the core."""
        span = segment.span
        return cls(
            id=segment.id,
            start=span.start,
            end=span.end,
            best_time=segment.best_time,
            begins_shot=segment.begins_shot,
            thumbnail_url=thumbnail_url(segment.id, root),
            play_url=play_url(segment.video_id, collection, span, root),
        )


class SegmentsAnswer(BaseModel):
    """The segments of a video in the order of time."""

    segments: list[SegmentAnswer]


class Health(BaseModel):
    """The server answers."""

    status: Literal["ok"] = "ok"


def thumbnail_url(segment_id: int, root: str) -> str:
    """Return the path of a segment's picture, below the path that the API is served below."""
    return f"{root}/v1/segments/{segment_id}/thumbnail"


def video_thumbnail_url(video_id: str, collection: str, root: str) -> str:
    """Return the path of a video's picture."""
    asked = f"collection={quote(collection, safe='')}"
    return f"{root}/v1/videos/{quote(video_id, safe='')}/thumbnail?{asked}"


@lru_cache(maxsize=4096)
def file_url(video_id: str, collection: str, root: str, kind: str = "file") -> str:
    """Return the path of a video's file, or of its preview."""
    asked = f"collection={quote(collection, safe='')}"
    return f"{root}/v1/videos/{quote(video_id, safe='')}/{kind}?{asked}"


def play_url(video_id: str, collection: str, span: Span, root: str) -> str:
    """Return a video's file with the span as a media fragment (W3C Media Fragments, 4.2.1)."""
    file = file_url(video_id, collection, root)
    return f"{file}#t={_seconds(span.start)},{_seconds(span.end)}"


def _seconds(value: float) -> str:
    return f"{round(value, 3):.15g}"
