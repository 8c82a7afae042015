"""What a data set consists of: pictures of videos, categories, and what labels say. Pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from clipseek.curating import SegmentTag, TagState
from clipseek.types import Video

Level = Literal["tag", "object"]
"""Whether a category is of whole frames, or of boxes in them."""
DECIDED: tuple[TagState, ...] = ("accepted", "corrected")
"""The states of tags that people have agreed to."""
DIGITS = 12


@dataclass(frozen=True, slots=True)
class Picture:
    """One frame as a file.

    file: Its name in the folder of pictures. time: When it is shown, in seconds. pixels: SHA-256 in
    hex of its RGB bytes, row by row. content: SHA-256 of the file.
    """

    file: str
    video_id: str
    time: float
    width: int
    height: int
    pixels: str
    content: str


@dataclass(frozen=True, slots=True)
class Category:
    """What a label can say. version: Of the rule that gives it."""

    id: int
    name: str
    version: str = ""
    level: Level = "tag"


@dataclass(frozen=True, slots=True)
class Track:
    """A span of a video with a label: [start, end) in seconds."""

    id: int
    video_id: str
    category: int
    start: float
    end: float
    relevance: float
    state: str
    source: str = ""
    """The id of the tag in the catalog."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a track says of one picture: all of it, since a tag is of a whole frame."""

    id: int
    picture: int
    track: int


@dataclass(frozen=True, slots=True)
class Selection:
    """What a data set was made of; its name follows from it.

    version: Of the collection. rules: The version of each rule, by name. states: The states of the
    tags that count.
    """

    collection: str
    version: int
    model: str
    rules: Mapping[str, str]
    states: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dataset:
    """Pictures and labels. Numbers count from 1 and are places in these sequences.

    videos: Those that have pictures, by id. left_out: Why videos were left out, by id.
    """

    name: str
    selection: Selection
    videos: Sequence[Video]
    pictures: Sequence[Picture]
    categories: Sequence[Category]
    tracks: Sequence[Track]
    labels: Sequence[Label]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def video_number(self, video_id: str) -> int:
        """Return the number of a video."""
        return [video.id for video in self.videos].index(video_id) + 1

    def info(self) -> dict[str, object]:
        """Return what the data set was made of as JSON takes it."""
        chosen = self.selection
        return {
            "name": self.name,
            "collection": chosen.collection,
            "version": chosen.version,
            "model": chosen.model,
            "rules": dict(sorted(chosen.rules.items())),
            "states": list(chosen.states),
        }


def assembled(
    selection: Selection,
    videos: Sequence[Video],
    pictures: Sequence[Picture],
    tags: Sequence[SegmentTag],
    *,
    left_out: Mapping[str, str] | None = None,
) -> Dataset:
    """Put a data set together. The order of the arguments' rows does not matter.

    Tags of videos without pictures and tags in other states than `selection.states` are left out. A
    picture has a label if it is shown in the span of a tag.
    """
    shown = sorted(pictures, key=lambda each: (each.video_id, each.time))
    known = {picture.video_id for picture in shown}
    names = sorted(selection.rules)
    categories = [
        Category(number, name, selection.rules[name]) for number, name in enumerate(names, 1)
    ]
    numbers = {each.name: each.id for each in categories}
    counted = sorted(
        (tag for tag in tags if tag.state in selection.states and tag.rule in numbers),
        key=lambda tag: (tag.video_id, tag.start, tag.end, tag.rule, tag.id),
    )
    tracks = [
        Track(
            number,
            tag.video_id,
            numbers[tag.rule],
            tag.start,
            tag.end,
            tag.relevance,
            tag.state,
            tag.id,
        )
        for number, tag in enumerate((tag for tag in counted if tag.video_id in known), 1)
    ]
    return Dataset(
        name=_name(selection, shown),
        selection=selection,
        videos=sorted((v for v in videos if v.id in known), key=lambda video: video.id),
        pictures=shown,
        categories=categories,
        tracks=tracks,
        labels=_labels(shown, tracks),
        left_out=dict(sorted((left_out or {}).items())),
    )


def _labels(pictures: Sequence[Picture], tracks: Sequence[Track]) -> list[Label]:
    by_video: dict[str, list[Track]] = {}
    for track in tracks:
        by_video.setdefault(track.video_id, []).append(track)
    found = [
        (number, track.id)
        for number, picture in enumerate(pictures, 1)
        for track in by_video.get(picture.video_id, ())
        if track.start <= picture.time < track.end
    ]
    return [Label(number, *pair) for number, pair in enumerate(found, 1)]


def _name(selection: Selection, pictures: Sequence[Picture]) -> str:
    """Return a name that differs if anything in the data set does, apart from its format."""
    written = json.dumps(
        [
            sorted(selection.rules.items()),
            selection.states,
            selection.model,
            [(each.video_id, each.time, each.pixels) for each in pictures],
        ]
    )
    digest = hashlib.sha256(written.encode()).hexdigest()[:DIGITS]
    return f"{selection.collection}-v{selection.version}-{digest}"
