"""What the endpoints of the timeline take and give."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.limits import Sentence, expect
from api.schemas import InCollection, thumbnail_url
from api.search_schemas import SearchPart, picture_of
from clipseek.matching import MATCHING
from clipseek.parts import MAX_PARTS, Part, Picture
from clipseek.timeline import Timeline

_DIGITS = 4
"""Decimals of a relevance: a timeline is drawn on some thousand pixels."""


class TimelineAsked(InCollection):
    """What a timeline is asked for."""

    query: Sentence


class TimelineParts(InCollection):
    """What a timeline of several parts is asked for."""

    parts: Annotated[
        list[SearchPart],
        Field(
            min_length=1,
            max_length=MAX_PARTS,
            description=f"1 to {MAX_PARTS} parts, as in a search, at least one of them wanted.",
        ),
        expect(f"a list of 1 to {MAX_PARTS} parts"),
    ]

    @property
    def images(self) -> list[bytes | str]:
        """The files or URLs of the pictures, in the order in which `asked` takes the pictures."""
        given = (picture_of(part) for part in self.parts)
        return [image for image in given if image is not None]

    def asked(self, pictures: Sequence[Picture]) -> list[Part]:
        """Return the parts in the words of the core; `pictures` are the decoded `images`."""
        shown = iter(pictures)
        return [part.of(shown) for part in self.parts]


class TimelineSegment(BaseModel):
    """One segment of the video."""

    id: int
    start: float = Field(description="Seconds from the start of the video.")
    end: float = Field(description="Seconds; the segment is [start, end).")
    best_time: float = Field(description="Seconds; the frame that the thumbnail shows.")
    relevance: float = Field(description="0 to 1, as in the hits of a search.")
    begins_shot: bool = Field(description="Whether a shot begins with the segment.")
    thumbnail_url: str


class TimelineAnswer(BaseModel):
    """How a sentence, or all parts together, fit a whole video."""

    query: str | None = Field(
        default=None,
        description="The sentence; null if there are several parts, a moment or a picture.",
    )
    truncated_at: int | None = Field(
        default=None,
        description="If the query is too long for the model: how many characters of it the model "
        "read; null if it read all of it.",
    )
    model: str = Field(description="The model that the collection is indexed with.")
    collection: str
    version: int = Field(description="Number of the last change of the collection that was read.")
    video_id: str
    duration: float = Field(description="Seconds.")
    resolution: Literal["frames", "segments"] = Field(
        description="What `times` and `relevance` are of: the sampled frames, or only the "
        "segments, because the vectors of the frames of this video were not kept."
    )
    measure: Literal["relevance", "fit"] = Field(
        description="What `relevance` is: `fit` if a part is a moment or a picture. It is the same "
        "kind of number: of one picture alone, 0.5 where the score of a hit is `alike_from`."
    )
    times: list[float] = Field(description="Seconds, ascending.")
    relevance: list[float] = Field(
        description="0 to 1; each holds from its time to the next one, the last one to the end."
    )
    segments: list[TimelineSegment] = Field(description="In the order of time; they cover it all.")
    hits: list[int] = Field(
        description=f"Ids of the segments with a relevance of {MATCHING} or more, by time."
    )


PARTS = {"parts": [{"text": "a red car"}, {"text": "a street", "weight": -1}]}
TIMELINE_ANSWER = {
    "query": "a red car turning at night",
    "truncated_at": None,
    "model": "PE-Core-B-16/meta",
    "collection": "default",
    "version": 12,
    "video_id": "3b1f0a52c7d94e6886a1f2d03c5be917",
    "duration": 4.0,
    "resolution": "frames",
    "measure": "relevance",
    "times": [0.0, 1.0, 2.0, 2.52, 3.0],
    "relevance": [0.0121, 0.0148, 0.0133, 0.9012, 0.9388],
    "segments": [
        {
            "id": 317,
            "start": 0.0,
            "end": 2.52,
            "best_time": 1.0,
            "relevance": 0.0134,
            "begins_shot": True,
            "thumbnail_url": "/v1/segments/317/thumbnail",
        },
        {
            "id": 318,
            "start": 2.52,
            "end": 4.0,
            "best_time": 3.0,
            "relevance": 0.9307,
            "begins_shot": True,
            "thumbnail_url": "/v1/segments/318/thumbnail",
        },
    ],
    "hits": [318],
}


PARTS_ANSWER = {**TIMELINE_ANSWER, "query": None}


def written(found: Timeline, root: str) -> dict[str, Any]:
    """Return the fields of `TimelineAnswer`, of plain values, which are not validated again."""
    segments, shots = found.segments, set(found.shots)
    columns = (
        segments.ids,
        segments.spans[:, 0],
        segments.spans[:, 1],
        segments.best_times,
        found.segment_relevance.round(_DIGITS),
    )
    names = ("id", "start", "end", "best_time", "relevance")
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return {
        "query": found.query,
        "truncated_at": found.truncated_at,
        "model": found.collection.model,
        "collection": found.collection.name,
        "version": found.collection.version,
        "video_id": found.video.id,
        "duration": found.video.duration,
        "resolution": "frames" if found.is_sampled else "segments",
        "measure": "fit" if found.is_seen else "relevance",
        "times": found.times.round(3).tolist(),
        "relevance": found.relevance.round(_DIGITS).tolist(),
        "segments": [
            {
                **dict(zip(names, row, strict=True)),
                "begins_shot": row[1] in shots,
                "thumbnail_url": thumbnail_url(row[0], root),
            }
            for row in rows
        ],
        "hits": segments.ids[found.segment_relevance >= MATCHING].tolist(),
    }
