"""Searches that wait for their turn, and then run together in one worker thread."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from api import problems
from api.problems import Refused
from clipseek.search import MAX_BATCH
from clipseek.types import SearchRequest

RETRY_AFTER = {"Retry-After": "1"}
"""What waits now is done or refused within seconds."""

Answer = TypeVar("Answer")


class Observer(Protocol):
    """Hears what becomes of searches."""

    def batch(self, size: int) -> None:
        """A batch of so many searches begins."""
        ...

    def shed(self, reason: str, count: int) -> None:
        """So many searches were refused: the queue was `full`, or their `deadline` passed."""
        ...


@dataclass(slots=True, eq=False)
class _Job(Generic[Answer]):
    """One search that is to be computed, for all who asked for it."""

    request: SearchRequest
    answer: asyncio.Future[Answer]
    timer: asyncio.TimerHandle | None = None


class Batcher(Generic[Answer]):
    """Runs searches in batches, one batch at a time, off the event loop.

    A search that finds nothing running starts at once. Those that come while a batch runs wait,
    and are the next batch together, up to `MAX_BATCH`. Equal searches are computed once: who asks
    for one that waits or runs gets its answer. Used from one event loop at a time.
    """

    def __init__(
        self,
        compute: Callable[[Sequence[SearchRequest]], Sequence[Answer]],
        observer: Observer,
        *,
        queue: int,
        deadline_s: float,
    ) -> None:
        """Keep `compute`, which answers a batch in the worker thread."""
        self._compute = compute
        self._observer = observer
        self._queue = queue
        self._deadline_s = deadline_s
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="search")
        self._waiting: dict[SearchRequest, _Job[Answer]] = {}
        self._running: dict[SearchRequest, _Job[Answer]] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many searches wait for their turn."""
        return len(self._waiting)

    async def answer(self, requests: Sequence[SearchRequest]) -> list[tuple[Answer, bool]]:
        """Return for each request its answer, and whether another one had asked for it before.

        Raises:
            Refused: the queue is full, or a search waited for longer than the deadline.
        """
        known = [self._known(request) is not None for request in requests]
        self._require_room(len(set(itertools.compress(requests, (not k for k in known)))))
        jobs = [self._job(request) for request in requests]
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        # Shielded: others may wait for the same answer when one of them goes away.
        answers = [await asyncio.shield(job.answer) for job in jobs]
        return list(zip(answers, known, strict=True))

    async def close(self) -> None:
        """Finish what runs and waits, then end the thread."""
        if self._task is not None:
            await self._task
        self._worker.shutdown()

    def _known(self, request: SearchRequest) -> _Job[Answer] | None:
        return self._waiting.get(request) or self._running.get(request)

    def _require_room(self, count: int) -> None:
        waiting = len(self._waiting)
        if waiting + count > self._queue:
            self._observer.shed("full", count)
            detail = (
                f"{waiting} searches wait, and at most {self._queue} may; ask again in a second"
            )
            raise Refused(problems.OVERLOADED, detail, RETRY_AFTER)

    def _job(self, request: SearchRequest) -> _Job[Answer]:
        """Return the job of a request, queued if there is none; its deadline counts from now."""
        loop = asyncio.get_running_loop()
        job = self._known(request)
        if job is None:
            job = self._waiting[request] = _Job(request, loop.create_future())
        elif job.timer is not None:
            job.timer.cancel()
        if request in self._waiting:
            job.timer = loop.call_later(self._deadline_s, self._expire, job)
        return job

    def _expire(self, job: _Job[Answer]) -> None:
        """Refuse a job that still waits."""
        del self._waiting[job.request]
        self._observer.shed("deadline", 1)
        detail = f"the search waited for {self._deadline_s:g} s for its turn; ask again in a second"
        _fail(job, Refused(problems.DEADLINE, detail, RETRY_AFTER))

    async def _run(self) -> None:
        """Run batches for as long as searches wait."""
        try:
            while self._waiting:
                await self._run_batch()
        finally:
            # Jobs are left only where the loop itself ends.
            for job in (*self._waiting.values(), *self._running.values()):
                job.answer.cancel()
            self._waiting.clear()
            self._running.clear()

    async def _run_batch(self) -> None:
        """Take the first jobs from the queue, compute them and give their answers."""
        for request in list(itertools.islice(self._waiting, MAX_BATCH)):
            job = self._running[request] = self._waiting.pop(request)
            if job.timer is not None:
                job.timer.cancel()
        jobs = list(self._running.values())
        self._observer.batch(len(jobs))
        loop = asyncio.get_running_loop()
        computed = loop.run_in_executor(self._worker, self._compute, [job.request for job in jobs])
        await asyncio.wait([computed])
        error = computed.exception()
        if error is not None:
            for job in jobs:
                _fail(job, error)
        else:
            for job, answer in zip(jobs, computed.result(), strict=True):
                job.answer.set_result(answer)
        self._running.clear()


def _fail(job: _Job[Answer], error: BaseException) -> None:
    if not job.answer.done():
        job.answer.set_exception(error)
        job.answer.exception()  # it counts as seen: nobody may be left to hear it
