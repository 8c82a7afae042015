"""A worker ends each job once, whatever happens while the job runs."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from clipseek.catalog.jobs import SqlJobs
from clipseek.config import Settings
from clipseek.errors import CollectionNotFound, ConfigError, ServiceUnavailable
from clipseek.jobs import Job, Progress
from indexer import worker as module
from indexer.errands import Ended, Errands
from indexer.heartbeat import Heartbeat
from indexer.worker import PAUSES_S, Worker
from tests.chaos.program import wait_until
from tests.contracts.catalogs import sqlite_url

LONG_S = 60.0
"""Longer than anything here takes; a test that waits so long has failed."""
Do = Callable[[Job, Heartbeat], Ended | None]


@dataclass
class Bench:
    """A worker over a real queue, whose errands are a function of the test."""

    queue: SqlJobs
    settings: Settings
    stop: threading.Event = field(default_factory=threading.Event)
    ended: list[Job] = field(default_factory=list)

    def worker(self, do: Do, *, jobs: int = 1) -> Worker:
        """Return a worker that does what the function does."""
        errands = SimpleNamespace(
            do=do,
            clear=lambda _ended: None,
            tidy=lambda _jobs: None,
            service=SimpleNamespace(settings=self.settings),
        )
        return Worker(
            self.queue, cast("Errands", errands), jobs, self.stop, self.ended.append, quiet=True
        )

    def add(self, video: str = "v") -> Job:
        """Add a job."""
        return self.queue.add("remove", "default", {"video": video}, by="ann", request_id="r")

    def only(self) -> Job:
        """Return the only job as it is now."""
        (job,) = self.queue.jobs()
        return job


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Return an empty queue in a file; nothing is published, because no video is indexed."""
    url = sqlite_url(tmp_path)
    monkeypatch.setattr(module, "publish", lambda *_args, **_options: {})
    monkeypatch.setattr(module, "POLL_S", 0.02)
    with closing(SqlJobs.open(url)) as queue:
        yield Bench(queue, Settings(data_dir=tmp_path, job_lease_s=1, max_job_s=LONG_S))


def until_stopped(_job: Job, heart: Heartbeat) -> None:
    """Work until the job is told to stop."""
    assert heart.stop.wait(LONG_S)


def test_each_job_is_done_once(bench: Bench) -> None:
    """With what came of it, and the worker ends when no job is ready."""
    for number in range(5):
        bench.add(f"v{number}")
    bench.worker(lambda job, _: Ended("done", {"videos": [job.video]}), jobs=2).run(once=True)
    jobs = bench.queue.jobs(state="done")
    assert [(job.attempts, job.outcome) for job in jobs] == [
        (1, {"videos": [f"v{number}"]}) for number in (4, 3, 2, 1, 0)
    ]
    assert {job.id for job in bench.ended} == {job.id for job in jobs}


def test_an_output_that_nobody_reads_ends_the_worker(bench: Bench) -> None:
    """The job is done all the same."""

    def closed(_job: Job) -> None:
        raise BrokenPipeError

    bench.add()
    worker = bench.worker(lambda _job, _heart: Ended("done", {}))
    worker.told = closed
    with pytest.raises(BrokenPipeError):
        worker.run(once=True)
    assert bench.only().state == "done"


def test_what_passes_is_tried_again(bench: Bench) -> None:
    """After a pause, with a reason that names nothing of the server."""

    def away(_job: Job, _heart: Heartbeat) -> Ended:
        raise ServiceUnavailable("the disk of /secret is full")

    bench.add()
    bench.worker(away).run(once=True)
    job = bench.only()
    assert (job.state, job.failures, bench.ended) == ("waiting", 1, [])
    assert "cannot reach its database, a disk" in job.reason
    assert "/secret" not in job.reason
    assert bench.queue.take("other", 1) is None


def test_the_fifth_failure_is_the_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that stays away does not keep a job for ever."""
    tries: list[int] = []

    def away(job: Job, _heart: Heartbeat) -> Ended:
        tries.append(job.failures)
        raise ServiceUnavailable("the object store is away", for_all=True)

    monkeypatch.setattr(module, "PAUSES_S", (0.0,) * len(PAUSES_S))
    bench.add()
    bench.worker(away).run(once=True)
    job = bench.only()
    assert (job.state, job.reason) == ("failed", "the object store is away")
    assert tries == [0, 1, 2, 3, 4]


def test_the_pauses_grow() -> None:
    """Some seconds at first, minutes in the end."""
    assert PAUSES_S == (5.0, 30.0, 120.0, 600.0)


def test_a_job_that_kills_its_workers_fails(bench: Bench) -> None:
    """It is not run a sixth time: others have to have their turn."""
    bench.add()
    for _ in range(len(PAUSES_S) + 1):
        assert bench.queue.take("dead", 0) is not None

    def never(_job: Job, _heart: Heartbeat) -> Ended:
        raise AssertionError("it is not run again")

    bench.worker(never).run(once=True)
    job = bench.only()
    assert (job.state, job.failures) == ("failed", 5)
    assert "its worker ended 5 times" in job.reason


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(ConfigError("no model in /secret"), "not set up to do this", id="ours"),
        pytest.param(ZeroDivisionError("/secret"), "unexpected ZeroDivisionError", id="unexpected"),
    ],
)
def test_an_error_that_stays_ends_the_job(
    bench: Bench, capsys: pytest.CaptureFixture[str], error: Exception, said: str
) -> None:
    """The operator is told all of it, and everybody what they may know; the next job is run."""

    def wrong(job: Job, _heart: Heartbeat) -> Ended:
        if job.video == "bad":
            raise error
        return Ended("done")

    bad, good = bench.add("bad"), bench.add("good")
    worker = bench.worker(wrong)
    worker.run(once=True)
    job = bench.queue.get(bad.id)
    assert (job.state, bench.queue.get(good.id).state) == ("failed", "done")
    assert said in job.reason
    assert "/secret" not in job.reason
    assert f"job {bad.id}" in capsys.readouterr().err
    assert worker.failed == 1


def test_a_cancelled_job_stops(bench: Bench) -> None:
    """Its heartbeat notices."""
    added = bench.add()

    def cancelled(job: Job, heart: Heartbeat) -> None:
        bench.queue.cancel(job.id)
        until_stopped(job, heart)

    bench.worker(cancelled).run(once=True)
    job = bench.queue.get(added.id)
    assert (job.state, job.reason) == ("cancelled", "it was cancelled")
    assert [each.id for each in bench.ended] == [added.id]


def test_a_job_that_was_done_when_it_was_cancelled_is_done(bench: Bench) -> None:
    """What was committed is not denied."""

    def done(job: Job, heart: Heartbeat) -> Ended:
        bench.queue.cancel(job.id)
        until_stopped(job, heart)
        return Ended("done", {"videos": ["v"]})

    bench.add()
    bench.worker(done).run(once=True)
    assert bench.only().state == "done"


def test_a_job_that_takes_too_long_fails(bench: Bench) -> None:
    """The reason names the setting."""
    bench.settings = bench.settings.model_copy(update={"max_job_s": 0.1})
    bench.add()
    bench.worker(until_stopped).run(once=True)
    job = bench.only()
    assert job.state == "failed"
    assert job.reason == "it took longer than 0.1 s; CLIPSEEK_MAX_JOB_S sets this limit"


def test_a_worker_that_is_told_to_stop_gives_its_jobs_back(bench: Bench) -> None:
    """They wait again at once, and that is not a failure."""
    started = threading.Barrier(3)

    def begin(job: Job, heart: Heartbeat) -> None:
        started.wait(LONG_S)
        until_stopped(job, heart)

    bench.add("a")
    bench.add("b")
    worker = bench.worker(begin, jobs=2)
    thread = threading.Thread(target=worker.run, kwargs={"once": False})
    thread.start()
    started.wait(LONG_S)
    bench.stop.set()
    worker.wake()
    thread.join(LONG_S)
    assert not thread.is_alive()
    assert [(job.state, job.failures) for job in bench.queue.jobs()] == [("waiting", 0)] * 2
    assert bench.ended == []


def test_an_error_of_the_last_job_is_not_lost(bench: Bench) -> None:
    """It ends after the worker was told to stop."""

    def closed(_job: Job) -> None:
        raise BrokenPipeError

    def last(_job: Job, heart: Heartbeat) -> Ended:
        bench.stop.set()
        worker.wake()
        assert heart.stop.wait(LONG_S)
        return Ended("done", {})

    bench.add()
    worker = bench.worker(last)
    worker.told = closed
    with pytest.raises(BrokenPipeError):
        worker.run(once=False)


def test_an_end_that_cannot_be_read_is_not_a_success(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The operator is told, and the exit code says so."""

    class Forgetful(SqlJobs):
        def get(self, _job_id: str) -> Job:
            raise ServiceUnavailable("the database is away")

    job = bench.add()
    with closing(Forgetful.open(f"sqlite:///{tmp_path / 'catalog.db'}")) as queue:
        bench.queue = queue
        worker = bench.worker(lambda _job, _heart: Ended("failed", reason="it is broken"))
        worker.run(once=True)
    assert worker.failed == 1
    assert f"job {job.id}: it is not known how it ended" in capsys.readouterr().err


def test_what_could_not_be_published_is_published_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several collections, all that were not yet; one that was removed is left out."""
    asked: list[str] = []

    def publish(_service: object, *, quiet: bool, collection: str) -> dict[str, object]:
        assert quiet
        asked.append(collection)
        if asked.count(collection) == 1 and collection == "b":
            raise ServiceUnavailable("the volume is away")
        if collection == "a":
            raise CollectionNotFound(collection)
        return {}

    monkeypatch.setattr(module, "publish", publish)
    for name in "abc":
        bench.queue.add("remove", name, {"video": "v"}, by="ann", request_id="r")
    worker = bench.worker(lambda _job, _heart: Ended("done"))
    with pytest.raises(ServiceUnavailable):
        worker.run(once=True)
    worker.run(once=True)
    assert asked == ["a", "b", "b", "c"]


def test_progress_is_stored_while_a_job_runs(bench: Bench) -> None:
    """With the next beat; the lease lasts as long as the job."""

    def slow(job: Job, heart: Heartbeat) -> Ended:
        heart.progress = Progress(7, 3, 0.5)
        wait_until(lambda: bench.queue.get(job.id).progress == Progress(7, 3, 0.5), "a beat")
        assert bench.queue.take("other", LONG_S) is None
        return Ended("done")

    bench.add()
    bench.worker(slow).run(once=True)
    assert (bench.only().state, bench.only().attempts) == ("done", 1)


class Flaky(SqlJobs):
    """A queue whose database is away for the first calls of `finish` and `take`."""

    outages = 0

    def finish(self, *arguments: object, **named: object) -> bool:
        """End a job, at the third try."""
        self._fail()
        return super().finish(*arguments, **named)  # type: ignore[arg-type]  # as they came

    def take(self, owner: str, lease_s: float) -> Job | None:
        """Take a job, at the third try."""
        self._fail()
        return super().take(owner, lease_s)

    def _fail(self) -> None:
        if self.outages:
            self.outages -= 1
            raise ServiceUnavailable("the database is away")


def test_an_end_is_stored_when_the_database_is_back(bench: Bench, tmp_path: Path) -> None:
    """Within the lease; the work is not done twice."""
    bench.add()
    done: list[str] = []
    with closing(Flaky.open(f"sqlite:///{tmp_path / 'catalog.db'}")) as queue:
        bench.queue = queue

        def do(job: Job, _heart: Heartbeat) -> Ended:
            done.append(job.id)
            queue.outages = 2
            return Ended("done")

        bench.worker(do).run(once=True)
        assert (bench.only().state, len(done)) == ("done", 1)


def test_an_idle_worker_waits_for_the_database(bench: Bench, tmp_path: Path) -> None:
    """It takes jobs again when the database is back; with `once` it ends with the error."""
    bench.add()
    with closing(Flaky.open(f"sqlite:///{tmp_path / 'catalog.db'}")) as queue:
        bench.queue, queue.outages = queue, 1
        with pytest.raises(ServiceUnavailable):
            bench.worker(until_stopped).run(once=True)
        queue.outages = 1

        def do(_job: Job, _heart: Heartbeat) -> Ended:
            bench.stop.set()
            return Ended("done")

        bench.worker(do).run(once=False)
        assert bench.only().state == "done"


def test_jobs_that_ended_long_ago_are_deleted(bench: Bench) -> None:
    """A worker that waits does it, now and then."""
    bench.settings = bench.settings.model_copy(update={"keep_jobs_s": 0.0})
    bench.add()

    def do(_job: Job, _heart: Heartbeat) -> Ended:
        return Ended("done")

    worker = bench.worker(do)
    thread = threading.Thread(target=worker.run, kwargs={"once": False})
    thread.start()
    wait_until(lambda: not bench.queue.jobs(), "the job to be deleted")
    bench.stop.set()
    worker.wake()
    thread.join(LONG_S)
    assert not thread.is_alive()
