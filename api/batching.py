"""Searches that wait for their turn, and then run together in a worker thread."""

import asyncio
import itertools
import logging
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar, cast

from api import problem_kinds
from api.lines import Lines
from api.problems import Refused
from clipseek.query import MAX_BATCH, Query

RETRY_AFTER = {"Retry-After": "1"}
"""What waits now is done or refused within seconds."""

# Batches that run side by side: while one is in the model or the index, which release the GIL, the
# other has it. A second batch starts only if so many searches wait. With 100 connections on two
# cores, searches of the demo model per second: 1750 with one batch at a time, 2040 with two; and
# later, when everything else was faster, 2390 with a minimum of 16 waiting, 2560 with 44.
_SIDE_BY_SIDE, _ENOUGH = 2, 40
# While several collections are asked, a batch is this small, so that no search waits for long until
# one of the batches ends. A collection counts as asked for a second after its last search.
_SHARED_BATCH, _ASKED_S = 4, 1.0
# Searches of a batch that may fail alone until the rest of the batch counts as failed too. If one
# search fails a batch, it is found in 17 computations; if all fail, it does not take 511.
_FAILURES = 8

log = logging.getLogger("clipseek.api")

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
class _Caller(Generic[Answer]):
    """One request that waits for a search, and may go away before it is answered.

    due: When it is refused if the search still waits, in seconds of the event loop's clock.
    """

    due: float
    call: asyncio.Future[Answer | Exception]


@dataclass(slots=True, eq=False)
class _Job(Generic[Answer]):
    """One search to compute, and the callers that asked for it."""

    query: Query
    callers: list[_Caller[Answer]] = field(default_factory=list)


class Batcher(Generic[Answer]):
    """Runs searches in batches, off the event loop.

    A search that finds nothing running starts at once. Searches that arrive while a batch runs
    wait, and form the next batch together, up to `MAX_BATCH`; if many wait, they run beside it.
    Collections take turns: while several are asked, batches are small, and each collection has one
    batch running at most, so a storm of searches of one does not keep the others waiting.
    Equal searches are computed once: a caller that asks for one that waits or runs gets its answer,
    and has its own deadline. A search that raises an unexpected error does not fail the others of
    its batch. Used from one event loop at a time.
    """

    def __init__(
        self,
        compute: Callable[[Sequence[Query]], Sequence[Answer]],
        observer: Observer,
        *,
        queue: int,
        deadline_s: float,
    ) -> None:
        """Keep `compute`, which answers a batch in a worker thread."""
        self._compute = compute
        self._observer = observer
        self._queue = queue
        self._deadline_s = deadline_s
        self._workers = ThreadPoolExecutor(_SIDE_BY_SIDE, thread_name_prefix="search")
        self._waiting: Lines[_Job[Answer]] = Lines()
        self._running: dict[Query, _Job[Answer]] = {}
        self._asked: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many searches wait for their turn."""
        return len(self._waiting)

    async def answer(self, queries: Sequence[Query]) -> list[tuple[Answer | Exception, bool]]:
        """Return for each query its answer, and whether another one had asked for it before.

        An error that nobody foresaw is in the place of the answer that it took.

        Raises:
            Refused: the queue is full, or a search waited for longer than the deadline.
        """
        known = [self._known(query) is not None for query in queries]
        self._require_room(set(itertools.compress(queries, (not k for k in known))))
        loop = asyncio.get_running_loop()
        self._note(queries, loop.time())
        calls = [self._call(query, loop) for query in queries]
        if len(self._tasks) < _SIDE_BY_SIDE and self._may_run(beside=len(self._tasks)):
            task = asyncio.create_task(self._run())
            self._tasks.add(task)
            # It takes itself out, unless the loop ends before it begins.
            task.add_done_callback(self._tasks.discard)
        self._watch(loop)
        answers = [await call for call in calls]
        return list(zip(answers, known, strict=True))

    async def close(self) -> None:
        """Finish what runs and waits, then end the threads."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        self._workers.shutdown()

    def _note(self, queries: Sequence[Query], now: float) -> None:
        """Note which collections are asked, and forget those that no longer are."""
        for query in queries:
            # The one that was asked last is last.
            self._asked.pop(query.collection, None)
            self._asked[query.collection] = now
        while self._asked[first := next(iter(self._asked))] < now - _ASKED_S:
            del self._asked[first]

    @property
    def _is_shared(self) -> bool:
        """Whether several collections are asked."""
        return len(self._asked) > 1

    def _may_run(self, *, beside: int) -> bool:
        """Whether something waits that may run now, beside so many batches of others."""
        if not self._waiting or not beside:
            return bool(self._waiting)
        if self._is_shared:
            return not self._busy.issuperset(self._waiting.collections)
        return len(self._waiting) >= _ENOUGH

    @property
    def _busy(self) -> set[str]:
        """The collections that have a search running."""
        return {query.collection for query in self._running}

    def _known(self, query: Query) -> _Job[Answer] | None:
        return self._waiting.get(query) or self._running.get(query)

    def _require_room(self, queries: AbstractSet[Query]) -> None:
        """Raise Refused if the queue is full, unless those who fill it are others."""
        waiting, count = len(self._waiting), len(queries)
        if waiting + count <= self._queue:
            return
        names = {query.collection for query in queries}
        share = self._queue // len(names.union(self._waiting.collections))
        if sum(self._waiting.waiting(name) for name in names) + count > share * len(names):
            self._observer.shed("full", count)
            detail = (
                f"{waiting} searches wait, and at most {self._queue} may; ask again in a second"
            )
            raise Refused(problem_kinds.OVERLOADED, detail, RETRY_AFTER)

    def _call(
        self, query: Query, loop: asyncio.AbstractEventLoop
    ) -> asyncio.Future[Answer | Exception]:
        """Ask for a job, queued if there is none; the caller's deadline counts from now."""
        job = self._known(query)
        if job is None:
            job = _Job(query)
            self._waiting.add(query, job)
        call: asyncio.Future[Answer | Exception] = loop.create_future()
        job.callers.append(_Caller(loop.time() + self._deadline_s, call))
        return call

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wake up at the first deadline: one timer for all, as most are met."""
        if self._timer is None and self._waiting:
            # The first caller is due first.
            first = min(job.callers[0].due for job in self._waiting)
            self._timer = loop.call_at(first, self._expire, loop)

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        """Refuse callers past their deadline; a search that nobody waits for is not computed."""
        now = loop.time()
        detail = f"the search waited for {self._deadline_s:g} s for its turn; ask again in a second"
        for job in list(self._waiting):
            late = [caller for caller in job.callers if caller.due <= now]
            if late:
                self._observer.shed("deadline", len(late))
                _fail(late, Refused(problem_kinds.DEADLINE, detail, RETRY_AFTER))
                job.callers = job.callers[len(late) :]
            if not job.callers:
                self._waiting.remove(job.query)
        self._timer = None
        self._watch(loop)

    async def _run(self) -> None:
        """Run batches for as long as searches wait; few are left to a batch that still runs."""
        try:
            while self._may_run(beside=len(self._tasks) - 1):
                await self._run_batch()
        finally:
            # At once: the last one must know that it is the last.
            self._tasks.discard(cast("asyncio.Task[None]", asyncio.current_task()))
            if not self._tasks:
                self._end()

    def _end(self) -> None:
        """Stop watching; jobs are left only if the loop itself ends."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for job in (*self._waiting, *self._running.values()):
            for caller in job.callers:
                caller.call.cancel()
        self._waiting.clear()
        self._running.clear()

    async def _run_batch(self) -> None:
        """Take the first jobs from the queue, compute them and give their answers."""
        if self._is_shared:
            taken = self._waiting.take(_SHARED_BATCH, but=self._busy)
        else:
            taken = self._waiting.take(MAX_BATCH)
        queries, jobs = [query for query, _ in taken], [job for _, job in taken]
        self._running.update(taken)
        self._observer.batch(len(jobs))
        loop = asyncio.get_running_loop()
        computed = loop.run_in_executor(self._workers, self._computed, queries)
        await asyncio.wait([computed])
        error = computed.exception()
        if error is not None:
            _fail([caller for job in jobs for caller in job.callers], error)
        else:
            for job, answer in zip(jobs, computed.result(), strict=True):
                for caller in job.callers:
                    if not caller.call.done():
                        caller.call.set_result(answer)
        for query in queries:
            del self._running[query]

    def _computed(self, queries: Sequence[Query]) -> list[Answer | Exception]:
        """Compute a batch in the worker thread; one that fails is computed again in halves.

        So a search whose error nobody foresaw has it in its place, and the others their answers.
        """
        answers: list[Answer | Exception] = []
        parts, failed = [list(queries)], 0
        while parts:
            part = parts.pop()
            try:
                answers += self._compute(part)
            except Exception as error:  # the border of the application: a fault becomes a 500
                half = len(part) // 2
                if half and failed < _FAILURES:
                    parts += [part[half:], part[:half]]
                else:
                    failed += 1
                    log.exception("%d of %d searches failed", len(part), len(queries))
                    answers += [error] * len(part)
        return answers


def _fail(callers: Sequence[_Caller[Answer]], error: BaseException) -> None:
    for caller in callers:
        if not caller.call.done():
            caller.call.set_exception(error)
            caller.call.exception()  # it counts as seen: nobody may be left to hear it
