"""SqlJobs: the queue of jobs in the database of the catalog, SQLite or PostgreSQL."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    case,
    delete,
    func,
    insert,
    select,
    update,
)

from clipseek.catalog import leases, upserts
from clipseek.catalog.database import WAIT_S, Database
from clipseek.catalog.ledger import Ledger
from clipseek.catalog.rows import now, storable
from clipseek.catalog.tables import among, jobs
from clipseek.errors import JobNotFound, KeyReused
from clipseek.jobs import (
    ENDINGS,
    MAX_KEY_CHARACTERS,
    Counts,
    Ending,
    Job,
    JobKind,
    JobState,
    Payload,
    Progress,
)

CONNECTIONS = 4
"""The most connections of one queue: each of its transactions takes milliseconds."""


class SqlJobReader(Ledger):
    """A `JobReader`; the right to SELECT is enough. Thread-safe."""

    @classmethod
    def open(cls, url: str, *, wait_s: float = WAIT_S) -> Self:
        """Open the catalog at a URL, which need not exist yet; nothing is made or written."""
        return cls(Database.at(url, read_only=True, wait_s=wait_s, most=CONNECTIONS))

    def get(self, job_id: str) -> Job:
        """Return a job; raise JobNotFound."""
        found = self.some([job_id])
        if job_id not in found:
            raise JobNotFound(job_id)
        return found[job_id]

    def some(self, job_ids: Sequence[str]) -> dict[str, Job]:
        """Return those of the jobs that exist, by id, in one query."""
        wanted = among(jobs.c.id, job_ids, self._database.dialect)
        return {job.id: job for job in self._jobs(select(jobs).where(wanted))}

    def keyed(self, by: str, idempotency_key: str) -> Job | None:
        """Return the job that a principal added with a key, or None."""
        same = and_(jobs.c.principal == by, jobs.c.idempotency_key == idempotency_key)
        return next(iter(self._jobs(select(jobs).where(same))), None)

    def jobs(
        self,
        *,
        collections: Sequence[str] | None = None,
        state: JobState | None = None,
        kind: JobKind | None = None,
        after: str = "",
        limit: int = 100,
    ) -> list[Job]:
        """Return jobs, the newest first, those that are older than the job `after`."""
        query = select(jobs).order_by(jobs.c.number.desc()).limit(limit)
        if collections is not None:
            query = query.where(among(jobs.c.collection, collections, self._database.dialect))
        if state is not None:
            query = query.where(jobs.c.state == state)
        if kind is not None:
            query = query.where(jobs.c.kind == kind)
        if after:
            self.get(after)
            other = jobs.alias()
            number = select(other.c.number).where(other.c.id == after).scalar_subquery()
            query = query.where(jobs.c.number < number)
        return self._jobs(query)

    def counts(self) -> Counts:
        """Count the jobs by state."""
        query = select(jobs.c.state, func.count(), func.min(jobs.c.created_at))
        found = self._rows(query.group_by(jobs.c.state))
        rows = {state: (count, oldest) for state, count, oldest in found}
        oldest_s = 0.0
        if "waiting" in rows:
            since = datetime.now(UTC) - datetime.fromisoformat(rows["waiting"][1])
            oldest_s = max(0.0, since.total_seconds())
        return Counts({state: count for state, (count, _) in rows.items()}, oldest_s)

    def _jobs(self, query: Select[Any]) -> list[Job]:
        return [_job(row._mapping) for row in self._rows(query)]


class SqlJobs(SqlJobReader):
    """A `JobQueue` in a SQL database. Thread-safe.

    The leases of PostgreSQL are compared with the clock of the server, so that the clocks of its
    clients may differ. The clients of a SQLite file are on one machine.
    """

    @classmethod
    def open(cls, url: str, *, wait_s: float = WAIT_S) -> Self:
        """Open the catalog at a URL, which must exist when the first job is added."""
        return cls(Database.at(url, create=False, wait_s=wait_s, most=CONNECTIONS))

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
        """Add a job and return it, or the one that was added with the same key."""
        _require_key(idempotency_key)
        storable(collection=collection, by=by, request_id=request_id, key=idempotency_key or "")
        for text in _texts(payload):
            storable(payload=text)
        job = Job(secrets.token_urlsafe(16), kind, collection, dict(payload), by=by)
        values = {
            "id": job.id,
            "kind": kind,
            "collection": collection,
            "subject": job.subject,
            "payload": job.payload,
            "state": job.state,
            "attempts": 0,
            "failures": 0,
            "is_cancelling": False,
            "progress": asdict(job.progress),
            "reason": "",
            "principal": by,
            "idempotency_key": idempotency_key,
            "request_id": request_id,
            "created_at": now(),
            "started_at": "",
            "ended_at": "",
            "owner": "",
            "lease_s": 0.0,
            "due": 0.0,
        }
        with self._writing() as connection:
            if idempotency_key is None:
                plain = insert(jobs).values(values).returning(jobs)
                return _job(connection.execute(plain).one()._mapping)
            made = upserts.into(connection, jobs)
            added = made.values(values).on_conflict_do_nothing().returning(jobs)
            if (row := connection.execute(added).one_or_none()) is not None:
                return _job(row._mapping)
            same = and_(jobs.c.principal == by, jobs.c.idempotency_key == idempotency_key)
            before = _job(connection.execute(select(jobs).where(same)).one()._mapping)
        if (before.kind, before.collection, before.payload) != (kind, collection, job.payload):
            raise KeyReused(idempotency_key, before.id)
        return before

    def cancel(self, job_id: str) -> Job:
        """Cancel a job and return it; one that runs is marked."""
        this = jobs.c.id == job_id
        with self._writing() as connection:
            # Locked, because a worker that gives it back just now would hide it from both states.
            state = connection.scalar(select(jobs.c.state).where(this).with_for_update())
            if state is None:
                raise JobNotFound(job_id)
            if state in ENDINGS:
                return _job(connection.execute(select(jobs).where(this)).one()._mapping)
            values = _cancelled(connection) if state == "waiting" else {"is_cancelling": True}
            cancelled = update(jobs).where(this).values(values).returning(jobs)
            return _job(connection.execute(cancelled).one()._mapping)

    def take(self, owner: str, lease_s: float) -> Job | None:
        """Take the job that is to run next, for `lease_s` seconds; None if there is none."""
        clock = leases.clock(self._database.dialect)
        if not self._rows(select(jobs.c.number).where(leases.ready(clock)).limit(1)):
            return None  # without a writing transaction, because idle workers ask again and again
        with self._writing() as connection:
            given_up = and_(leases.ready(clock), jobs.c.is_cancelling)
            _changed(connection, given_up, _cancelled(connection))
            for collection in connection.scalars(leases.turns(clock)).all():
                job = _take_from(connection, collection, owner, lease_s)
                if job is not None:
                    return job
        return None

    def beat(self, job: Job, progress: Progress) -> bool:
        """Renew the lease and store the progress; False if it was lost or the job cancelled."""
        with self._writing() as connection:
            due = leases.clock(connection.dialect.name) + jobs.c.lease_s
            mine = and_(leases.held(job), ~jobs.c.is_cancelling)
            values = {"due": due, "progress": asdict(progress)}
            return _changed(connection, mine, values) > 0

    def finish(
        self, job: Job, state: Ending, outcome: Payload | None = None, reason: str = ""
    ) -> bool:
        """End a job that was taken; False, and no change, if it was lost."""
        values: dict[str, Any] = {"state": state, "reason": reason, "ended_at": now()}
        if outcome is not None:
            values["outcome"] = dict(outcome)
        with self._writing() as connection:
            values["due"] = leases.clock(connection.dialect.name)
            return _changed(connection, leases.held(job), values) > 0

    def retry(self, job: Job, reason: str, after_s: float) -> bool:
        """Let a job that failed wait again; False, and no change, if it was lost."""
        return self._wait(job, reason, after_s, failures=1)

    def give_back(self, job: Job) -> bool:
        """Let a job that was taken wait again, as `retry` does, but not as a failure."""
        return self._wait(job, "", 0.0, failures=0)

    def _wait(self, job: Job, reason: str, after_s: float, *, failures: int) -> bool:
        with self._writing() as connection:
            unwanted = and_(leases.held(job), jobs.c.is_cancelling)
            ended = _changed(connection, unwanted, _cancelled(connection))
            values = {
                "state": "waiting",
                "reason": reason,
                "failures": jobs.c.failures + failures,
                "due": leases.clock(connection.dialect.name) + after_s,
            }
            return ended + _changed(connection, leases.held(job), values) > 0

    def prune(self, older_than_s: float) -> int:
        """Delete the jobs that ended longer ago; return how many."""
        with self._writing() as connection:
            limit = leases.clock(connection.dialect.name) - older_than_s
            old = and_(jobs.c.state.in_(ENDINGS), jobs.c.due < limit)
            return connection.execute(delete(jobs).where(old)).rowcount


def _take_from(connection: Connection, collection: str, owner: str, lease_s: float) -> Job | None:
    """Take the oldest ready job of a collection that no other transaction is taking."""
    clock = leases.clock(connection.dialect.name)
    oldest = (
        select(jobs.c.number)
        .where(leases.ready(clock), jobs.c.collection == collection)
        .order_by(jobs.c.number)
        .limit(1)
        .with_for_update(skip_locked=True, of=jobs)
    )
    number = connection.scalar(oldest)
    if number is None:
        return None
    started = func.coalesce(func.nullif(jobs.c.started_at, ""), now())
    taken = (
        update(jobs)
        .where(jobs.c.number == number)
        .values(
            state="running",
            attempts=jobs.c.attempts + 1,
            failures=jobs.c.failures + case((jobs.c.state == "running", 1), else_=0),
            owner=owner,
            lease_s=float(lease_s),
            due=clock + float(lease_s),
            started_at=started,
            reason="",
        )
        .returning(jobs)
    )
    return _job(connection.execute(taken).one()._mapping)


def _changed(connection: Connection, which: ColumnElement[bool], values: dict[str, Any]) -> int:
    """Change some jobs; return how many."""
    return connection.execute(update(jobs).where(which).values(values)).rowcount


def _cancelled(connection: Connection) -> dict[str, Any]:
    """Return the values of a job that ends because it was cancelled."""
    return {
        "state": "cancelled",
        "reason": "it was cancelled",
        "ended_at": now(),
        "due": leases.clock(connection.dialect.name),
    }


def _require_key(key: str | None) -> None:
    if key is not None and not 0 < len(key) <= MAX_KEY_CHARACTERS:
        raise ValueError(
            f"an idempotency key must have 1 to {MAX_KEY_CHARACTERS} characters, got {len(key)}"
        )


def _texts(value: object) -> Iterator[str]:
    """Yield every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _job(row: RowMapping) -> Job:
    progress = row["progress"]
    return Job(
        id=row["id"],
        kind=row["kind"],
        collection=row["collection"],
        payload=row["payload"],
        state=row["state"],
        attempts=row["attempts"],
        failures=row["failures"],
        is_cancelling=row["is_cancelling"] and row["state"] == "running",
        progress=Progress(progress["bytes"], progress["frames"], progress["share"]),
        outcome=row["outcome"],
        reason=row["reason"],
        by=row["principal"],
        request_id=row["request_id"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
    )
