"""The lease of a job: kept while it runs, and what becomes of the job if it is lost."""

from contextlib import closing
from pathlib import Path

import pytest

from clipseek.catalog.jobs import SqlJobs
from clipseek.errors import CatalogOutdated, ServiceUnavailable
from clipseek.jobs import Job, Progress
from indexer.errands import Ended
from indexer.heartbeat import Heartbeat
from tests.chaos.program import wait_until
from tests.core.test_migrations import set_revision
from tests.indexer.test_worker import LONG_S, Bench, bench, until_stopped
from tests.releases import NEXT

__all__ = ["bench"]


def test_a_worker_that_has_lost_its_lease_changes_nothing(bench: Bench) -> None:
    """The other one ends the job."""

    def robbed(job: Job, heart: Heartbeat) -> None:
        heart._ended.set()  # a process that is suspended beats no more
        wait_until(lambda: bench.queue.take("other", LONG_S) is not None, "the lease to expire")
        assert bench.queue.get(job.id).attempts == 2
        heart.end("not ours")

    bench.add()
    bench.worker(robbed).run(once=True)
    job = bench.only()
    assert (job.state, job.attempts, job.is_cancelling) == ("running", 2, False)
    assert bench.ended == []


class Away(SqlJobs):
    """A queue whose database is away for beats."""

    def beat(self, job: Job, progress: Progress) -> bool:
        """Fail."""
        raise ServiceUnavailable("the database is away")


def test_a_lease_that_nobody_could_take_over_is_not_a_cancelled_job(
    bench: Bench, tmp_path: Path
) -> None:
    """The database was away for longer than the lease, for everybody: the job waits again."""

    def cut_off(job: Job, heart: Heartbeat) -> None:
        until_stopped(job, heart)
        bench.stop.set()

    bench.add()
    with closing(Away.open(f"sqlite:///{tmp_path / 'catalog.db'}")) as queue:
        bench.queue = queue
        bench.worker(cut_off).run(once=False)
        job = bench.only()
    assert (job.state, job.reason, job.failures) == ("waiting", "", 0)
    assert bench.ended == []


def test_a_migration_ends_the_worker(bench: Bench, tmp_path: Path) -> None:
    """The heartbeat notices, so that the job stops too, and the worker says why."""

    def migrated(job: Job, heart: Heartbeat) -> None:
        set_revision(f"sqlite:///{tmp_path / 'catalog.db'}", NEXT)
        until_stopped(job, heart)

    bench.add()
    with pytest.raises(CatalogOutdated):
        bench.worker(migrated).run(once=True)


class OnceAway(SqlJobs):
    """A queue whose database is away for the first beat; it counts the others."""

    beats = -1

    def beat(self, job: Job, progress: Progress) -> bool:
        """Renew the lease, but for the first time."""
        self.beats += 1
        if self.beats == 0:
            raise ServiceUnavailable("the database is away")
        return super().beat(job, progress)


def test_a_beat_that_fails_does_not_lose_the_lease(bench: Bench, tmp_path: Path) -> None:
    """There are several in each lease, so nobody can take the job between two of them."""
    bench.add()
    with closing(OnceAway.open(f"sqlite:///{tmp_path / 'catalog.db'}")) as queue:

        def slow(_job: Job, _heart: Heartbeat) -> Ended:
            def has_beaten() -> bool:
                assert bench.queue.take("other", LONG_S) is None
                return queue.beats >= 2

            wait_until(has_beaten, "two beats")
            return Ended("done")

        worker = bench.worker(slow)
        worker.queue = queue
        worker.run(once=True)
    assert (bench.only().state, bench.only().attempts) == ("done", 1)
