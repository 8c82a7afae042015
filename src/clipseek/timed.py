"""Stretches of a video, and what is said or written in them."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Field = Literal["picture", "subtitle", "speech", "text", "object"]
"""What the evidence of a hit is made of."""
PICTURE: Field = "picture"
SUBTITLE: Field = "subtitle"
SPEECH: Field = "speech"
TEXT: Field = "text"
"""What pictures show in writing."""
OBJECT: Field = "object"
"""Things that a detector has found in pictures."""
FIELDS: tuple[Field, ...] = (PICTURE, SUBTITLE, SPEECH, TEXT, OBJECT)
"""All fields, in the order in which answers name them."""
WORDS: tuple[Field, ...] = (SUBTITLE, SPEECH, TEXT)
"""Those that are made of text."""
CHEAP_FIELDS: tuple[Field, ...] = (PICTURE, SUBTITLE)
"""Those that an ingest reads unless it is told to read others."""

MAX_CUES = 20_000
"""Cues of one field of a video that are stored: ten hours with a cue every two seconds."""
MAX_TEXT = 1000
"""Characters of a cue that are stored."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open stretch of a video, `[start, end)` in seconds, with `0 <= start < end`."""

    start: float
    end: float

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(f"a span needs 0 <= start < end, got [{self.start}, {self.end})")

    @property
    def length(self) -> float:
        """Length in seconds."""
        return self.end - self.start

    def overlap(self, other: "Span") -> float:
        """Return the seconds that both spans share."""
        return max(0.0, min(self.end, other.end) - max(self.start, other.start))

    def iou(self, other: "Span") -> float:
        """Return intersection over union, in [0, 1]."""
        shared = self.overlap(other)
        return shared / (self.length + other.length - shared)


class Cue(NamedTuple):
    """A text that belongs to the stretch `[start, end)` of a video, in seconds.

    `language` is a tag of BCP 47 or a code of ISO 639, in small letters; empty if not known.
    """

    start: float
    end: float
    text: str
    language: str = ""


class Meaning(NamedTuple):
    """What the passages of a text mean, in their order.

    `model` is the fingerprint of the sentence model. `vectors` are unit rows, float16 (P, dim) in
    little-endian order, as bytes, which can be compared and stored as they are.
    """

    model: str
    vectors: bytes


@dataclass(frozen=True, slots=True)
class TimedText:
    """All that one field of a video says, in the order of time.

    `stamp` says what it was read from, and by which rules: equal stamps, the same text. Without
    cues it says that the video was looked at and has none. `meaning` is None if no sentence model
    has read the text.

    Raises:
        ValueError: the field is that of pictures, or a cue ends before it begins.
    """

    field: Field
    stamp: str
    cues: tuple[Cue, ...] = ()
    meaning: Meaning | None = None

    def __post_init__(self) -> None:
        if self.field not in WORDS:
            raise ValueError(f"field must be one made of text, got {self.field!r}")
        for cue in self.cues:
            if not 0 <= cue.start < cue.end < float("inf"):
                raise ValueError(f"a cue needs 0 <= start < end, got [{cue.start}, {cue.end})")


class ObjectPlace(NamedTuple):
    """Where an object is in the frame at `time` seconds: edges as fractions of its sides.

    `is_shown` says whether that frame is the thumbnail of the hit.
    """

    time: float
    left: float
    top: float
    right: float
    bottom: float
    is_shown: bool = False


class FieldHit(NamedTuple):
    """What one field contributes to a hit. `relevance` is in [0, 1], as that of a hit.

    `text` is what was found if the field is made of text, and `highlights` are the ranges of its
    characters, `(start, end)`, that the query's words are. Of an object it is the name of its
    class, and `where` is its place in a frame.
    """

    field: Field
    relevance: float
    span: Span
    text: str = ""
    highlights: tuple[tuple[int, int], ...] = ()
    where: ObjectPlace | None = None
