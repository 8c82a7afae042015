"""What each field contributes to a hit, as the API documents it."""

from typing import Annotated

from pydantic import BaseModel, Field

from clipseek.timed import Field as FieldName


class PlaceAnswer(BaseModel):
    """Where an object is in one frame: edges as fractions of its width and height."""

    time: float = Field(description="Seconds from the start of the video: which frame it is.")
    left: float
    top: float
    right: float
    bottom: float
    is_shown: bool = Field(description="Whether that frame is the thumbnail of the hit.")


class FieldAnswer(BaseModel):
    """What one field contributes to a hit."""

    field: FieldName
    relevance: float = Field(description="0 to 1, as that of a hit, for this field alone.")
    start: float = Field(description="Seconds from the start of the video.")
    end: float = Field(description="Seconds; what was found is [start, end).")
    text: str = Field(
        description="What is said there, or the class of an object; empty for pictures. It is "
        "plain text, not HTML."
    )
    highlights: list[Annotated[list[int], Field(min_length=2, max_length=2)]] = Field(
        description="Which characters of `text` are words of the query: from, and up to, counted "
        "in Unicode code points."
    )
    where: PlaceAnswer | None = Field(description="Of an object: where it is. Null for others.")
