"""Which videos a search looks into: the part of its request that says so."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.limits import (
    MAX_CAMERAS,
    MAX_TAGS,
    MAX_VIDEO_IDS,
    CameraName,
    Folder,
    Language,
    Moment,
    Tag,
    Title,
    VideoId,
    expect,
    moment_of,
)
from clipseek.filters import MAX_PIXELS_HIGH, Filters


class StrictModel(BaseModel):
    """Requests are read strictly: no unknown field, no text that stands for a number."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Filter(StrictModel):
    """Which videos and moments to search in; all that is given must be true of them."""

    video_ids: Annotated[
        list[VideoId] | None,
        Field(max_length=MAX_VIDEO_IDS, description=f"Only these videos, at most {MAX_VIDEO_IDS}."),
        expect(f"a list of at most {MAX_VIDEO_IDS} video ids"),
    ] = None
    tags: Annotated[
        list[Tag] | None,
        Field(
            max_length=MAX_TAGS,
            description=f"Only videos that have all these tags, at most {MAX_TAGS}.",
        ),
        expect(f"a list of at most {MAX_TAGS} tags"),
    ] = None
    folder: Folder | None = None
    title: Title | None = None
    min_duration: Annotated[
        float,
        Field(ge=0, allow_inf_nan=False, description="Only videos of at least so many seconds."),
        expect("a number of seconds, 0 or more"),
    ] = 0.0
    max_duration: Annotated[
        float | None,
        Field(ge=0, allow_inf_nan=False, description="Only videos of at most so many seconds."),
        expect("a number of seconds, 0 or more"),
    ] = None
    min_height: Annotated[
        int,
        Field(
            ge=0,
            le=MAX_PIXELS_HIGH,
            description="Only videos with pictures of at least so many rows of pixels.",
        ),
        expect(f"a whole number of pixels, 0 to {MAX_PIXELS_HIGH}"),
    ] = 0
    max_height: Annotated[
        int | None,
        Field(
            ge=0,
            le=MAX_PIXELS_HIGH,
            description="Only videos with pictures of at most so many rows of pixels.",
        ),
        expect(f"a whole number of pixels, 0 to {MAX_PIXELS_HIGH}"),
    ] = None
    language: Language | None = None
    recorded_from: Moment | None = Field(
        default=None,
        description="Only videos whose files say that they were recorded at this time or later; "
        "RFC 3339.",
    )
    recorded_before: Moment | None = Field(
        default=None,
        description="Only videos whose files say that they were recorded before this time; "
        "RFC 3339.",
    )
    cameras: Annotated[
        list[CameraName] | None,
        Field(
            max_length=MAX_CAMERAS,
            description=f"Only what one of these cameras has recorded, at most {MAX_CAMERAS}. Of "
            "cameras, `recorded_from` and `recorded_before` are compared with each moment.",
        ),
        expect(f"a list of at most {MAX_CAMERAS} names of cameras"),
    ] = None
    segment_tags: Annotated[
        list[Tag] | None,
        Field(
            max_length=MAX_TAGS,
            description="Only moments that overlap a span of each of these tags, at most "
            f"{MAX_TAGS}, that was not rejected; see `segment_tags` of a hit.",
        ),
        expect(f"a list of at most {MAX_TAGS} tags"),
    ] = None
    indexed_from: Moment | None = Field(
        default=None, description="Only videos that were indexed at this time or later; RFC 3339."
    )
    indexed_before: Moment | None = Field(
        default=None, description="Only videos that were indexed before this time; RFC 3339."
    )

    def passing(self) -> Filters:
        """Return the filter in the words of the core."""
        return Filters(
            video_ids=None if self.video_ids is None else tuple(self.video_ids),
            tags=None if self.tags is None else tuple(self.tags),
            folder=self.folder,
            title=self.title,
            min_duration=self.min_duration,
            max_duration=self.max_duration,
            min_height=self.min_height,
            max_height=self.max_height,
            language=self.language,
            recorded_from=_time(self.recorded_from),
            recorded_before=_time(self.recorded_before),
            cameras=None if self.cameras is None else tuple(self.cameras),
            segment_tags=None if self.segment_tags is None else tuple(self.segment_tags),
            indexed_from=_time(self.indexed_from),
            indexed_before=_time(self.indexed_before),
        )


def _time(text: str | None) -> datetime | None:
    return None if text is None else moment_of(text)
