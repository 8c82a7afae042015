"""What an answer says of why a moment matched, and where in its picture."""

from pydantic import BaseModel, Field

from clipseek.heat import CUT


class BoxAnswer(BaseModel):
    """A part of a picture: fractions of its width and height, from its left and its top."""

    left: float
    top: float
    right: float
    bottom: float


class WhereAnswer(BaseModel):
    """Where in the thumbnail the sentence fits, by the model's own patches; no detector is used."""

    heat: list[list[float]] = Field(
        description="Rows from the top, columns from the left, which divide `area` evenly. 1 is "
        "the part that fits best, 0 one that fits no better than half of the picture does. It "
        "compares the parts of this picture, and does not say how well the best one fits."
    )
    area: BoxAnswer = Field(
        description="What `heat` covers: less than the picture if the model cuts off its ends."
    )
    box: BoxAnswer = Field(description=f"Around the best part: the heat there is {CUT} or more.")


class FrameAnswer(BaseModel):
    """The sampled frame of a moment that is nearest to what was asked for."""

    time: float = Field(description="Seconds from the start of the video.")
    score: float = Field(description="Cosine of query and frame, -1 to 1, higher is better.")


class FitAnswer(BaseModel):
    """How well one part of the search fits the best segment of the moment, by pictures alone."""

    weight: float
    score: float = Field(description="Cosine of part and segment, -1 to 1, higher is better.")
    fit: float = Field(
        description="0 to 1: the relevance if the part is a sentence; for a moment or a picture "
        "0.5 where its `score` counts as alike. Of what is not wanted, less is better."
    )


class ExplanationAnswer(BaseModel):
    """Why a moment matched."""

    frame: FrameAnswer | None = Field(
        description="Null if the vectors of the frames of this video are not stored."
    )
    parts: list[FitAnswer] = Field(
        description="In the order of `parts` of the search; one for a `query`. Empty if the "
        "moment has been indexed again or removed meanwhile."
    )
    where: WhereAnswer | None = Field(description="Null if `where_missing` says why.")
    where_missing: str | None = Field(description="Why there is no `where`.")
