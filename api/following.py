"""Following jobs: streams of events, all of them fed by one query a second."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api import problem_kinds
from api.job_schemas import JobAnswer
from api.problems import Refused
from clipseek.errors import ClipseekError
from clipseek.jobs import Job, JobReader

POLL_S = 1.0
HEARTBEAT_S = 5.0
"""Seconds without news after which a comment is sent: nginx ends a connection after 10."""
MAX_STREAMS = 256
MAX_STREAMS_OF_ONE = 64
"""The most streams that are open at the same time, of everybody and of one principal."""
RETRY_MS = 2000

log = logging.getLogger("clipseek.api")


@dataclass(slots=True, eq=False)
class Watch:
    """One open stream: the job as it was last seen, and whether there is news."""

    job: Job
    principal: str
    is_cut: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)


class Following:
    """The open streams of events. Used by the event loop alone."""

    def __init__(self, jobs: JobReader, is_ending: Callable[[], bool]) -> None:
        """Take what reads jobs, and what says whether the server is about to end."""
        self._jobs = jobs
        self._is_ending = is_ending
        self._watches: set[Watch] = set()
        self._polling: asyncio.Task[None] | None = None

    def open(self, job: Job, principal: str) -> "EventStream":
        """Return the stream of a job's events.

        Raises:
            Refused: as many streams are open as may be.
        """
        theirs = Counter(watch.principal for watch in self._watches)[principal]
        if len(self._watches) >= MAX_STREAMS or theirs >= MAX_STREAMS_OF_ONE:
            raise Refused(
                problem_kinds.TOO_MANY_STREAMS,
                f"at most {MAX_STREAMS_OF_ONE} streams of one key and {MAX_STREAMS} of all are "
                "open at the same time; close one, or ask for the job now and then",
                {"Retry-After": "5"},
            )
        watch = Watch(job, principal)
        self._watches.add(watch)
        if self._polling is None or self._polling.done():
            self._polling = asyncio.get_running_loop().create_task(self._poll())
        return EventStream(self, watch)

    def close(self, watch: Watch) -> None:
        """Forget a stream that has ended."""
        self._watches.discard(watch)

    async def _poll(self) -> None:
        """Look at all jobs that are followed, until none is."""
        try:
            while self._watches and not self._is_ending():
                await asyncio.sleep(POLL_S)
                watches = list(self._watches)  # others are opened while the query runs
                ids = list({watch.job.id for watch in watches})
                try:
                    found = await run_in_threadpool(self._jobs.some, ids)
                except ClipseekError as error:
                    log.warning("jobs cannot be followed now: %s", error)
                    continue
                for watch in watches:
                    _tell(watch, found.get(watch.job.id))
        finally:
            # The server ends, or something unexpected has happened: clients connect again.
            for watch in self._watches:
                _tell(watch, None)


def _tell(watch: Watch, job: Job | None) -> None:
    """Let a stream have the job as it is now; without one, the stream ends."""
    if job is None:
        watch.is_cut = True
    elif job == watch.job:
        return
    else:
        watch.job = job
    watch.news.set()


async def events(watch: Watch) -> AsyncIterator[str]:
    """Yield the events of one stream in the format of the HTML standard, section 9.2."""
    yield f"retry: {RETRY_MS}\n\n"
    yield _event(watch.job)
    while not watch.job.is_over:
        try:
            await asyncio.wait_for(watch.news.wait(), HEARTBEAT_S)
        except TimeoutError:
            yield ": no news\n\n"
            continue
        watch.news.clear()
        if watch.is_cut:
            return
        yield _event(watch.job)


def _event(job: Job) -> str:
    name = "end" if job.is_over else "progress"
    return f"event: {name}\ndata: {JobAnswer.of(job).model_dump_json()}\n\n"


class EventStream(StreamingResponse):
    """Sends the events of a job until it has ended or the client has left."""

    def __init__(self, following: Following, watch: Watch) -> None:
        # nginx sends each event at once if it is told so (X-Accel-Buffering).
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(events(watch), headers=headers, media_type="text/event-stream")
        self._following = following
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events, and forget the stream however that ends."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._following.close(self._watch)
