"""The endpoints of jobs: list them, follow one, cancel one."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import job_examples, openapi_examples, problem_kinds
from api.asked import allowed_collections
from api.dependencies import Followed, Listed, Opened, Queued
from api.job_schemas import JobAnswer, JobId, JobsAnswer, JobsPage
from api.patient_route import PatientRoute
from api.principal import Asking, Permission, Principal, permit
from api.problem_kinds import STORE
from api.reading_router import ReadingRouter
from clipseek.errors import CollectionNotFound, InvalidQuery, JobNotFound, ServiceUnavailable
from clipseek.jobs import Job, JobReader
from clipseek.service import Service

JobIdInPath = Annotated[JobId, Path()]
JOB_SCOPES: tuple[Permission, ...] = ("write", "admin")
_EXAMPLE = f"/v1/jobs/{job_examples.JOB_ID}"

router = ReadingRouter(route_class=PatientRoute)
events_router = APIRouter(route_class=PatientRoute)


@router.get(
    "/v1/jobs",
    tags=["jobs"],
    summary="List the jobs",
    responses=openapi_examples.responses(
        "/v1/jobs",
        InvalidQuery,
        JobNotFound,
        CollectionNotFound,
        problem_kinds.FORBIDDEN,
        *STORE,
        success=job_examples.JOBS_ANSWER,
    ),
)
def jobs(
    asking: Asking, service: Opened, listed: Listed, asked: Annotated[JobsPage, Query()]
) -> JobsAnswer:
    """Return the jobs of the collections that the key allows, the newest first."""
    asking = permit(asking, "write")
    allowed = allowed_collections(asking, service)
    if asked.collection is not None:
        if allowed is not None and asked.collection not in allowed:
            raise CollectionNotFound(asked.collection)
        allowed = frozenset({asked.collection})
    if asked.after is not None:
        _theirs(asking, service, listed, asked.after)
    found = listed.jobs(
        collections=None if allowed is None else sorted(allowed),
        state=asked.state,
        kind=asked.kind,
        after=asked.after or "",
        limit=asked.limit + 1,
    )
    page = found[: asked.limit]
    return JobsAnswer(
        jobs=[JobAnswer.of(job) for job in page],
        next=page[-1].id if len(found) > asked.limit else None,
    )


@router.get(
    "/v1/jobs/{job_id}",
    tags=["jobs"],
    summary="Describe one job",
    responses=openapi_examples.responses(
        _EXAMPLE,
        InvalidQuery,
        JobNotFound,
        problem_kinds.FORBIDDEN,
        *STORE,
        success=job_examples.JOB_ANSWER,
    ),
)
def job(asking: Asking, service: Opened, listed: Listed, job_id: JobIdInPath) -> JobAnswer:
    """Return how far a job is, or how it ended."""
    return JobAnswer.of(_theirs(asking, service, listed, job_id))


@events_router.get(
    "/v1/jobs/{job_id}/events",
    tags=["jobs"],
    summary="Follow one job",
    response_class=Response,
    responses={
        200: {
            "description": "Server-sent events: `progress` when something has changed, and `end` "
            "with the last state. The data of each is the job.",
            "content": {"text/event-stream": {"example": job_examples.EVENTS}},
        },
        **openapi_examples.responses(
            f"{_EXAMPLE}/events",
            InvalidQuery,
            JobNotFound,
            problem_kinds.FORBIDDEN,
            problem_kinds.TOO_MANY_STREAMS,
            *STORE,
        ),
    },
)
async def events(
    asking: Asking, service: Opened, listed: Listed, following: Followed, job_id: JobIdInPath
) -> Response:
    """Send the job now and each time that it has changed, until it has ended."""
    found = await run_in_threadpool(_theirs, asking, service, listed, job_id)
    return following.open(found, asking.name)


@events_router.delete(
    "/v1/jobs/{job_id}",
    tags=["jobs"],
    summary="Cancel one job",
    responses=openapi_examples.responses(
        _EXAMPLE,
        InvalidQuery,
        JobNotFound,
        problem_kinds.FORBIDDEN,
        ServiceUnavailable,
        success=job_examples.CANCELLED_ANSWER,
    ),
)
def cancel(
    asking: Asking, service: Opened, listed: Listed, queue: Queued, job_id: JobIdInPath
) -> JobAnswer:
    """Cancel a job that waits, or let one that runs stop; one that has ended stays as it is."""
    _theirs(asking, service, listed, job_id, of_switches="admin")
    return JobAnswer.of(queue.cancel(job_id))


def _theirs(
    asking: Principal,
    service: Service,
    listed: JobReader,
    job_id: str,
    *,
    of_switches: Permission | None = None,
) -> Job:
    """Return a job of a collection in which somebody may write.

    A step of a switch is also returned to those who may administer the collection, and to them
    alone if `of_switches` is "admin".

    Raises:
        JobNotFound: there is none, or it is not one of these.
        Refused: no scope allows any.
    """
    scopes: list[Permission] = [each for each in JOB_SCOPES if each in asking.scopes]
    if not scopes:
        permit(asking, "write")
    may = {each: allowed_collections(permit(asking, each), service) for each in scopes}
    found = listed.get(job_id)

    def is_allowed(scope: Permission) -> bool:
        names = may.get(scope, frozenset())
        return names is None or found.collection in names

    is_switch = found.kind == "switch"
    if not (is_allowed("write") or (is_switch and is_allowed("admin"))):
        raise JobNotFound(job_id)
    if is_switch and of_switches is not None and not is_allowed(of_switches):
        permit(asking, of_switches)
        raise JobNotFound(job_id)
    return found
