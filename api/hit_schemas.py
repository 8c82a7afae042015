"""The moments in an answer."""

from typing import Literal

from pydantic import BaseModel, Field

from api.explanation_schemas import ExplanationAnswer
from api.field_schemas import FieldAnswer
from clipseek.ranking import ALIKE


class HitVideo(BaseModel):
    """The video of a hit."""

    id: str = Field(description="Hash of the content.")
    title: str
    uri: str = Field(description="Where the file was when it was indexed.")
    duration: float = Field(description="Seconds.")
    recorded_at: str | None = Field(
        description="When it was recorded, as the file says; RFC 3339, UTC; null if it does not."
    )
    indexed_at: str = Field(description="RFC 3339, UTC.")


class StepAnswer(BaseModel):
    """The moment of one step of a sequence."""

    segment_id: int
    start: float = Field(description="Seconds from the start of the video.")
    end: float = Field(description="Seconds; the moment is [start, end).")
    best_time: float = Field(description="Seconds; the frame that the thumbnail shows.")
    score: float = Field(description="As that of a hit, for this step alone.")
    relevance: float | None = Field(description="As that of a hit, for this step alone.")
    thumbnail_url: str
    explanation: ExplanationAnswer | None = Field(
        default=None, description="With `explain`, why the moment of this step matched. Else null."
    )


class SegmentTagAnswer(BaseModel):
    """A tag on a span of a video."""

    tag: str
    start: float = Field(description="Seconds from the start of the video.")
    end: float = Field(description="Seconds; the span is [start, end).")
    relevance: float = Field(description="0 to 1, by the rule that gave it; the best in the span.")
    state: Literal["proposed", "accepted", "corrected"] = Field(
        description="Whether it is what a rule proposes, or what people have accepted or corrected."
    )


class HitAnswer(BaseModel):
    """One moment that was found."""

    video: HitVideo
    segment_id: int
    start: float = Field(description="Seconds from the start of the video.")
    end: float = Field(description="Seconds; the moment is [start, end).")
    camera: str | None = Field(
        default=None, description="The camera that has recorded it; null for other videos."
    )
    start_at: str | None = Field(
        default=None, description="Of a camera: when the moment began; RFC 3339, UTC. Else null."
    )
    end_at: str | None = Field(
        default=None, description="Of a camera: when the moment ended; RFC 3339, UTC. Else null."
    )
    best_time: float = Field(
        description="Seconds, in the moment; the frame that the thumbnail shows. If words matched "
        "and the best frame of their segment is outside, the thumbnail shows that one."
    )
    score: float = Field(
        description="Cosine of query and segment, higher is better; with several parts, the cosine "
        "that one part alone would need to fit as well, in [-1, 1]."
    )
    relevance: float | None = Field(
        description="0 to 1, comparable between queries; below 0.5 the moment probably does not "
        "show what was asked for. Null unless sentences alone were asked for: compare `score` with "
        "`alike_from` then."
    )
    similar_to: int | None = Field(
        default=None,
        description="With `mark_similar`, the `segment_id` of the first hit before it, on any "
        f"page, that is near-identical: the cosine of both is {ALIKE} or more. Else null.",
    )
    more_in_video: int | None = Field(
        default=None,
        description="With `group_by`, how many other moments of the video match, as `total` counts "
        "them; search with the video's id as filter to get them. Else null.",
    )
    steps: list[StepAnswer] | None = Field(
        default=None,
        description="With `then`, the moment of each step. The hit is the span of all of them; "
        "`segment_id` and `best_time` are those of the first, and `score` and `relevance` those of "
        "the step that matches worst. Else null.",
    )
    fields: list[FieldAnswer] | None = Field(
        default=None,
        description="If words were searched, too: what each field contributes. `start`, `end` and "
        "`relevance` of the hit are those of the best one, and `segment_id` and `best_time` are "
        "shown there. With several parts they are those of all parts, `picture` says how well "
        "pictures alone fit, and with `then` the fields of each step follow each other. Else it is "
        "missing.",
    )
    segment_tags: list[SegmentTagAnswer] | None = Field(
        default=None,
        description="The tags on spans that the moment overlaps, by their starts, without those "
        "that were rejected. With `sharpen`, of the moment before it was cut. Missing if there are "
        "none.",
    )
    explanation: ExplanationAnswer | None = Field(
        default=None,
        description="With `explain`, why the moment matched; with `then`, `steps` say "
        "so, each of its own moment. Else null.",
    )
    thumbnail_url: str
    play_url: str = Field(description="The video file, playing from `start` to `end`.")


class LikedAnswer(BaseModel):
    """The moment that was asked for: the segment that is at that time."""

    video: HitVideo
    segment_id: int
    start: float = Field(description="Seconds from the start of the video.")
    end: float = Field(description="Seconds; the segment is [start, end).")
    camera: str | None = Field(
        default=None, description="The camera that has recorded it; null for other videos."
    )
    start_at: str | None = Field(
        default=None, description="Of a camera: when the moment began; RFC 3339, UTC. Else null."
    )
    end_at: str | None = Field(
        default=None, description="Of a camera: when the moment ended; RFC 3339, UTC. Else null."
    )
    best_time: float = Field(description="Seconds; the frame that the thumbnail shows.")
    thumbnail_url: str
    play_url: str = Field(description="The video file, playing from `start` to `end`.")
