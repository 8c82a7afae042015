"""Holds: spans of recordings that are kept whatever their age; and what retention looks at. Pure.

Times are seconds since 1970.
"""

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol, Self

from clipseek.errors import RequestError

MAX_REASON_CHARACTERS = 1000
LATE_S = 3600.0
"""A recorder stops seconds after its camera was removed; what it stores until then goes, too."""


class HoldNotFound(RequestError):
    """There is no hold with this id."""

    def __init__(self, hold_id: str) -> None:
        self.hold_id = hold_id
        super().__init__(f"no hold {hold_id!r}; `indexer hold list` prints the holds")

    @property
    def told(self) -> str:
        """The message without the command."""
        return f"no hold {self.hold_id!r}; check its id"


@dataclass(frozen=True, slots=True)
class Hold:
    """A span of what a camera has recorded, which is kept until the hold is removed.

    reason: Why, such as the number of a case. by: Who asked for it.
    start_at, end_at, created_at: RFC 3339 in UTC.

    Raises:
        ValueError: the span is empty, or the reason too long or missing.
    """

    camera: str
    start_at: str
    end_at: str
    reason: str
    by: str = ""
    id: str = field(default_factory=lambda: secrets.token_hex(9))
    created_at: str = ""

    def in_utc(self) -> Self:
        """Return the same hold with its times as they are stored."""
        times = (datetime.fromisoformat(time) for time in (self.start_at, self.end_at))
        start, end = (
            time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            for time in times
        )
        return replace(self, start_at=start, end_at=end)

    def __post_init__(self) -> None:
        if not 0 < len(self.reason) <= MAX_REASON_CHARACTERS:
            raise ValueError(
                f"the reason of a hold has 1 to {MAX_REASON_CHARACTERS} characters, got "
                f"{len(self.reason)}"
            )
        if not seconds_of(self.start_at) < seconds_of(self.end_at):
            raise ValueError(
                f"a hold must end after it starts ({self.start_at}), got {self.end_at}"
            )


@dataclass(frozen=True, slots=True)
class Chunk:
    """A video that a camera has recorded. uri: Its file, or camera://… without one."""

    id: str
    camera: str
    uri: str
    start: float
    end: float
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Rule:
    """How long, and how much of what some cameras have recorded in a collection is kept.

    camera: One of them; None for all together. retain_s, retain_bytes: None for ever, and for all.
    before: Of a camera that was removed with its recordings: what began before that is let go,
    whatever its age. None for all others.
    """

    collection: str
    camera: str | None
    retain_s: float | None
    retain_bytes: int | None
    before: float | None = None

    def is_over(self, chunks: Sequence[Chunk], *, now: float) -> bool:
        """Whether a camera was removed long ago, and nothing is left of what it has recorded.

        chunks: What is left in the collection of a camera of this name.
        """
        if self.before is None or now - self.before < LATE_S:
            return False
        return all(chunk.start >= self.before for chunk in chunks)


def expired(
    chunks: Sequence[Chunk],
    rule: Rule,
    kept: Sequence[tuple[str, float, float]],
    *,
    now: float,
) -> list[Chunk]:
    """Return the chunks that a rule lets go, oldest first.

    A chunk is as old as its end, so one that is still recorded stays. By bytes the oldest go until
    the others fit; the newest of each camera stays, because it may still grow. What is kept counts
    for the bytes, and stays: a camera, and seconds from and to; it keeps each chunk that it
    overlaps.
    """
    rest = [chunk for chunk in chunks if not is_kept(chunk, kept)]
    if rule.before is not None:
        gone = [chunk for chunk in rest if chunk.start < rule.before]
        return sorted(gone, key=lambda each: (each.start, each.id))
    newest = {chunk.camera: chunk.id for chunk in sorted(chunks, key=lambda each: each.start)}
    loose = {chunk.id for chunk in rest} - set(newest.values())
    room = math.inf if rule.retain_bytes is None else rule.retain_bytes
    room -= sum(chunk.size_bytes for chunk in chunks if chunk.id not in loose)
    gone = []
    for chunk in sorted(rest, key=lambda each: (each.start, each.id), reverse=True):
        if chunk.id in loose:
            room -= chunk.size_bytes
        is_old = rule.retain_s is not None and now - chunk.end > rule.retain_s
        if is_old or (room < 0 and chunk.id in loose):
            gone.append(chunk)
    return gone[::-1]


def is_kept(chunk: Chunk, kept: Sequence[tuple[str, float, float]]) -> bool:
    """Whether something keeps a chunk: the same camera, and a span that it overlaps."""
    return any(
        camera == chunk.camera and start < chunk.end and chunk.start < end
        for camera, start, end in kept
    )


def seconds_of(time: str) -> float:
    """Return a time of RFC 3339 in seconds since 1970; raise ValueError."""
    found = datetime.fromisoformat(time)
    if found.tzinfo is None:
        raise ValueError(f"a time must have a time zone, such as 2026-11-28T09:30:00Z, got {time}")
    return found.astimezone(UTC).timestamp()


class Retaining(Protocol):
    """What retention reads and writes beside the catalog."""

    def rules(self) -> list[Rule]:
        """Return the rules that let something go: of cameras, and of collections."""
        ...

    def chunks(self, collection: str, camera: str | None) -> list[Chunk]:
        """Return what a camera has recorded in a collection, or what all have."""
        ...

    def kept(self) -> list[tuple[str, float, float]]:
        """Return what is kept: by holds, and by alerts of watches that keep; see `expired`."""
        ...

    def let_go(self, collection: str, chunks: Sequence[Chunk]) -> list[Chunk]:
        """Decide that chunks are removed, but for those that are kept by now; return the others.

        One transaction, during which nobody holds a span: a hold that is stored before it keeps its
        chunks, and one that is stored after it finds them removed, or about to be.
        """
        ...

    def going(self) -> list[tuple[str, Chunk]]:
        """Return what was decided and is not removed yet, with the names of the collections."""
        ...

    def limit(self, collection: str, retain_s: float | None, retain_bytes: int | None) -> None:
        """Say how long, and how much of what cameras record in a collection is kept.

        Raises:
            CollectionNotFound: there is no such collection.
        """
        ...

    def depart(self, collection: str, camera: str, before: float) -> None:
        """Say that a camera was removed with all that began before a time: a rule from now on."""
        ...

    def forget(self, rule: Rule) -> None:
        """Remove the rule of a camera that was removed, because nothing is left of it."""
        ...

    def holds(self, *, cameras: Sequence[str] | None = None) -> list[Hold]:
        """Return the holds, the oldest first: all, or those on some cameras."""
        ...

    def hold(self, hold: Hold) -> Hold:
        """Store a hold, and return it as it is stored."""
        ...

    def release(self, hold_id: str) -> Hold:
        """Remove a hold and return it; raise HoldNotFound."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...
