"""A worker: it takes jobs, runs them in threads, and publishes what they have changed."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace

from clipseek.errors import ClipseekError, CollectionNotFound, ServiceUnavailable
from clipseek.jobs import Job, JobQueue
from indexer.errands import Ended, Errands
from indexer.heartbeat import Heartbeat
from indexer.output import note
from indexer.publishing import publish

POLL_S = 1.0
"""How often an idle worker looks for jobs."""
PAUSES_S = (5.0, 30.0, 120.0, 600.0)
"""How long a job waits after its first, second, third and fourth failure; the fifth is its end."""
PUBLISH_S = 600.0
"""While there is always a job, a snapshot is published so often."""
PRUNE_S = 3600.0
LONGEST_PAUSE_S = 60.0

_AWAY = "the server cannot reach its database, a disk or another server now"
_FAILED = "the server is not set up to do this; tell its operator the id of the job"
_DIED = (
    f"its worker ended {len(PAUSES_S) + 1} times before the job did; the video may need more "
    "memory than the worker has"
)
_log = logging.getLogger(__name__)


@dataclass
class Worker:
    """Runs jobs until `stop` is set; `told` hears how each ended. Used by one thread.

    jobs: How many run at the same time.
    """

    queue: JobQueue
    errands: Errands
    jobs: int
    stop: threading.Event
    told: Callable[[Job], None]
    quiet: bool = False
    failed: int = 0
    _running: dict[Future[None], Heartbeat] = field(default_factory=dict)
    _changed: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _news: threading.Event = field(default_factory=threading.Event)
    _outages: int = 0
    _published_at: float = field(default_factory=time.monotonic)
    _pruned_at: float | None = None

    def __post_init__(self) -> None:
        self._owner = f"{socket.gethostname()}:{os.getpid()}"

    def wake(self) -> None:
        """Let the worker look at once what there is to do."""
        self._news.set()

    def run(self, *, once: bool) -> None:
        """Run jobs until `stop` is set or, with `once`, until none is ready.

        Raises:
            ServiceUnavailable: with `once`, the database cannot be used.
        """
        with ThreadPoolExecutor(self.jobs, thread_name_prefix="job") as pool:
            try:
                while not self.stop.is_set():
                    if self._step(pool, once=once):
                        break
            finally:
                for heart in self._running.values():
                    heart.end("worker")
        self._reap()
        self._publish()

    def _step(self, pool: ThreadPoolExecutor, *, once: bool) -> bool:
        """Start a job, or wait for news; return whether all is done that `once` asks for."""
        self._reap()
        pause_s = POLL_S
        try:
            if len(self._running) < self.jobs and (job := self._taken()) is not None:
                self._start(pool, job)
                return False
            if not self._running:
                self._publish()
                if once:
                    return True
                self._prune()
            elif time.monotonic() - self._published_at > PUBLISH_S:
                self._publish()
            self._outages = 0
        except ServiceUnavailable as error:
            if once:
                raise
            self._outages += 1
            pause_s = min(LONGEST_PAUSE_S, 2.0**self._outages)
            note(f"indexer: {error}; trying again")
        self._news.wait(pause_s)
        self._news.clear()
        return False

    def _reap(self) -> None:
        """Forget the threads that have ended; what went wrong with the output ends the worker."""
        for future in [each for each in self._running if each.done()]:
            del self._running[future]
            future.result()

    def _taken(self) -> Job | None:
        lease_s = self.errands.service.settings.job_lease_s
        return self.queue.take(self._owner, lease_s)

    def _start(self, pool: ThreadPoolExecutor, job: Job) -> None:
        settings = self.errands.service.settings
        heart = Heartbeat(self.queue, job, lease_s=settings.job_lease_s, limit_s=settings.max_job_s)
        future = pool.submit(self._run, job, heart)
        self._running[future] = heart
        future.add_done_callback(lambda _: self._news.set())

    # A thread of a job.

    def _run(self, job: Job, heart: Heartbeat) -> None:
        with heart:
            change = self._change(job, heart)
            if self._stored(change):
                self._tell(job)

    def _change(self, job: Job, heart: Heartbeat) -> Callable[[], bool]:
        """Run a job and return what is to be stored of it."""
        queue = self.queue
        if job.failures > len(PAUSES_S):
            return lambda: queue.finish(job, "failed", reason=_DIED)
        try:
            ended = self.errands.do(job, heart)
        except ServiceUnavailable as error:
            note(f"indexer: job {job.id}: {error}")
            reason = error.told or _AWAY
            if job.failures == len(PAUSES_S):
                return lambda: queue.finish(job, "failed", reason=reason)
            return lambda: queue.retry(job, reason, PAUSES_S[job.failures])
        except ClipseekError as error:
            note(f"indexer: job {job.id}: {error}")
            ended = Ended("failed", reason=error.told or _FAILED)
        except Exception as error:  # noqa: BLE001  one job, one end: the others are run
            _log.exception("job %s", job.id)
            note(f"indexer: job {job.id}: unexpected {type(error).__name__}: {error}")
            ended = Ended("failed", reason=f"unexpected {type(error).__name__}; {_FAILED}")
        if ended is None:
            return self._stopped(job, heart)
        if ended.state == "done":
            self._note_change(job.collection)
            heart.progress = replace(heart.progress, share=1.0)

        def end() -> bool:
            queue.beat(job, heart.progress)
            is_mine = queue.finish(job, ended.state, ended.outcome, ended.reason)
            if is_mine:
                self.errands.clear(ended)
            return is_mine

        return end

    def _stopped(self, job: Job, heart: Heartbeat) -> Callable[[], bool]:
        """Return what is to be stored of a job that was told to stop.

        One that was cancelled ends when it is given back, and a lost one is not changed. If the
        database was away for longer than the lease and nobody has taken the job, it waits again.
        """
        if heart.why != "too long":
            return lambda: self.queue.give_back(job)
        limit_s = self.errands.service.settings.max_job_s
        said = f"it took longer than {limit_s:g} s; CLIPSEEK_MAX_JOB_S sets this limit"
        return lambda: self.queue.finish(job, "failed", reason=said)

    def _note_change(self, collection: str) -> None:
        with self._lock:
            self._changed.add(collection)

    def _stored(self, change: Callable[[], bool]) -> bool:
        """Store how a job ended; after its lease, that is left to the worker that takes it over."""
        deadline = time.monotonic() + self.errands.service.settings.job_lease_s
        while True:
            try:
                return change()
            except ServiceUnavailable as error:
                if time.monotonic() > deadline:
                    note(f"indexer: {error}; the lease of the job expires")
                    return False
            time.sleep(POLL_S)

    def _tell(self, job: Job) -> None:
        """Tell how a job ended, unless it waits again."""
        try:
            ended = self.queue.get(job.id)
        except ClipseekError as error:
            note(f"indexer: job {job.id}: it is not known how it ended: {error}")
            with self._lock:
                self.failed += 1
            return
        with self._lock:
            if ended.is_over:
                self.failed += ended.state == "failed"
                self.told(ended)

    # The thread of the worker.

    def _publish(self) -> None:
        """Publish the collections that have changed since the last time; what fails stays to do."""
        with self._lock:
            changed, self._changed = self._changed, set()
        self._published_at = time.monotonic()
        try:
            for name in sorted(changed):
                with suppress(CollectionNotFound):  # it was removed meanwhile
                    publish(self.errands.service, quiet=self.quiet, collection=name)
                changed.remove(name)
        finally:
            with self._lock:
                self._changed |= changed

    def _prune(self) -> None:
        """Delete the jobs that ended long ago, and what the uploads have left."""
        now = time.monotonic()
        if self._pruned_at is None or now - self._pruned_at > PRUNE_S:
            self.errands.tidy(self.queue)
            self.queue.prune(self.errands.service.settings.keep_jobs_s)
            self._pruned_at = now
