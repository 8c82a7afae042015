"""Filters: which videos, and which moments of them, a search may find."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from clipseek.errors import InvalidQuery
from clipseek.listing import folded
from clipseek.parts import is_unicode, number

MAX_PIXELS_HIGH = 2**31 - 1
"""The greatest height of a picture that a filter may name: that of 32 bits, as it is stored."""
LANGUAGE = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"
"""A tag of BCP 47, as far as it is compared."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a moment must be to be found: in a video that passes, and relevant.

    None lets every video through. No ids let none through, and no tags all.

    folder: What the uri of the video begins with, up to a `/`. title: What its title begins with,
    in upper or lower case. min_duration, max_duration: Seconds that the video has at least and at
    most. min_height, max_height: Rows of pixels that its pictures have, upright. language: One in
    which something is said or written in it. recorded_from, recorded_before, indexed_from,
    indexed_before: It was recorded or indexed at this time or later, and before that time; all
    have a time zone. A video whose time of recording is not known passes neither of the first two.
    cameras: The names of cameras, one of which has recorded it. Of what a camera has recorded,
    each moment is compared with the times of recording, and not the whole video.
    segment_tags: Tags on spans, not of videos: each moment overlaps a span of each of them that
    was not rejected.
    """

    video_ids: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    min_relevance: float = 0.0
    folder: str | None = None
    min_duration: float = 0.0
    max_duration: float | None = None
    indexed_from: datetime | None = None
    indexed_before: datetime | None = None
    title: str | None = None
    min_height: int = 0
    max_height: int | None = None
    recorded_from: datetime | None = None
    recorded_before: datetime | None = None
    language: str | None = None
    cameras: tuple[str, ...] | None = None
    segment_tags: tuple[str, ...] | None = None

    @property
    def of_videos(self) -> "Filters | None":
        """What is asked of the videos, without what is asked of moments; None if nothing is."""
        tags, on_spans = self.tags or None, self.segment_tags or None
        asked = replace(self, tags=tags, segment_tags=on_spans, min_relevance=0.0)
        return None if asked == NO_FILTERS else asked

    def meaning(self) -> list[object]:
        """Return what JSON takes, the same for all that let the same through."""
        ids = None if self.video_ids is None else sorted(set(self.video_ids))
        tags = sorted(set(self.tags)) if self.tags else None
        folder = None if self.folder is None else below(self.folder)
        longest = None if self.max_duration is None else number(self.max_duration)
        times = [
            None if time is None else number(time.timestamp())
            for first, end in self._times().values()
            for time in (first, end)
        ]
        numbers = [number(self.min_relevance), number(self.min_duration), longest]
        heights = [self.min_height, self.max_height]
        title = None if self.title is None else folded(self.title)
        language = None if self.language is None else self.language.lower()
        cameras = None if self.cameras is None else sorted(set(self.cameras))
        on_spans = sorted(set(self.segment_tags)) if self.segment_tags else None
        return [ids, tags, folder, *numbers, *times, title, *heights, language, cameras, on_spans]

    def problem(self) -> InvalidQuery | None:
        """Return what is wrong with the filters, or None."""
        wrong = (*self._of_numbers(), *self._of_texts(), *self._of_times())
        return InvalidQuery(wrong[0]) if wrong else None

    @property
    def cuts_chunks(self) -> bool:
        """Whether some moments of a camera's video may pass, and others not."""
        return self.recorded_from is not None or self.recorded_before is not None

    @property
    def cuts_videos(self) -> bool:
        """Whether some moments of a video may pass, and others not."""
        return self.cuts_chunks or bool(self.segment_tags)

    def _of_numbers(self) -> Iterator[str]:
        if not 0 <= self.min_relevance <= 1:
            yield f"min_relevance must be 0 to 1, got {self.min_relevance}"
        shortest, longest = self.min_duration, self.max_duration
        if not 0 <= shortest < math.inf:
            yield f"min_duration must be 0 seconds or more, got {shortest:g}"
        if longest is not None and not shortest <= longest < math.inf:
            yield (
                f"max_duration must be min_duration ({shortest:g} seconds) or more, got {longest:g}"
            )
        low, high = self.min_height, self.max_height
        if not 0 <= low <= MAX_PIXELS_HIGH:
            yield f"min_height must be 0 to {MAX_PIXELS_HIGH} pixels, got {low}"
        if high is not None and not low <= high <= MAX_PIXELS_HIGH:
            yield (
                f"max_height must be min_height ({low} pixels) or more and at most "
                f"{MAX_PIXELS_HIGH}, got {high}"
            )

    def _of_texts(self) -> Iterator[str]:
        for name, text in (("folder", self.folder), ("title", self.title)):
            if text is not None and not (text and is_unicode(text)):
                yield f"{name} must be Unicode text, not empty, got {text!r}"
        for name in self.cameras or ():
            if not is_unicode(name):
                yield f"cameras must be names of cameras, got {name!r}"
        for name in self.segment_tags or ():
            if not is_unicode(name):
                yield f"segment_tags must be names of tags, got {name!r}"
        if self.language is not None and not re.fullmatch(LANGUAGE, self.language):
            yield f"language must be a tag of BCP 47 such as en or de-AT, got {self.language!r}"

    def _of_times(self) -> Iterator[str]:
        for kind, (first, end) in self._times().items():
            for name, time in ((f"{kind}_from", first), (f"{kind}_before", end)):
                if time is not None and time.tzinfo is None:
                    yield f"{name} must have a time zone, got {time.isoformat()}"
                    return
            if first is not None and end is not None and not first < end:
                yield (
                    f"{kind}_before must be after {kind}_from ({first.isoformat()}), got "
                    f"{end.isoformat()}"
                )

    def _times(self) -> dict[str, tuple[datetime | None, datetime | None]]:
        return {
            "indexed": (self.indexed_from, self.indexed_before),
            "recorded": (self.recorded_from, self.recorded_before),
        }


NO_FILTERS = Filters()


def below(folder: str) -> str:
    """Return what the uri of everything in a folder begins with."""
    return folder.rstrip("/") + "/"
