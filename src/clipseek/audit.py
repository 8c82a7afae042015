"""The audit: who changed what, or was refused, and when; and what ingests and jobs have done."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

from clipseek.jobs import Job, JobKind

_AGO = re.compile(r"([1-9][0-9]{0,5})([mhd])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


WorkState = Literal["done", "failed", "cancelled", "interrupted"]
_ENDS: Mapping[str, WorkState] = {"done": "done", "cancelled": "cancelled"}


@dataclass(frozen=True, slots=True)
class Work:
    """What an ingest or a job has done, in figures.

    collection: The name that was asked for, which may be an alias.
    state: "failed" if an error ended it or every video failed; "interrupted" by a signal.
    name: How the one video, file or model is called that it was about, or empty.
    seconds: From its start to its end. video_s: Seconds of the videos that were indexed.
    indexed, incomplete, unchanged, failed: Videos, by what became of them.
    frames: Sampled frames. segments: Those that were stored.
    reason: Why it failed, or the first video that did, in a sentence; empty otherwise.
    """

    collection: str
    kind: JobKind
    state: WorkState = "done"
    name: str = ""
    seconds: float = 0.0
    video_s: float = 0.0
    indexed: int = 0
    incomplete: int = 0
    unchanged: int = 0
    failed: int = 0
    frames: int = 0
    segments: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the audit.

    at: RFC 3339 in UTC. who: the name of a key, or the user of a command. what: the command, the
    kind of job, or method and route of a request. address: where a request came from, or empty.
    work: what an ingest or a job has done; None for everything else.
    """

    at: str
    who: str
    what: str
    subject: str
    outcome: str
    address: str = ""
    request_id: str = ""
    work: Work | None = None


class History(Protocol):
    """The ingests and jobs that have ended, to read."""

    def history(
        self,
        *,
        collections: Sequence[str] | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[tuple[int, Entry]]:
        """Return the entries of ingests and jobs with their numbers, the newest first.

        Only those of some collections, by the names that were asked for, and those that have a
        smaller number than `before`. There are none if there is no catalog.

        Raises:
            ServiceUnavailable: the database is gone.
        """
        ...


def work_of(job: Job) -> Work:
    """Return what a job has done that has ended."""
    outcome = job.outcome or {}
    asked = job.payload
    fate = outcome.get("fate")
    named = (asked.get(name) for name in ("title", "name", "model", "video"))
    return Work(
        collection=job.collection,
        kind=job.kind,
        state=_ENDS.get(job.state, "failed"),
        name=next((str(name) for name in named if name), ""),
        seconds=_between(job.started_at, job.ended_at),
        video_s=_number(outcome.get("video_s")),
        indexed=int(fate == "indexed"),
        incomplete=int(fate == "incomplete"),
        unchanged=int(fate == "unchanged"),
        failed=int(job.kind == "ingest" and job.state == "failed"),
        frames=int(_number(outcome.get("frames"))),
        segments=int(_number(outcome.get("segments"))),
        reason=job.reason,
    )


def _between(start: str, end: str) -> float:
    """Return the seconds between two stored times; 0 if something never began."""
    if not (start and end):
        return 0.0
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def since(text: str, now: datetime) -> datetime:
    """Return the moment that a text means: so long ago (`2h`), or a date (`2026-11-28`).

    Raises:
        ValueError: it is neither.
    """
    if ago := _AGO.fullmatch(text):
        return now - int(ago[1]) * _UNITS[ago[2]]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            "a time is a number of days, hours or minutes ago, such as 7d, 2h or 30m, or a date "
            f"such as 2026-11-28 or 2026-11-28T14:00:00Z, got {text!r}"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def stamp(moment: datetime) -> str:
    """Return a moment as it is stored: RFC 3339 in UTC, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
