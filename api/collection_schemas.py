"""What the API gives about collections: their sizes, and how good their indexes are."""

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, Field

from clipseek.metrics import IndexStats


class IndexAnswer(BaseModel):
    """What the server that answers searches of a collection, as it has it open."""

    segments: int = Field(description="Segments that can be searched.")
    version: int = Field(description="Number of the last change that can be searched.")
    age_seconds: float = Field(
        description="Seconds since that version was last known to be the newest."
    )
    published_version: int | None = Field(
        default=None,
        description="The version that the published index was built from; null if there is none.",
    )
    published_at: str | None = Field(
        default=None, description="When that index was published: RFC 3339, UTC."
    )
    beside: int = Field(
        description="Segments that are not in the published index and are compared one by one."
    )
    exact: bool = Field(description="Whether each search compares with every segment.")
    recall: float | None = Field(
        default=None,
        description="Share of the true ten nearest segments that searches find: 1 if `exact`, "
        "otherwise the mean of `compared` searches; null if none was compared yet.",
    )
    compared: int = Field(description="Searches of this server that were compared with all.")

    @classmethod
    def of(cls, stats: IndexStats, recalls: Sequence[float]) -> Self:
        """Describe an opened collection, by the recall@10 of the last searches compared."""
        measured = sum(recalls) / len(recalls) if recalls else None
        return cls(
            segments=stats.segments,
            version=stats.version,
            age_seconds=round(stats.age_s, 3),
            published_version=stats.snapshot_version,
            published_at=stats.snapshot_at,
            beside=stats.delta_size,
            exact=stats.is_exact,
            recall=1.0 if stats.is_exact else measured,
            compared=len(recalls),
        )


class CollectionAnswer(BaseModel):
    """One library of videos."""

    name: str
    aliases: list[str] = Field(description="Other names that it may be asked by, as they are now.")
    model: str
    videos: int
    segments: int
    seconds: float = Field(description="Seconds of video indexed.")
    version: int = Field(description="Number of the last change.")
    examples: list[str] = Field(
        description="Up to 4 sentences that this library answers well, with a relevance of 0.9 or "
        "more; empty if it answers none of those tried, or is not open yet."
    )
    redacts: list[str] = Field(
        description="What is blurred in its pictures, such as `faces`; empty if they are shown as "
        "they are."
    )
    index: IndexAnswer | None = Field(
        default=None,
        description="What the server that answers searches; null if it has not opened it yet.",
    )


class CollectionsAnswer(BaseModel):
    """All libraries by name."""

    collections: list[CollectionAnswer]
    default: str = Field(description="The collection of requests that do not name one.")
