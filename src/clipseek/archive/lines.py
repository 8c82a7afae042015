"""The lines of a part of an archive: what each says of a video, checked when it is read."""

import re
from itertools import pairwise
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from clipseek.archive.manifest import Checked, Count
from clipseek.recorded import known
from clipseek.stored import ObjectRows, TrackRow
from clipseek.timed import MAX_CUES, MAX_TEXT
from clipseek.tracked import MAX_TRACKS

_RECORDED = r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z)?$"
PICTURE = re.compile(r"[0-9]{9,}-([0-9a-f]{12})\.jpg")
"""The name of a picture: milliseconds, and the beginning of its SHA-256."""

Seconds = Annotated[float, Field(ge=0, lt=1e12)]
Share = Annotated[float, Field(ge=0, le=1)]


def _time(text: str) -> str:
    """Return a time, or nothing; raise ValueError."""
    if text and not known(text):
        raise ValueError("a time must be one that there is, such as 2026-11-28T09:30:00Z")
    return text


class SegmentLine(Checked):
    """One segment of a line. thumbnail: The last part of its name."""

    field: Literal["picture"]
    start: Seconds
    end: Seconds
    best_time: Seconds
    bias: float
    thumbnail: Annotated[str, Field(pattern=rf"^{PICTURE.pattern}$")]
    begins_shot: bool


class CueLine(Checked):
    """One cue of a text."""

    start: Seconds
    end: Seconds
    text: Annotated[str, Field(max_length=MAX_TEXT)]
    language: Annotated[str, Field(pattern=r"^[a-z0-9-]{0,35}$")]


class TextLine(Checked):
    """What one field of a video says."""

    field: Literal["subtitle", "speech", "text"]
    stamp: str
    cues: Annotated[tuple[CueLine, ...], Field(max_length=MAX_CUES)]


class TrackLine(Checked):
    """One object of a video, as `stored.TrackRow`."""

    label: str
    confidence: Share
    start: Seconds
    end: Seconds
    best: Count
    bias: float
    times: Annotated[tuple[Seconds, ...], Field(min_length=1)]
    boxes: tuple[tuple[Share, Share, Share, Share], ...]

    @model_validator(mode="after")
    def _is_followed(self) -> Self:
        """Require one box for each time, in their order, and one of them as the best."""
        if len(self.boxes) != len(self.times) or self.best >= len(self.times):
            raise ValueError(
                "an object must have one box for each time, and the best be among them"
            )
        if self.start >= self.end or any(a > b for a, b in pairwise(self.times)):
            raise ValueError("an object must begin before it ends, and its times must ascend")
        return self


class ObjectsLine(Checked):
    """The objects of a video, as `stored.ObjectRows`; their vectors are in an array."""

    stamp: str
    tracks: Annotated[tuple[TrackLine, ...], Field(max_length=MAX_TRACKS)]

    @classmethod
    def of(cls, rows: ObjectRows) -> Self:
        """Return what is written of stored objects."""
        return cls.model_validate(
            {"stamp": rows.stamp, "tracks": [row._asdict() for row in rows.tracks]}, strict=False
        )

    def rows(self, vectors: NDArray[np.int8]) -> ObjectRows:
        """Return what is stored of them; vectors (N, dim), one of each."""
        return ObjectRows(self.stamp, tuple(map(_track, self.tracks)), vectors)


def _track(line: TrackLine) -> TrackRow:
    return TrackRow(
        line.label,
        line.confidence,
        line.start,
        line.end,
        line.best,
        line.bias,
        list(line.times),
        [list(box) for box in line.boxes],
    )


class VideoLine(Checked):
    """One line: a video and its segments. frames: How many of its frames have a vector."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
    uri: str
    title: str
    duration: Seconds
    width: Count
    height: Count
    size_bytes: Count
    state: Literal["indexed", "incomplete"]
    reason: str
    tags: tuple[str, ...]
    indexed_at: Annotated[str, AfterValidator(_time)]
    stamp: str
    frame_rate: Annotated[str, Field(pattern=r"^([1-9]\d{0,18}(/[1-9]\d{0,18})?)?$")]
    coding: Annotated[str, Field(pattern=r"^(\S+ \S+ \S+ \S+)?$", max_length=200)]
    timecode: Annotated[str, Field(pattern=r"^(\d\d:\d\d:\d\d[:;]\d\d)?$")]
    recorded_at: Annotated[str, Field(pattern=_RECORDED), AfterValidator(_time)] = ""
    stream: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9_-]{0,63})?$")] = ""
    frames: Count | None
    segments: tuple[SegmentLine, ...]
    texts: tuple[TextLine, ...] = ()
    objects: ObjectsLine | None = None

    @model_validator(mode="after")
    def _is_dated(self) -> Self:
        """Require the time of what a camera has recorded, and that every moment of it has one."""
        if self.stream and not self.recorded_at:
            raise ValueError("recorded_at is missing, and what a camera has recorded has one")
        moments = [time for each in self.segments for time in (each.end, each.best_time)]
        if self.recorded_at and not known(self.recorded_at, max(self.duration, *moments, 0.0)):
            raise ValueError("a video must end before the year 10000")
        return self
