"""Which jobs may be taken, and whose lease is valid: the conditions of the queue in SQL."""

import time
from typing import Any

from sqlalchemy import ColumnElement, Double, Select, and_, cast, exists, func, literal, or_, select

from clipseek.catalog.tables import jobs
from clipseek.jobs import Job

_earlier = jobs.alias("earlier")


def clock(dialect: str) -> ColumnElement[float]:
    """Return the time now in seconds since 1970, by the clock of the database."""
    if dialect == "postgresql":
        return cast(func.extract("epoch", func.clock_timestamp()), Double)
    return literal(time.time(), Double)


def ready(at: ColumnElement[float]) -> ColumnElement[bool]:
    """Return the condition that a job may be taken: it waits, or its lease has expired.

    An earlier job that changes the same video has ended.
    """
    open_before = exists().where(
        _earlier.c.collection == jobs.c.collection,
        _earlier.c.subject == jobs.c.subject,
        _earlier.c.number < jobs.c.number,
        _earlier.c.state.in_(("waiting", "running")),
    )
    is_next = or_(jobs.c.subject == "", ~open_before)
    return and_(jobs.c.state.in_(("waiting", "running")), jobs.c.due <= at, is_next)


def turns(at: ColumnElement[float]) -> Select[Any]:
    """Return the collections with ready jobs: fewest running jobs first, then the oldest job."""
    running = (
        select(func.count())
        .select_from(_earlier)
        .where(
            _earlier.c.collection == jobs.c.collection,
            _earlier.c.state == "running",
            _earlier.c.due > at,
        )
        .correlate(jobs)
        .scalar_subquery()
    )
    return (
        select(jobs.c.collection)
        .where(ready(at))
        .group_by(jobs.c.collection)
        .order_by(running, func.min(jobs.c.number))
    )


def held(job: Job) -> ColumnElement[bool]:
    """Return the condition that a job is still run by the attempt that took it."""
    return and_(jobs.c.id == job.id, jobs.c.state == "running", jobs.c.attempts == job.attempts)
