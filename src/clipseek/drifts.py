"""What was measured of the videos of a camera or folder in a week, and the store of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

Fault = Literal["changed", "blurred", "blind", "frozen"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
"""changed: it shows something else, or from elsewhere. blurred: less sharp than before. blind: too
dark, or covered. frozen: the picture of a camera does not change any more."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One thing of a week, compared with the weeks before; see `curation.drift`.

    null: How many divisions at random have a statistic in each of the equal parts of [0, null_end].
    can_tell: False if there are too few videos or hours for an alarm.
    """

    statistic: float
    distance: float
    p: float
    can_tell: bool
    is_alarm: bool
    null: tuple[int, ...] = field(default=(), repr=False)
    null_end: float = 0.0


@dataclass(frozen=True, slots=True)
class Drift:
    """What was measured of a group of videos in one week.

    group: A camera, a folder or the collection, by name. week: As ISO 8601 writes it: 2026-W48.
    videos, frames, pictures: How many were in the week, and how many sampled frames and thumbnails
    were looked at. before: Frames of the weeks that it was compared with; 0 if there are none.
    content, view, sharp: What the vectors of the frames, where pictures have edges, and how sharp
    they are, compared with before; None if there is nothing to compare with.
    brightness, contrast: Medians, in [0, 1]. sharpness: Median of `curation.quality.Look`.
    blind: Share of pictures that show nothing. still: Share of the time without anything new.
    repeats: Share of frames that are near-identical with one of another block (video or hour).
    tags: Share of the videos of the week that have each tag, the most frequent first.
    """

    group: str
    week: str
    videos: int
    frames: int
    pictures: int
    before: int
    content: Compared | None = None
    view: Compared | None = None
    sharp: Compared | None = None
    brightness: float = 0.0
    contrast: float = 0.0
    sharpness: float = 0.0
    blind: float = 0.0
    still: float = 0.0
    repeats: float = 0.0
    tags: Mapping[str, float] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    measured_at: str = ""


class DriftReader(Protocol):
    """What was measured, to read. A catalog that is not there yet has nothing.

    Every method may raise ServiceUnavailable (database gone).
    """

    def drifts(self, collection: str, *, group: str | None = None) -> list[Drift]:
        """Return what was measured of a collection, by group and then by week."""
        ...

    def latest(self) -> list[tuple[str, Drift]]:
        """Return the newest week of each group, with the name of its collection, by both names."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


class DriftStore(DriftReader, Protocol):
    """What was measured, to add to."""

    def store(self, collection: str, found: Sequence[Drift]) -> None:
        """Store weeks of a collection, in the place of what was stored of the same ones.

        One transaction. `measured_at` is when that is.

        Raises:
            CollectionNotFound: no such collection.
            ValueError: a text cannot be stored.
        """
        ...
