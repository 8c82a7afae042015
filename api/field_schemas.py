"""What each field contributes to a hit, as the API documents it."""

from typing import Annotated

from pydantic import BaseModel, Field

from clipseek.timed import Field as FieldName


class FieldAnswer(BaseModel):
    """What one field contributes to a hit."""

    field: FieldName
    relevance: float = Field(description="0 to 1, as that of a hit, for this field alone.")
    start: float = Field(description="Seconds from the start of the video.")
    end: float = Field(description="Seconds; what was found is [start, end).")
    text: str = Field(description="What is said there; empty for pictures. Plain text, not HTML.")
    highlights: list[Annotated[list[int], Field(min_length=2, max_length=2)]] = Field(
        description="Which characters of `text` are words of the query: from, and up to, counted "
        "in Unicode code points."
    )
