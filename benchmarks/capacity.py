"""What a library needs, computed from what was measured and what is assumed.

Beyond what was measured, bytes and times are taken to grow with the number of segments.
"""

import math
from dataclasses import dataclass

from benchmarks.measurements import Measurements
from clipseek.index import EXACT_UP_TO

LIBRARIES = (
    (10, 10),
    (50, 100),
    (200, 1_000),
    (1_000, 10_000),
    (10_000, 100_000),
    (100_000, 1_000_000),
    (1_000_000, 5_000_000),
)
"""Users and videos."""

SNAPSHOTS = 2
"""Snapshots on the disk: the published one and the one before."""
ALONE = 10
"""Users that accept an interruption when the only replica restarts."""
FULL = 0.8
"""Share of a machine's memory that a replica may take; two snapshots may be open at once."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What cannot be measured here; the comments say why this default."""

    hours_per_video: float = 0.2  # twelve minutes
    segments_per_hour: float = 720.0  # one in five seconds: about a shot of a video
    seconds_per_sample: float = 1.0  # CLIPSEEK_SAMPLE_FPS
    searches_per_hour: float = 12.0  # of one user in the busiest hour, none of them cached
    utilisation: float = 0.5  # share of the processors that searches may take at that hour
    cores: int = 4  # of a replica
    memory_gib: float = 64.0  # of a machine
    slowest_s: float = 0.25  # processor time that one search may take
    indexers: int = 1  # processes, each with its own videos
    indexer_cores: int = 8  # of each
    queries_per_second: float = 0.0  # of a replica over a small library; 0: as measured
    frames_per_second: float = 0.0  # of an indexer; 0: as measured
    thumbnail_bytes: float = 0.0  # of one; 0: as measured


@dataclass(frozen=True, slots=True)
class Need:
    """What one library needs; sizes in bytes, for all parts together if there are several.

    `parts`: databases that it has to be divided into, by collection; every search goes to each.
    `memory_bytes`: of a replica of one part. `build_bytes`: memory that building a part's snapshot
    takes. `search_s`: CPU time of a search. `asked_per_s`: searches in the busiest hour.
    `replica_per_s`: what one replica answers when its processors do nothing else. `replicas`: of
    all parts.
    """

    users: int
    videos: int
    hours: float
    segments: int
    index: str
    parts: int
    memory_bytes: float
    build_bytes: float
    snapshot_bytes: float
    thumbnail_bytes: float
    database_bytes: float
    search_s: float
    asked_per_s: float
    replica_per_s: float
    replicas: int
    indexing_hours: float


def need(users: int, videos: int, given: Assumptions, measured: Measurements) -> Need:
    """Compute what a library needs."""
    hours = videos * given.hours_per_video
    segments = math.ceil(hours * given.segments_per_hour)
    frames = hours * 3600 / given.seconds_per_sample
    parts = _parts(segments, given, measured)
    asked = users * given.searches_per_hour / 3600
    search_s = _search_s(segments / parts, given, measured)
    rate = given.cores / search_s
    least = 1 if users <= ALONE else 2
    rows = measured.sqlite if measured.postgresql is None else measured.postgresql
    return Need(
        users=users,
        videos=videos,
        hours=hours,
        segments=segments,
        index=_kind(segments / parts, measured),
        parts=parts,
        memory_bytes=_memory(segments / parts, measured),
        build_bytes=_building(segments / parts, measured),
        snapshot_bytes=SNAPSHOTS * segments * _snapshot_bytes(segments / parts, measured),
        thumbnail_bytes=segments * (given.thumbnail_bytes or measured.thumbnail_bytes),
        database_bytes=segments * rows.segment + frames * rows.frame + videos * rows.video,
        search_s=search_s,
        asked_per_s=asked,
        replica_per_s=rate,
        replicas=parts * max(least, math.ceil(asked / (given.utilisation * rate))),
        indexing_hours=frames / _frames_per_s(given, measured) / 3600 / given.indexers,
    )


def _frames_per_s(given: Assumptions, measured: Measurements) -> float:
    """Return the frames that one indexer does in a second, its processors all at work."""
    return given.frames_per_second or given.indexer_cores / measured.frame_cpu_s


def _parts(segments: float, given: Assumptions, measured: Measurements) -> int:
    """Return the smallest number of equal parts, each of which one machine can load and search."""
    return max(1, math.ceil(segments / largest(given, measured).least))


@dataclass(frozen=True, slots=True)
class Largest:
    """Segments of the largest part, by what ends it.

    `memory`: of a replica. `building`: of the indexer. `time`: of a search.
    """

    memory: float
    building: float
    time: float

    @property
    def least(self) -> float:
        """What ends it first."""
        return min(self.memory, self.building, self.time)


def largest(given: Assumptions, measured: Measurements) -> Largest:
    """Return the limits of one machine.

    Raises:
        ValueError: the assumptions leave nothing for the segments.
    """
    room = FULL * given.memory_gib * 2**30 - measured.replica_bytes
    spare_s = given.slowest_s - _small_s(given, measured)
    if room <= 0 or spare_s <= 0:
        raise ValueError(
            f"a replica takes {measured.replica_bytes / 2**30:.2g} GiB and a search "
            f"{_small_s(given, measured):.2g} s before there is a segment, got memory_gib "
            f"{given.memory_gib:g} and slowest_s {given.slowest_s:g}"
        )
    return Largest(
        memory=room / measured.memory_ratio / _snapshot_bytes(math.inf, measured),
        building=room / measured.build_ratio / (4 * measured.dim),
        time=measured.rows
        * (spare_s / measured.approximate_cpu_s) ** (1 / measured.approximate_power),
    )


def _kind(segments: float, measured: Measurements) -> str:
    return "exact" if segments <= EXACT_UP_TO else measured.kind


def _snapshot_bytes(segments: float, measured: Measurements) -> float:
    """Return the bytes of a snapshot for a segment."""
    exact = segments <= EXACT_UP_TO
    return measured.table_bytes + (measured.exact_bytes if exact else measured.approximate_bytes)


def _memory(segments: float, measured: Measurements) -> float:
    """Return the memory of one replica."""
    snapshot = segments * _snapshot_bytes(segments, measured)
    return measured.replica_bytes + measured.memory_ratio * snapshot


def _building(segments: float, measured: Measurements) -> float:
    """Return the memory of the indexer while it builds a snapshot."""
    return measured.replica_bytes + measured.build_ratio * 4 * measured.dim * segments


def _small_s(given: Assumptions, measured: Measurements) -> float:
    """Return the processor time of a search over next to nothing."""
    if given.queries_per_second:
        return given.cores / given.queries_per_second
    return measured.search_cpu_s


def _search_s(segments: float, given: Assumptions, measured: Measurements) -> float:
    """Return the processor time of a search."""
    if segments <= EXACT_UP_TO:
        return _small_s(given, measured) + measured.exact_cpu_s * segments / 1e6
    grown = math.pow(segments / measured.rows, measured.approximate_power)
    return _small_s(given, measured) + measured.approximate_cpu_s * grown


def needs(given: Assumptions, measured: Measurements) -> list[Need]:
    """Compute what each of the libraries needs."""
    return [need(users, videos, given, measured) for users, videos in LIBRARIES]
