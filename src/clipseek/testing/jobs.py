"""A queue of jobs in memory."""

import itertools
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from clipseek.errors import JobNotFound, KeyReused
from clipseek.jobs import (
    MAX_KEY_CHARACTERS,
    STATES,
    Counts,
    Ending,
    Job,
    JobKind,
    JobState,
    Payload,
    Progress,
)

_WHEN = "2026-01-01T00:00:00Z"
"""The time of everything: no time passes in the texts of this queue."""


@dataclass(slots=True)
class _Entry:
    """One job; `due` is when it may be taken, or when it ended."""

    job: Job
    added: float
    key: str | None
    due: float = 0.0
    lease_s: float = 0.0


class MemoryJobs:
    """A `JobQueue` in a dictionary, for one thread."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._entries: dict[str, _Entry] = {}
        self._numbers = itertools.count(1)

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
        """Add a job, or return the one that was added with the same key."""
        if idempotency_key is not None and not 1 <= len(idempotency_key) <= MAX_KEY_CHARACTERS:
            raise ValueError("an idempotency key is empty or too long")
        told = json.dumps([collection, by, request_id, dict(payload)], ensure_ascii=False)
        if "\\u0000" in told or any("\ud800" <= letter <= "\udfff" for letter in told):
            raise ValueError("a text cannot be stored")
        for entry in self._entries.values():
            if idempotency_key is not None and (entry.key, entry.job.by) == (idempotency_key, by):
                job = entry.job
                if [job.kind, job.collection, job.payload] != [kind, collection, payload]:
                    raise KeyReused(idempotency_key, job.id)
                return job
        job_id = f"job-{next(self._numbers)}"
        job = Job(
            job_id,
            kind,
            collection,
            json.loads(json.dumps(dict(payload))),
            by=by,
            request_id=request_id,
            created_at=_WHEN,
        )
        self._entries[job_id] = _Entry(job, self._now(), idempotency_key)
        return job

    def keyed(self, by: str, idempotency_key: str) -> Job | None:
        """Return the job that a principal added with a key, or None."""
        for entry in self._entries.values():
            if (entry.key, entry.job.by) == (idempotency_key, by):
                return entry.job
        return None

    def get(self, job_id: str) -> Job:
        """Return a job; raise JobNotFound."""
        return self._entry(job_id).job

    def some(self, job_ids: Sequence[str]) -> dict[str, Job]:
        """Return those of the jobs that exist."""
        return {each: self._entries[each].job for each in job_ids if each in self._entries}

    def jobs(
        self,
        *,
        collections: Sequence[str] | None = None,
        state: JobState | None = None,
        kind: JobKind | None = None,
        after: str = "",
        limit: int = 100,
    ) -> list[Job]:
        """Return jobs, the newest first."""
        newest = [entry.job for entry in self._entries.values()][::-1]
        if after:
            newest = newest[newest.index(self.get(after)) + 1 :]
        return [
            job
            for job in newest
            if (collections is None or job.collection in collections)
            and (state is None or job.state == state)
            and (kind is None or job.kind == kind)
        ][:limit]

    def counts(self) -> Counts:
        """Count the jobs by state."""
        entries = self._entries.values()
        found = {state: sum(e.job.state == state for e in entries) for state in STATES}
        waiting = [self._now() - e.added for e in entries if e.job.state == "waiting"]
        return Counts({state: n for state, n in found.items() if n}, max(waiting, default=0.0))

    def close(self) -> None:
        """Keep everything: there is nothing to give back."""

    def cancel(self, job_id: str) -> Job:
        """Cancel a job and return it."""
        entry = self._entry(job_id)
        if entry.job.state == "waiting":
            self._end(entry, "cancelled", "it was cancelled")
        elif entry.job.state == "running":
            entry.job = replace(entry.job, is_cancelling=True)
        return entry.job

    def take(self, owner: str, lease_s: float) -> Job | None:  # noqa: ARG002  # nobody asks whose
        """Take the job that is to run next."""
        now = self._now()
        for entry in self._entries.values():
            if entry.job.is_cancelling and self._is_ready(entry, now):
                self._end(entry, "cancelled", "it was cancelled")
        busy: dict[str, int] = {}
        for entry in self._entries.values():
            if entry.job.state == "running" and entry.due > now:
                busy[entry.job.collection] = busy.get(entry.job.collection, 0) + 1
        ready = [entry for entry in self._entries.values() if self._is_ready(entry, now)]
        if not ready:
            return None
        entry = min(ready, key=lambda each: busy.get(each.job.collection, 0))
        entry.due, entry.lease_s = now + lease_s, lease_s
        entry.job = replace(
            entry.job,
            state="running",
            attempts=entry.job.attempts + 1,
            failures=entry.job.failures + (entry.job.state == "running"),
            started_at=_WHEN,
            reason="",
        )
        return entry.job

    def beat(self, job: Job, progress: Progress) -> bool:
        """Renew the lease and store the progress."""
        entry = self._held(job)
        if entry is None or entry.job.is_cancelling:
            return False
        entry.due = self._now() + entry.lease_s
        entry.job = replace(entry.job, progress=progress)
        return True

    def finish(
        self, job: Job, state: Ending, outcome: Payload | None = None, reason: str = ""
    ) -> bool:
        """End a job that was taken."""
        entry = self._held(job)
        if entry is None:
            return False
        self._end(entry, state, reason, outcome)
        return True

    def retry(self, job: Job, reason: str, after_s: float) -> bool:
        """Let a job that failed wait again."""
        if not self.give_back(job):
            return False
        entry = self._entry(job.id)
        if not entry.job.is_over:
            entry.due = self._now() + after_s
            entry.job = replace(entry.job, reason=reason, failures=entry.job.failures + 1)
        return True

    def give_back(self, job: Job) -> bool:
        """Let a job that was taken wait again."""
        entry = self._held(job)
        if entry is None:
            return False
        if entry.job.is_cancelling:
            self._end(entry, "cancelled", "it was cancelled")
        else:
            entry.due = self._now()
            entry.job = replace(entry.job, state="waiting")
        return True

    def prune(self, older_than_s: float) -> int:
        """Delete the jobs that ended longer ago."""
        limit = self._now() - older_than_s
        old = [e.job.id for e in self._entries.values() if e.job.is_over and e.due < limit]
        for job_id in old:
            del self._entries[job_id]
        return len(old)

    def _entry(self, job_id: str) -> _Entry:
        if job_id not in self._entries:
            raise JobNotFound(job_id)
        return self._entries[job_id]

    def _held(self, job: Job) -> _Entry | None:
        entry = self._entries.get(job.id)
        if entry is None or entry.job.state != "running" or entry.job.attempts != job.attempts:
            return None
        return entry

    def _is_ready(self, entry: _Entry, now: float) -> bool:
        if entry.job.is_over or entry.due > now:
            return False
        for other in self._entries.values():
            if other is entry:
                return True
            same = (other.job.collection, other.job.subject) == (
                entry.job.collection,
                entry.job.subject,
            )
            if entry.job.subject and same and not other.job.is_over:
                return False
        return True

    def _end(
        self, entry: _Entry, state: Ending, reason: str, outcome: Payload | None = None
    ) -> None:
        entry.due = self._now()
        entry.job = replace(
            entry.job,
            state=state,
            reason=reason,
            outcome=outcome,
            ended_at=_WHEN,
            is_cancelling=False,
        )
