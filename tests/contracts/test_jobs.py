"""Every queue of jobs keeps the contract: one order, one lease, one end for each job."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest

from clipseek.catalog.jobs import SqlJobReader, SqlJobs
from clipseek.errors import CatalogOutdated, JobNotFound, KeyReused, ServiceUnavailable
from clipseek.jobs import Job, JobKind, JobQueue, Progress
from clipseek.testing import MemoryJobs
from tests.chaos.program import wait_until
from tests.contracts.postgres import Server
from tests.core.test_migrations import set_revision
from tests.releases import NEXT

FOR_EVER_S = 1e6
"""A lease that does not expire during a test; one of 0 s has expired at once."""


@pytest.fixture
def queue(ledger_url: str | None) -> Iterator[JobQueue]:
    """Return an empty queue of each kind."""
    if ledger_url is None:
        yield MemoryJobs()
        return
    with closing(SqlJobs.open(ledger_url)) as opened:
        yield opened


def add(
    queue: JobQueue,
    collection: str = "default",
    kind: JobKind = "ingest",
    *,
    video: str = "",
    key: str | None = None,
    by: str = "ann",
) -> Job:
    """Add a job that removes or edits a video, or one that indexes an upload."""
    payload = {"video": video} if video else {"upload": "u", "tags": ["sea"]}
    return queue.add(kind, collection, payload, by=by, request_id="r1", idempotency_key=key)


def take(queue: JobQueue, lease_s: float = FOR_EVER_S) -> Job:
    """Take a job that must be there."""
    job = queue.take("worker", lease_s)
    assert job is not None
    return job


def test_a_job_is_stored_as_it_was_added(queue: JobQueue) -> None:
    """With everything that was said of it; it waits and has no end yet."""
    job = queue.add(
        "ingest", "default", {"url": "https://ä.example", "tags": ["a"]}, by="ann", request_id="r1"
    )
    assert queue.get(job.id) == job
    assert (job.state, job.attempts, job.by, job.request_id) == ("waiting", 0, "ann", "r1")
    assert job.payload == {"url": "https://ä.example", "tags": ["a"]}
    assert (job.progress, job.outcome, job.reason) == (Progress(), None, "")
    assert job.created_at.endswith("Z")
    assert (job.started_at, job.ended_at) == ("", "")


def test_a_job_that_is_not_there_is_told(queue: JobQueue) -> None:
    """To everybody who names it; nothing is found where several are asked for."""
    job = add(queue)
    assert queue.some([job.id, "nobody"]) == {job.id: job}
    for call in (queue.get, queue.cancel, lambda name: queue.jobs(after=name)):
        with pytest.raises(JobNotFound, match="no job 'nobody'"):
            call("nobody")


def test_jobs_are_listed_newest_first(queue: JobQueue) -> None:
    """By collection and state, some at a time."""
    a, b, c = add(queue), add(queue, "other"), add(queue)
    queue.cancel(b.id)
    assert [job.id for job in queue.jobs()] == [c.id, b.id, a.id]
    assert [job.id for job in queue.jobs(limit=1)] == [c.id]
    assert [job.id for job in queue.jobs(after=c.id)] == [b.id, a.id]
    assert [job.id for job in queue.jobs(collections=["default"])] == [c.id, a.id]
    assert [job.id for job in queue.jobs(collections=[])] == []
    assert [job.id for job in queue.jobs(state="cancelled")] == [b.id]


def test_the_same_key_adds_one_job(queue: JobQueue) -> None:
    """Also after it has ended; another principal has keys of its own."""
    first = add(queue, key="k")
    assert add(queue, key="k") == first
    assert queue.finish(take(queue), "failed", reason="it is broken")
    assert add(queue, key="k") == queue.get(first.id)
    assert add(queue, key="k", by="bob").id != first.id
    assert add(queue, key="l").id != first.id
    assert len(queue.jobs()) == 3


def test_a_job_is_found_by_its_key(queue: JobQueue) -> None:
    """That of the same principal; nothing is added."""
    first = add(queue, key="k")
    assert queue.keyed("ann", "k") == first
    assert [queue.keyed("bob", "k"), queue.keyed("ann", "l")] == [None, None]
    assert len(queue.jobs()) == 1


def test_a_key_of_another_request_is_refused(queue: JobQueue) -> None:
    """Another collection or payload under the same key is a mistake of the client."""
    first = add(queue, key="k")
    for collection, video in (("other", ""), ("default", "v")):
        with pytest.raises(KeyReused, match=f"belongs to job {first.id}"):
            add(queue, collection, video=video, key="k")
    assert len(queue.jobs()) == 1


@pytest.mark.parametrize("key", ["", "k" * 201], ids=["empty", "too long"])
def test_a_key_has_a_length(queue: JobQueue, key: str) -> None:
    """What no client needs is refused."""
    with pytest.raises(ValueError, match="idempotency key"):
        add(queue, key=key)
    assert queue.jobs() == []


@pytest.mark.parametrize("text", ["a\0b", "\ud800"], ids=["NUL", "surrogate"])
def test_a_text_that_cannot_be_stored_is_refused(queue: JobQueue, text: str) -> None:
    """Wherever it is in the payload."""
    with pytest.raises(ValueError, match=r"Unicode|stored"):
        queue.add("ingest", "default", {"tags": [text]}, by="ann", request_id="r")


def test_a_taken_job_runs_until_it_is_done(queue: JobQueue) -> None:
    """Nobody else takes it; the end keeps what came of it, and there is one end."""
    added = add(queue)
    job = take(queue)
    assert (job.id, job.state, job.attempts) == (added.id, "running", 1)
    assert job.started_at
    assert queue.take("other", FOR_EVER_S) is None
    assert queue.beat(job, Progress(10, 2, 0.5))
    assert queue.get(job.id).progress == Progress(10, 2, 0.5)
    assert queue.finish(job, "done", {"videos": ["v"], "fate": "indexed"})
    ended = queue.get(job.id)
    assert (ended.state, ended.outcome, ended.progress) == (
        "done",
        {"videos": ["v"], "fate": "indexed"},
        Progress(10, 2, 0.5),
    )
    assert ended.ended_at
    assert not queue.finish(job, "failed", reason="too late")
    assert not queue.beat(job, Progress())
    assert not queue.retry(job, "too late", 0)
    assert queue.get(job.id) == ended


def test_an_expired_lease_gives_the_job_to_another_worker(queue: JobQueue) -> None:
    """The first worker can change it no more: not go on, end it or give it back."""
    add(queue)
    lost = take(queue, lease_s=0)
    job = take(queue)
    assert (job.id, job.attempts, job.failures) == (lost.id, 2, 1)
    assert job.started_at == lost.started_at
    assert not queue.beat(lost, Progress(1, 1, 0.1))
    assert not queue.finish(lost, "done")
    assert not queue.retry(lost, "again", 0)
    assert queue.finish(job, "done")


def test_a_beat_renews_the_lease(queue: JobQueue) -> None:
    """For as long as it was taken for; an expired one that nobody has taken over is renewed too."""
    add(queue)
    job = take(queue, lease_s=0)
    assert queue.beat(job, Progress())
    assert take(queue).attempts == 2
    second = add(queue)
    held = take(queue)
    assert held.id == second.id
    assert queue.beat(held, Progress())
    assert queue.take("other", FOR_EVER_S) is None


def test_a_retry_waits_for_its_pause(queue: JobQueue) -> None:
    """And says why it is tried again until it is taken."""
    add(queue)
    assert queue.retry(take(queue), "the server is away", FOR_EVER_S)
    (job,) = queue.jobs()
    assert (job.state, job.reason, job.failures) == ("waiting", "the server is away", 1)
    assert queue.take("worker", FOR_EVER_S) is None
    add(queue)
    again = take(queue)
    assert queue.retry(again, "once more", 0)
    job = take(queue)
    assert (job.id, job.attempts, job.reason) == (again.id, 2, "")


def test_a_job_that_is_given_back_is_taken_again_at_once(queue: JobQueue) -> None:
    """That is not a failure, because its worker was told to stop; the fence holds all the same."""
    add(queue)
    stopped = take(queue)
    assert queue.give_back(stopped)
    assert not queue.give_back(stopped)
    job = take(queue)
    assert (job.id, job.attempts, job.failures, job.reason) == (stopped.id, 2, 0, "")
    assert not queue.finish(stopped, "done")
    queue.cancel(job.id)
    assert queue.give_back(job)
    assert queue.get(job.id).state == "cancelled"


def test_a_waiting_job_is_cancelled_at_once(queue: JobQueue) -> None:
    """It is not taken any more, and cancelling it again changes nothing."""
    job = queue.cancel(add(queue).id)
    assert (job.state, job.reason, job.is_cancelling) == ("cancelled", "it was cancelled", False)
    assert job.ended_at
    assert queue.take("worker", FOR_EVER_S) is None
    assert queue.cancel(job.id) == job


def test_a_running_job_learns_that_it_was_cancelled(queue: JobQueue) -> None:
    """From its next beat; it ends when its worker says so."""
    add(queue)
    job = take(queue)
    marked = queue.cancel(job.id)
    assert (marked.state, marked.is_cancelling) == ("running", True)
    assert not queue.beat(job, Progress())
    assert queue.finish(job, "cancelled", reason="it was cancelled")
    ended = queue.get(job.id)
    assert (ended.state, ended.is_cancelling) == ("cancelled", False)


def test_a_job_that_was_done_before_it_noticed_is_done(queue: JobQueue) -> None:
    """The mark of a cancelled job does not undo what was done."""
    add(queue)
    job = take(queue)
    queue.cancel(job.id)
    assert queue.finish(job, "done", {"videos": ["v"]})
    ended = queue.get(job.id)
    assert (ended.state, ended.is_cancelling) == ("done", False)
    assert queue.cancel(job.id) == ended


def test_a_cancelled_job_is_not_tried_again(queue: JobQueue) -> None:
    """Neither if its worker gives it back, nor if its worker died."""
    add(queue)
    job = take(queue)
    queue.cancel(job.id)
    assert queue.retry(job, "the server is away", 0)
    assert queue.get(job.id).state == "cancelled"
    add(queue)
    dead = take(queue, lease_s=0)
    queue.cancel(dead.id)
    assert queue.take("worker", FOR_EVER_S) is None
    assert queue.get(dead.id).state == "cancelled"


def test_collections_take_turns(queue: JobQueue) -> None:
    """The one with the fewest running jobs is next, however many jobs another has."""
    for _ in range(3):
        add(queue, "big")
    small = add(queue, "small")
    assert take(queue).collection == "big"
    assert take(queue).id == small.id
    assert take(queue).collection == "big"


def test_an_expired_lease_does_not_count_as_running(queue: JobQueue) -> None:
    """A collection whose worker has died is not put last for it."""
    first = add(queue, "a")
    take(queue, lease_s=0)
    add(queue, "b")
    assert take(queue).id == first.id


def test_jobs_of_one_video_run_in_their_order(queue: JobQueue) -> None:
    """The second starts when the first has ended; other videos do not wait."""
    first = add(queue, kind="edit", video="v")
    second = add(queue, kind="remove", video="v")
    other = add(queue, kind="remove", video="w")
    elsewhere = add(queue, "other", kind="remove", video="v")
    running = take(queue)
    assert running.id == first.id
    assert {take(queue).id, take(queue).id} == {other.id, elsewhere.id}
    assert queue.take("worker", FOR_EVER_S) is None
    assert queue.retry(running, "the server is away", FOR_EVER_S)
    assert queue.take("worker", FOR_EVER_S) is None
    queue.cancel(first.id)
    assert take(queue).id == second.id


def test_the_steps_of_a_switch_run_in_their_order(queue: JobQueue) -> None:
    """One at a time for each collection; what changes videos does not wait for them."""
    first, second = add(queue, kind="switch"), add(queue, kind="switch")
    elsewhere, other = add(queue, "other", kind="switch"), add(queue, kind="remove", video="v")
    running = take(queue)
    assert running.id == first.id
    assert {take(queue).id, take(queue).id} == {elsewhere.id, other.id}
    assert queue.take("worker", FOR_EVER_S) is None
    queue.finish(running, "done", {})
    assert take(queue).id == second.id


def test_jobs_are_listed_by_their_kind(queue: JobQueue) -> None:
    """With the other filters, and some at a time."""
    first, _, second = add(queue, kind="switch"), add(queue, kind="remove", video="v"), add(queue)
    third = add(queue, kind="switch")
    assert [job.id for job in queue.jobs(kind="switch")] == [third.id, first.id]
    assert [job.id for job in queue.jobs(kind="switch", limit=1, after=second.id)] == [first.id]


def test_jobs_are_counted(queue: JobQueue) -> None:
    """By state; the oldest one that waits has an age."""
    assert queue.counts().of == {}
    assert queue.counts().oldest_s == 0
    for _ in range(3):
        add(queue)
    take(queue)
    queue.finish(take(queue), "failed", reason="it is broken")
    counts = queue.counts()
    assert counts.of == {"waiting": 1, "running": 1, "failed": 1}
    assert 0 <= counts.oldest_s < 600


def test_jobs_that_ended_long_ago_are_deleted(queue: JobQueue) -> None:
    """Others stay, however old."""
    ended, waiting, running = add(queue), add(queue), add(queue)
    queue.cancel(ended.id)
    assert take(queue).id == waiting.id
    assert queue.prune(older_than_s=600) == 0
    assert queue.prune(older_than_s=-600) == 1
    assert {job.id for job in queue.jobs()} == {waiting.id, running.id}


@pytest.fixture
def sql_queue(catalog_url: str) -> Iterator[SqlJobs]:
    """Return an empty queue in each kind of database."""
    with closing(SqlJobs.open(catalog_url)) as opened:
        yield opened


def test_workers_that_take_at_once_take_different_jobs(sql_queue: SqlJobs) -> None:
    """Eight threads take 40 jobs; each job is taken once."""
    added = {add(sql_queue, f"c{number % 3}").id for number in range(40)}

    def work(_: int) -> list[str]:
        taken = []
        while (job := sql_queue.take("worker", FOR_EVER_S)) is not None:
            taken.append(job.id)
        return taken

    with ThreadPoolExecutor(8) as pool:
        taken = [job_id for each in pool.map(work, range(8)) for job_id in each]
    assert len(taken) == 40
    assert set(taken) == added


def test_clients_that_repeat_a_request_at_once_add_one_job(sql_queue: SqlJobs) -> None:
    """All of them get the same one."""
    with ThreadPoolExecutor(8) as pool:
        ids = {job.id for job in pool.map(lambda _: add(sql_queue, key="k"), range(8))}
    assert len(ids) == 1
    assert len(sql_queue.jobs()) == 1


def test_a_job_that_is_given_back_just_now_is_cancelled(
    postgres_server: Server, postgres_url: str
) -> None:
    """The one who cancels it waits for the transaction of its worker."""
    database = postgres_url.rpartition("/")[2]
    with closing(SqlJobs.open(postgres_url)) as queue, ThreadPoolExecutor(1) as pool:
        job_id = add(queue).id
        take(queue)
        with psycopg.connect(postgres_server.url(database)) as worker:
            worker.execute("UPDATE jobs SET state = 'waiting'")
            cancelled = pool.submit(queue.cancel, job_id)
            blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            with psycopg.connect(postgres_server.url(database), autocommit=True) as other:
                wait_until(lambda: other.execute(blocked).fetchone() != (0,), "a lock")
        assert cancelled.result(60).state == "cancelled"


def test_a_reader_of_jobs_needs_no_catalog(bare_url: str) -> None:
    """Before the first ingest there are no jobs, which is not an error."""
    with closing(SqlJobReader.open(bare_url)) as reader:
        assert reader.jobs() == []
        assert reader.counts().of == {}
        with pytest.raises(JobNotFound):
            reader.get("nobody")


def test_no_job_is_added_to_a_catalog_of_another_release(catalog_url: str) -> None:
    """As with all other writes."""
    with closing(SqlJobs.open(catalog_url)) as queue:
        job = replace(add(queue), attempts=1)
        set_revision(catalog_url, NEXT)
        with pytest.raises(CatalogOutdated):
            add(queue)
        with pytest.raises(CatalogOutdated):
            queue.finish(job, "done")


def test_adding_jobs_needs_rights_to_one_table(postgres_server: Server, postgres_url: str) -> None:
    """SELECT is enough to read jobs; INSERT and UPDATE of this table to add and to cancel them."""
    url = postgres_server.url_of_role(postgres_url, "SELECT ON ALL TABLES IN SCHEMA public")
    role, database = url.partition("//")[2].partition("@")[0], url.rpartition("/")[2]
    with closing(SqlJobReader.open(url)) as reader, closing(SqlJobs.open(url)) as queue:
        assert reader.jobs() == []
        with pytest.raises(ServiceUnavailable, match="INSERT and UPDATE of the table jobs"):
            add(queue)
        postgres_server.run(f"GRANT INSERT, UPDATE ON jobs TO {role}", database)
        job = add(queue, key="k")
        assert add(queue, key="k") == job
        assert queue.cancel(job.id).state == "cancelled"
