"""Durable work with one outcome each: what a job is, and the queue that holds jobs. Pure.

A job waits, runs under a lease, and ends once. A worker *takes* it and renews the lease with each
*beat*. If the worker dies, the lease expires and another worker takes the job, with one attempt
more. The attempts are the fence: a worker that has lost its lease changes the job no more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

JobKind = Literal["ingest", "receive", "remove", "edit", "switch"]
JobState = Literal["waiting", "running", "done", "failed", "cancelled"]
Ending = Literal["done", "failed", "cancelled"]
Payload = Mapping[str, object]
"""JSON values by name: what the job is to do."""

STATES: tuple[JobState, ...] = get_args(JobState)
ENDINGS: tuple[Ending, ...] = get_args(Ending)
SWITCH = "switch"
"""The subject of the steps of a switch; no video has this id."""
MAX_KEY_CHARACTERS = 200
"""The longest idempotency key; a UUID has 36 characters."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: bytes fetched, frames embedded, and the share of the work in [0, 1]."""

    bytes: int = 0
    frames: int = 0
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Job:
    """One job at one moment.

    collection: The name that was asked for, which may be an alias.
    attempts: How often it was taken.
    failures: How often that ended without an end of the job: its worker died, or it waits again
        because something that passes was in the way.
    is_cancelling: Whether it was cancelled while it ran; the worker ends it soon.
    outcome: What a job that is done has done, None before.
    reason: Why it failed, was cancelled or is tried again; empty otherwise.
    by: The name of the principal that asked for it.
    created_at, started_at, ended_at: RFC 3339 in UTC, empty if it has not happened.
    """

    id: str
    kind: JobKind
    collection: str
    payload: Payload
    state: JobState = "waiting"
    attempts: int = 0
    failures: int = 0
    is_cancelling: bool = False
    progress: Progress = field(default_factory=Progress)
    outcome: Payload | None = None
    reason: str = ""
    by: str = ""
    request_id: str = ""
    created_at: str = ""
    started_at: str = ""
    ended_at: str = ""

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.state in ENDINGS

    @property
    def video(self) -> str:
        """The id of the video that it changes; empty for other jobs."""
        return str(self.payload.get("video", ""))

    @property
    def subject(self) -> str:
        """What it changes: jobs of one subject run one after the other. Empty for an ingest."""
        return SWITCH if self.kind == "switch" else self.video


@dataclass(frozen=True, slots=True)
class Counts:
    """How many jobs there are in each state, and since when the oldest one waits.

    oldest_s: Seconds since the job was asked for that waits longest; 0 if none waits.
    """

    of: Mapping[JobState, int]
    oldest_s: float = 0.0


class JobReader(Protocol):
    """The jobs, to read. A catalog that is not there yet has none.

    Every method may raise ServiceUnavailable (database gone).
    """

    def get(self, job_id: str) -> Job:
        """Return a job; raise JobNotFound."""
        ...

    def some(self, job_ids: Sequence[str]) -> dict[str, Job]:
        """Return those of the jobs that exist, by id, in one query."""
        ...

    def keyed(self, by: str, idempotency_key: str) -> Job | None:
        """Return the job that a principal added with a key, or None."""
        ...

    def jobs(
        self,
        *,
        collections: Sequence[str] | None = None,
        state: JobState | None = None,
        kind: JobKind | None = None,
        after: str = "",
        limit: int = 100,
    ) -> list[Job]:
        """Return jobs, the newest first, those that are older than the job `after`.

        Only those of some collections, by the names that were asked for, in one state, of one kind.

        Raises:
            JobNotFound: there is no job `after`.
        """
        ...

    def counts(self) -> Counts:
        """Count the jobs by state."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


class JobQueue(JobReader, Protocol):
    """The jobs, to add, to run and to cancel. Every change is one transaction."""

    def add(
        self,
        kind: JobKind,
        collection: str,
        payload: Payload,
        *,
        by: str,
        request_id: str,
        idempotency_key: str | None = None,
    ) -> Job:
        """Add a job and return it.

        With the same key of the same principal, the job that was added before is returned.

        Raises:
            KeyReused: it was added with the same key and is another one.
            ValueError: a text cannot be stored, or the key is too long.
        """
        ...

    def cancel(self, job_id: str) -> Job:
        """Cancel a job and return it; raise JobNotFound.

        One that waits ends now. One that runs is marked, and ends when its worker has noticed, or
        when its lease expires. One that has ended stays as it is.
        """
        ...

    def take(self, owner: str, lease_s: float) -> Job | None:
        """Take the job that is to run next, for `lease_s` seconds; None if there is none.

        A job is ready if it waits and its pause is over, or if its lease has expired. Jobs that
        change the same video, and the steps of one switch, run in the order in which they were
        added. Of the collections with ready jobs, the one with the fewest running jobs comes
        first, and then the oldest job.
        """
        ...

    def beat(self, job: Job, progress: Progress) -> bool:
        """Renew the lease and store the progress; False if it was lost or the job cancelled."""
        ...

    def finish(
        self, job: Job, state: Ending, outcome: Payload | None = None, reason: str = ""
    ) -> bool:
        """End a job that was taken; False, and no change, if it was lost."""
        ...

    def retry(self, job: Job, reason: str, after_s: float) -> bool:
        """Let a job that failed wait again; False, and no change, if it was lost.

        One that was cancelled meanwhile ends as cancelled.
        """
        ...

    def give_back(self, job: Job) -> bool:
        """Let a job that was taken wait again, as `retry` does, but not as a failure."""
        ...

    def prune(self, older_than_s: float) -> int:
        """Delete the jobs that ended longer ago; return how many."""
        ...
