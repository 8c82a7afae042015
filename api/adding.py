"""How an endpoint adds a job: once for each idempotency key, answered with 202."""

from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends, Header, Request, Response

from api.dependencies import Opened, Queued
from api.job_schemas import JobAnswer
from api.limits import text
from api.principal import Asking, Principal
from api.problems import request_id
from clipseek.errors import KeyReused
from clipseek.jobs import MAX_KEY_CHARACTERS, Job, JobKind, JobQueue, Payload

IdempotencyKey = Annotated[
    Annotated[str, text(1, MAX_KEY_CHARACTERS)] | None,
    Header(
        alias="Idempotency-Key",
        description="A text of your own, such as a UUID, the same for each try of one request: "
        f"it is done once. 1 to {MAX_KEY_CHARACTERS} characters.",
    ),
]


@dataclass(frozen=True, slots=True)
class Adding:
    """Adds the job that one request asks for."""

    queue: JobQueue
    asking: Principal
    request_id: str
    key: str | None
    response: Response
    root: str

    def add(self, kind: JobKind, collection: str, payload: Payload) -> JobAnswer:
        """Add a job, or find the one that was added with the same key; say where it is.

        Raises:
            KeyReused: the key was used for another request.
            ServiceUnavailable: the database cannot be written now.
        """
        job = self.queue.add(
            kind,
            collection,
            payload,
            by=self.asking.name,
            request_id=self.request_id,
            idempotency_key=self.key,
        )
        return self.told(job)

    def repeated(self, kind: JobKind, collection: str, payload: Payload) -> JobAnswer | None:
        """Answer with the job that the same request added before, whatever is true by now.

        Raises:
            KeyReused: the key was used for another request.
        """
        if self.key is None or (job := self.queue.keyed(self.asking.name, self.key)) is None:
            return None
        if (job.kind, job.collection, job.payload) != (kind, collection, payload):
            raise KeyReused(self.key, job.id)
        return self.told(job)

    def told(self, job: Job) -> JobAnswer:
        """Answer with a job, and say where it is."""
        self.response.headers["Location"] = f"{self.root}/v1/jobs/{job.id}"
        self.response.headers["Cache-Control"] = "no-store"
        return JobAnswer.of(job)

    def keyed(self, key: str) -> "Adding":
        """Return what adds a job under another key."""
        return replace(self, key=key)


async def adding(
    request: Request,
    response: Response,
    asking: Asking,
    service: Opened,
    queue: Queued,
    key: IdempotencyKey = None,
) -> Adding:
    """Return what adds the job of a request."""
    root = service.settings.root
    return Adding(queue, asking, request_id(request), key, response, root)


Adds = Annotated[Adding, Depends(adding)]
