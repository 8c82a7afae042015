"""A week of a camera or folder, compared with the weeks before: what has changed, what is wrong."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from clipseek.curation import drift, quality
from clipseek.curation.quality import Look
from clipseek.drifts import Compared, Drift, Fault
from clipseek.ranking import ALIKE

FRAMES = 200
"""Frames of a week that are looked at: spread over its videos, and so over its days and hours."""

BEFORE = 400
"""Frames of the weeks before that they are compared with."""

WEEKS = 8
"""So many weeks before count, but none from before the last alarm: each change is told once."""

SOFTER = math.log(0.7)
"""A week is blurred if it is less sharp by chance's measure, and by 30 % at least."""

BLIND, BLIND_BEFORE = 0.5, 0.25
"""A week is blind if half of its pictures show nothing, and less than a quarter did before."""

FROZEN, FROZEN_BEFORE = 0.95, 0.8
"""A camera is frozen if its picture is the same for 95 % of the time, and was not before."""

_BINS = 30


@dataclass(frozen=True, slots=True)
class Week:
    """What was looked at of a group of videos in a week.

    videos: How many there are. frames: Vectors of sampled frames, unit rows. blocks of both are the
    videos, or the hours of a camera. looks: What was measured of thumbnails, with their blocks.
    still: Share of the time without anything new. tags: Of the videos, and how many have each.
    """

    week: str
    videos: int
    frames: drift.Sample
    looks: Sequence[Look] = ()
    look_blocks: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    still: float = 0.0
    tags: Mapping[str, int] = field(default_factory=dict)


def week_of(seconds: float) -> str:
    """Return the week of a time in seconds since 1970, in UTC, as ISO 8601 writes it."""
    year, week, _ = datetime.fromtimestamp(seconds, UTC).isocalendar()
    return f"{year}-W{week:02d}"


def judge(group: str, weeks: Sequence[Week], *, is_camera: bool) -> list[Drift]:
    """Compare each week with those before it; return what was found, in the same order.

    The same weeks give the same numbers.
    """
    found: list[Drift] = []
    known: list[Week] = []
    for week in weeks:
        judged = _judge(group, week, known[-WEEKS:], is_camera=is_camera)
        found.append(judged)
        known = [week] if "changed" in judged.faults else [*known, week]
    return found


def _judge(group: str, week: Week, before: Sequence[Week], *, is_camera: bool) -> Drift:
    looks = week.looks
    judged = Drift(
        group=group,
        week=week.week,
        videos=week.videos,
        frames=len(week.frames),
        pictures=len(looks),
        before=sum(len(each.frames) for each in before),
        brightness=_median([each.brightness for each in looks]),
        contrast=_median([each.contrast for each in looks]),
        sharpness=_median([each.sharpness for each in looks]),
        blind=_blind(week),
        still=week.still,
        repeats=repeats(week.frames),
        tags=_shares(week),
    )
    if before:
        content, view, sharp = _compared(group, week, before)
        judged = replace(judged, content=content, view=view, sharp=sharp)
    return replace(judged, faults=_faults(judged, before, is_camera=is_camera))


def _compared(group: str, week: Week, before: Sequence[Week]) -> tuple[Compared | None, ...]:
    seed = hashlib.sha256(f"{group}\0{week.week}".encode()).digest()[:8]
    rng = np.random.default_rng(int.from_bytes(seed, "big"))
    frames = _joined([each.frames for each in before])
    views = _joined([_views(each) for each in before])
    sharp = _joined([_sharp(each) for each in before])
    return (
        _compare(frames, week.frames, rng),
        _compare(views, _views(week), rng),
        _compare(sharp, _sharp(week), rng),
    )


def _compare(before: drift.Sample, now: drift.Sample, rng: np.random.Generator) -> Compared | None:
    if not len(before) or not len(now):
        return None
    found = drift.compare(before, now, rng)
    end = float(max(found.null.max(), found.statistic)) or 1.0
    counts, _ = np.histogram(found.null, _BINS, (0, end))
    return Compared(
        statistic=found.statistic,
        distance=found.distance,
        p=found.p,
        can_tell=found.can_tell,
        is_alarm=found.is_alarm,
        null=tuple(counts.tolist()),
        null_end=end,
    )


def _joined(samples: Sequence[drift.Sample]) -> drift.Sample:
    """Return the rows of several weeks, at most `BEFORE` of them, evenly from each."""
    samples = [each for each in samples if len(each)]
    if not samples:
        return drift.Sample(np.zeros((0, 1), np.float32), np.zeros(0, np.int64))
    vectors = np.concatenate([each.vectors for each in samples])
    blocks = np.concatenate([each.blocks for each in samples])
    rows = spread(len(blocks), BEFORE)
    return drift.Sample(vectors[rows], blocks[rows])


def spread(count: int, most: int) -> NDArray[np.int64]:
    """Return at most so many of `count` rows, evenly spread, int64, ascending."""
    if count <= most:
        return np.arange(count)
    return np.floor((np.arange(most) + 0.5) * count / most).astype(np.int64)


def _views(week: Week) -> drift.Sample:
    grids = [each.grid for each in week.looks]
    shape = (0, quality.GRID[0] * quality.GRID[1])
    return drift.Sample(np.stack(grids) if grids else np.zeros(shape, "f4"), week.look_blocks)


def _sharp(week: Week) -> drift.Sample:
    rows = np.array([[each.sharpness] for each in week.looks], np.float32).reshape(-1, 1)
    return drift.Sample(rows, week.look_blocks)


def repeats(frames: drift.Sample) -> float:
    """Return the share of frames that are near-identical with one of another block."""
    if not len(frames):
        return 0.0
    other = frames.blocks[:, None] != frames.blocks
    alike = (frames.vectors @ frames.vectors.T >= ALIKE) & other
    return float(alike.any(axis=1).mean())


def _shares(week: Week) -> dict[str, float]:
    ordered = sorted(week.tags.items(), key=lambda tag: (-tag[1], tag[0]))
    return {tag: count / max(1, week.videos) for tag, count in ordered}


def _faults(found: Drift, before: Sequence[Week], *, is_camera: bool) -> tuple[Fault, ...]:
    faults: list[Fault] = []
    if any(each is not None and each.is_alarm for each in (found.content, found.view)):
        faults.append("changed")
    sharpness = [look.sharpness for each in before for look in each.looks]
    is_softer = found.sharpness - _median(sharpness) <= SOFTER
    if found.sharp is not None and found.sharp.is_alarm and is_softer:
        faults.append("blurred")
    was_blind = max((_blind(each) for each in before), default=0.0)
    if found.blind >= BLIND and was_blind < BLIND_BEFORE:
        faults.append("blind")
    was_still = max((each.still for each in before), default=0.0)
    if is_camera and found.still >= FROZEN and was_still < FROZEN_BEFORE:
        faults.append("frozen")
    return tuple(faults)


def _blind(week: Week) -> float:
    return sum(look.is_blind for look in week.looks) / max(1, len(week.looks))


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if len(values) else 0.0
