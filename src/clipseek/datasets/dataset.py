"""What a data set consists of: pictures of videos, categories, and what labels say. Pure."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from clipseek.curating import SegmentTag, TagState
from clipseek.stored import rounding_s
from clipseek.types import Video

Level = Literal["tag", "object"]
"""Whether a category is of whole frames, or of boxes in them."""
Box = tuple[float, float, float, float]
FOUND = "found"
"""The state of an object: a detector has found it."""
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
    """What a label can say. version: Of the rule that gives it, or empty."""

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
    """What a track says of one picture.

    box: Left, top, right and bottom as fractions of its width and height; None for a tag, which is
    of a whole frame.
    """

    id: int
    picture: int
    track: int
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Followed:
    """An object of one video, and its box in each frame in which it was seen.

    start, end: Seconds, [start, end). boxes: By the time of the frame, in seconds.
    """

    video_id: str
    label: str
    confidence: float
    start: float
    end: float
    boxes: Mapping[float, Box]

    def box_at(self, time: float) -> Box | None:
        """Return the box in the frame that is shown at a time; None if it was not looked at."""
        nearest = min(self.boxes, key=lambda each: abs(each - time), default=None)
        if nearest is None or abs(nearest - time) > 2 * rounding_s(time):
            return None
        return self.boxes[nearest]


@dataclass(frozen=True, slots=True)
class Selection:
    """What a data set was made of; its name follows from it.

    version: Of the collection. rules: The version of each rule, by the name of its tag; empty for a
    tag that people have given and no rule gives now. states: The states of the tags that count.
    """

    collection: str
    version: int
    model: str
    rules: Mapping[str, str]
    states: tuple[str, ...]
    redacts: tuple[str, ...] = ()
    """What is blurred in the pictures, as the collection says."""
    objects: tuple[str, ...] = ()
    """The stamps of the detectors whose objects are in it."""


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
            "redacts": list(chosen.redacts),
            "objects": list(chosen.objects),
        }


def assembled(
    selection: Selection,
    videos: Sequence[Video],
    pictures: Sequence[Picture],
    tags: Sequence[SegmentTag],
    *,
    objects: Sequence[Followed] = (),
    left_out: Mapping[str, str] | None = None,
) -> Dataset:
    """Put a data set together. The order of the arguments' rows does not matter.

    Tags of videos without pictures and tags in other states than `selection.states` are left out. A
    picture has the label of a tag in whose span it is shown, and that of an object that was seen in
    just this frame.
    """
    shown = sorted(pictures, key=lambda each: (each.video_id, each.time))
    known = {picture.video_id for picture in shown}
    seen = sorted(
        (each for each in objects if each.video_id in known),
        key=lambda each: (each.video_id, each.start, each.end, each.label, -each.confidence),
    )
    categories = _categories(selection, seen)
    numbers = {(each.level, each.name): each.id for each in categories}
    counted = sorted(
        (
            tag
            for tag in tags
            if tag.video_id in known
            and tag.state in selection.states
            and tag.rule in selection.rules
        ),
        key=lambda tag: (tag.video_id, tag.start, tag.end, tag.rule, tag.id),
    )
    tracks = [
        Track(
            number,
            tag.video_id,
            numbers["tag", tag.rule],
            tag.start,
            tag.end,
            tag.relevance,
            tag.state,
            tag.id,
        )
        for number, tag in enumerate(counted, 1)
    ]
    tracks += [
        Track(
            number,
            each.video_id,
            numbers["object", each.label],
            each.start,
            each.end,
            each.confidence,
            FOUND,
        )
        for number, each in enumerate(seen, len(tracks) + 1)
    ]
    return Dataset(
        name=_name(selection, shown),
        selection=selection,
        videos=sorted((v for v in videos if v.id in known), key=lambda video: video.id),
        pictures=shown,
        categories=categories,
        tracks=tracks,
        labels=_labels(shown, tracks, seen),
        left_out=dict(sorted((left_out or {}).items())),
    )


def _categories(selection: Selection, objects: Sequence[Followed]) -> list[Category]:
    rules = [(name, selection.rules[name], "tag") for name in sorted(selection.rules)]
    classes = [(name, "", "object") for name in sorted({each.label for each in objects})]
    return [
        Category(number, name, version, "tag" if level == "tag" else "object")
        for number, (name, version, level) in enumerate([*rules, *classes], 1)
    ]


def _labels(
    pictures: Sequence[Picture], tracks: Sequence[Track], objects: Sequence[Followed]
) -> list[Label]:
    """Return the labels by picture. The last tracks are those of the objects, in their order."""
    tags = len(tracks) - len(objects)
    by_video: dict[str, list[Track]] = {}
    for track in tracks:
        by_video.setdefault(track.video_id, []).append(track)
    found: list[tuple[int, int, Box | None]] = []
    for number, picture in enumerate(pictures, 1):
        for track in by_video.get(picture.video_id, ()):
            if track.id > tags:
                if (box := objects[track.id - tags - 1].box_at(picture.time)) is not None:
                    found.append((number, track.id, box))
            elif track.start <= picture.time < track.end:
                found.append((number, track.id, None))
    return [Label(number, *said) for number, said in enumerate(found, 1)]


def _name(selection: Selection, pictures: Sequence[Picture]) -> str:
    """Return a name that differs if anything in the data set does, apart from its format."""
    written = json.dumps(
        [
            sorted(selection.rules.items()),
            selection.states,
            selection.model,
            selection.objects,
            [(each.video_id, each.time, each.pixels) for each in pictures],
        ]
    )
    digest = hashlib.sha256(written.encode()).hexdigest()[:DIGITS]
    return f"{selection.collection}-v{selection.version}-{digest}"
