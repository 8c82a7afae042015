"""The batcher: who runs at once, who waits, who shares, and who is refused."""

import asyncio
import gc
import threading
from collections import Counter
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest

from api import problem_kinds
from api.batching import Batcher
from api.problems import Refused
from clipseek.query import Query

PATIENCE_S = 5.0
"""How long a test waits for what takes milliseconds, where all is well."""


class Work:
    """Answers with the query in capitals; holds each batch until it is let go on."""

    def __init__(self, *, held: bool = True) -> None:
        self.batches: list[list[str]] = []
        self.begun = threading.Semaphore(0)
        self.let_go = threading.Semaphore(0 if held else 1000)
        self.sheds: Counter[str] = Counter()
        self.sizes: list[int] = []
        self.patience_s = PATIENCE_S

    def compute(self, queries: Sequence[Query]) -> list[str]:
        """Answer one batch."""
        self.batches.append([query.text for query in queries])
        self.begun.release()
        if not self.let_go.acquire(timeout=self.patience_s):
            self.patience_s = 0.0  # nobody will: what is computed again need not wait
            raise TimeoutError("the batch was held for too long")
        return [query.text.upper() for query in queries]

    def batch(self, size: int) -> None:
        """Hear of a batch."""
        self.sizes.append(size)

    def shed(self, reason: str, count: int) -> None:
        """Hear of searches that are refused."""
        self.sheds[reason] += count

    async def started(self) -> None:
        """Wait until a batch has begun."""
        assert await asyncio.to_thread(self.begun.acquire, timeout=PATIENCE_S)


def faulty(work: Work) -> Work:
    """Let the work fail with every batch that holds a query of a fault."""
    sound = work.compute

    def compute(queries: Sequence[Query]) -> list[str]:
        answers = sound(queries)
        if any(query.text.startswith("fault") for query in queries):
            raise ZeroDivisionError
        return answers

    work.compute = compute  # type: ignore[method-assign]  # only this one fails
    return work


def asked(*sentences: str) -> list[Query]:
    """Return searches."""
    return [Query.of(sentence) for sentence in sentences]


def made(work: Work, *, queue: int = 10, deadline_s: float = 20.0) -> Batcher[str]:
    """Return a batcher over the work."""
    return Batcher(work.compute, work, queue=queue, deadline_s=deadline_s)


async def settled() -> None:
    """Let the loop do all that it can do without the worker threads."""
    for _ in range(10):
        await asyncio.sleep(0)


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run a test in its own event loop; what the loop would only log fails it."""
    logged: list[dict[str, Any]] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context))
        await asyncio.wait_for(test, 2 * PATIENCE_S)
        gc.collect()  # a task's error is told when the task is gone

    asyncio.run(watched())
    assert logged == []


def test_each_request_gets_its_own_answer() -> None:
    """In the order of the requests."""

    async def test() -> None:
        batcher = made(Work(held=False))
        assert await batcher.answer(asked("b", "a")) == [("B", False), ("A", False)]
        await batcher.close()

    run(test())


def test_what_comes_while_a_batch_runs_is_the_next_batch() -> None:
    """The first runs alone and at once, the others together after it."""

    async def test() -> None:
        work = Work()
        batcher = made(work)
        first = asyncio.create_task(batcher.answer(asked("first")))
        await work.started()
        others = [asyncio.create_task(batcher.answer(asked(name))) for name in "abc"]
        await asyncio.sleep(0)
        assert batcher.waiting == 3
        work.let_go.release(2)
        await asyncio.gather(first, *others)
        assert work.batches == [["first"], ["a", "b", "c"]]
        assert work.sizes == [1, 3]
        await batcher.close()

    run(test())


def test_where_many_wait_a_second_batch_runs_beside_the_first() -> None:
    """Few wait for the batch that runs; no more than two run, and each search is answered once."""

    async def test() -> None:
        work = Work()
        batcher = made(work, queue=1000)

        async def ask(name: str, count: int) -> list[str | Exception]:
            found = await batcher.answer(asked(*(f"{name}{i}" for i in range(count))))
            return [answer for answer, _ in found]

        calls = [asyncio.create_task(ask("first", 1))]
        await work.started()
        calls.append(asyncio.create_task(ask("few", 39)))
        await settled()
        assert (len(work.batches), batcher.waiting) == (1, 39)
        calls.append(asyncio.create_task(ask("one", 1)))
        await work.started()
        calls.append(asyncio.create_task(ask("more", 100)))
        await settled()
        assert batcher.waiting == 100
        assert [len(batch) for batch in work.batches] == [1, 40]
        for _ in range(4):
            work.let_go.release()
        found = [answer for call in calls for answer in await call]
        assert [len(batch) for batch in work.batches] == [1, 40, 100]
        wanted = [f"{n}{i}" for n, c in (("first", 1), ("few", 39), ("one", 1)) for i in range(c)]
        assert found == [query.upper() for query in [*wanted, *(f"more{i}" for i in range(100))]]
        await batcher.close()

    run(test())


def test_what_a_second_batch_leaves_behind_is_computed() -> None:
    """It ends where few wait; the first one takes them, whichever ends first."""

    async def test() -> None:
        for rounds in range(4):
            work = Work(held=rounds % 2 == 0)
            batcher = made(work, queue=1000)
            calls = [
                asyncio.create_task(batcher.answer(asked(*(f"{n} {i}" for i in range(n)))))
                for n in (1, 50, 3, 45, 2)
            ]
            for _ in range(20):
                work.let_go.release()
                await asyncio.sleep(0)
            for call in calls:
                assert all(not shared for _, shared in await call)
            assert sum(map(len, work.batches)) == 101
            await batcher.close()

    run(test())


def test_equal_searches_are_computed_once() -> None:
    """Whether the first of them waits or runs already; the later ones hear that they share."""

    async def test() -> None:
        work = Work()
        batcher = made(work)
        first = asyncio.create_task(batcher.answer(asked("same")))
        await work.started()
        others = [asyncio.create_task(batcher.answer(asked("same"))) for _ in range(100)]
        await asyncio.sleep(0)
        work.let_go.release()
        assert await first == [("SAME", False)]
        assert await asyncio.gather(*others) == [[("SAME", True)]] * 100
        assert work.batches == [["same"]]
        await batcher.close()

    run(test())


def test_a_batch_has_256_searches_at_most() -> None:
    """The rest is the batch after it."""

    async def test() -> None:
        work = Work(held=False)
        batcher = made(work, queue=1000)
        await batcher.answer(asked(*map(str, range(300))))
        assert [len(batch) for batch in work.batches] == [256, 44]
        await batcher.close()

    run(test())


def test_a_full_queue_refuses_and_says_when_to_come_back() -> None:
    """What waits already stays, and an equal search may still join it."""

    async def test() -> None:
        work = Work()
        batcher = made(work, queue=2)
        first = asyncio.create_task(batcher.answer(asked("first")))
        await work.started()
        waiting = asyncio.create_task(batcher.answer(asked("a", "b")))
        await asyncio.sleep(0)
        with pytest.raises(Refused) as refused:
            await batcher.answer(asked("c"))
        assert refused.value.kind is problem_kinds.OVERLOADED
        assert refused.value.detail == "2 searches wait, and at most 2 may; ask again in a second"
        assert refused.value.headers == {"Retry-After": "1"}
        joined = asyncio.create_task(batcher.answer(asked("a")))
        await asyncio.sleep(0)
        work.let_go.release(2)
        await asyncio.gather(first, waiting, joined)
        assert work.sheds == {"full": 1}
        assert work.batches == [["first"], ["a", "b"]]
        await batcher.close()

    run(test())


def of(collection: str, count: int) -> list[Query]:
    """Return different searches of a collection."""
    return [Query.of(f"{collection}{number}", collection=collection) for number in range(count)]


def test_a_storm_of_one_collection_does_not_delay_another() -> None:
    """Its search runs at once beside the batch of the storm, alone, however many wait."""

    async def test() -> None:
        work = Work()
        batcher = made(work, queue=1000)
        work.let_go.release()
        await batcher.answer(of("quiet", 1))
        await work.started()
        storm = asyncio.create_task(batcher.answer(of("storm", 200)))
        await work.started()
        quiet = asyncio.create_task(batcher.answer(of("quiet", 1)))
        await work.started()
        assert [len(batch) for batch in work.batches] == [1, 4, 1]
        assert work.batches[2] == ["quiet0"]
        for _ in range(20):
            work.let_go.release()
        await asyncio.gather(storm, quiet)
        await batcher.close()

    run(test())


def test_batches_are_small_while_several_collections_are_asked() -> None:
    """So that the next search of another one waits for few; later they are large again."""

    async def test() -> None:
        work = Work(held=False)
        batcher = made(work, queue=1000)
        loop = asyncio.get_running_loop()
        clock = loop.time

        async def ask(collection: str, count: int, *, at: float) -> list[int]:
            """Ask so many seconds later than it is; return the sizes of the batches."""
            loop.time = lambda: clock() + at  # type: ignore[method-assign]
            work.batches.clear()
            await batcher.answer(of(collection, count))
            loop.time = clock  # type: ignore[method-assign]
            return [len(batch) for batch in work.batches]

        assert await ask("quiet", 1, at=0.0) == [1]
        assert await ask("storm", 40, at=0.0) == [4] * 10
        assert await ask("storm", 40, at=0.9) == [4] * 10
        assert await ask("quiet", 40, at=2.0) == [40]
        await batcher.close()

    run(test())


def test_a_full_queue_has_room_for_a_collection_that_did_not_fill_it() -> None:
    """Up to its share; those who fill it are refused."""

    async def test() -> None:
        work = Work()
        batcher = made(work, queue=8)
        first = asyncio.create_task(batcher.answer(of("storm", 1)))
        await work.started()
        calls = [first, asyncio.create_task(batcher.answer(of("storm", 9)[1:]))]
        await settled()
        calls.append(asyncio.create_task(batcher.answer(of("quiet", 1))))
        await work.started()
        calls.append(asyncio.create_task(batcher.answer(of("quiet", 5)[1:])))
        await settled()
        assert batcher.waiting == 12
        for name in ("quiet", "storm"):
            with pytest.raises(Refused):
                await batcher.answer([Query.of("one more", collection=name)])
        work.let_go.release(20)
        await asyncio.gather(*calls)
        assert work.sheds == {"full": 2}
        await batcher.close()

    run(test())


def test_a_search_past_its_deadline_is_refused_and_not_computed() -> None:
    """Also while the batch before it does not end."""

    async def test() -> None:
        work = Work()
        batcher = made(work, deadline_s=0.01)
        first = asyncio.create_task(batcher.answer(asked("first")))
        await work.started()
        with pytest.raises(Refused) as refused:
            await batcher.answer(asked("late"))
        assert refused.value.kind is problem_kinds.DEADLINE
        said = "the search waited for 0.01 s for its turn; ask again in a second"
        assert refused.value.detail == said
        assert refused.value.headers == {"Retry-After": "1"}
        work.let_go.release()
        assert await first == [("FIRST", False)]
        assert work.batches == [["first"]]
        assert (batcher.waiting, work.sheds) == (0, {"deadline": 1})
        await batcher.close()

    run(test())


def test_each_search_has_a_deadline_of_its_own() -> None:
    """One that comes after another was refused is refused in time too, also after a rest."""

    async def test() -> None:
        work = Work()
        batcher = made(work, deadline_s=0.01)
        for _ in range(2):
            running = asyncio.create_task(batcher.answer(asked("running")))
            await work.started()
            for query in ("a", "b"):
                with pytest.raises(Refused):
                    await asyncio.wait_for(batcher.answer(asked(query)), PATIENCE_S)
            work.let_go.release()
            assert await running == [("RUNNING", False)]
        assert work.sheds == {"deadline": 4}
        await batcher.close()

    run(test())


def test_a_deadline_is_not_put_off_by_others() -> None:
    """Who asked first is refused in time, however many ask for the same after; they may wait on."""

    async def test() -> None:
        work = Work()
        batcher = made(work, deadline_s=0.2)
        running = asyncio.create_task(batcher.answer(asked("running")))
        await work.started()
        first, others = asyncio.create_task(batcher.answer(asked("same"))), []
        while not first.done():
            others.append(asyncio.create_task(batcher.answer(asked("same"))))
            await asyncio.wait([first], timeout=0.02)
        refused = first.exception()
        assert isinstance(refused, Refused)
        assert refused.kind is problem_kinds.DEADLINE
        assert not others[-1].done()
        assert batcher.waiting == 1
        work.let_go.release()
        work.let_go.release()
        assert await others[-1] == [("SAME", True)]
        assert await running == [("RUNNING", False)]
        await asyncio.wait(others)
        assert work.sheds["deadline"] == 1 + sum(bool(other.exception()) for other in others)
        await batcher.close()

    run(test())


def test_who_goes_away_takes_nobody_along() -> None:
    """The answer is still given to others who asked for the same."""

    async def test() -> None:
        work = Work()
        batcher = made(work)
        first = asyncio.create_task(batcher.answer(asked("same")))
        await work.started()
        other = asyncio.create_task(batcher.answer(asked("same")))
        await asyncio.sleep(0)
        first.cancel()
        work.let_go.release()
        assert await other == [("SAME", True)]
        await batcher.close()

    run(test())


@pytest.mark.parametrize("place", [0, 3, 6], ids=["first", "middle", "last"])
def test_a_fault_takes_none_of_its_batch_along(place: int) -> None:
    """The one that fails has its error in its place, the others their answers, in their places."""

    async def test() -> None:
        batcher = Batcher(faulty(work := Work(held=False)).compute, work, queue=10, deadline_s=20)
        queries = [f"q{number}" for number in range(7)]
        queries[place] = "fault"
        answers = [answer for answer, _ in await batcher.answer(asked(*queries))]
        assert isinstance(answers.pop(place), ZeroDivisionError)
        queries.pop(place)
        assert answers == [query.upper() for query in queries]
        assert await batcher.answer(asked("a")) == [("A", False)]
        await batcher.close()

    run(test())


def test_where_all_fail_not_all_are_tried_alone(caplog: pytest.LogCaptureFixture) -> None:
    """A broken server is not kept busy by what cannot be answered, and each one is told.

    The log has the faults, and how many searches each of them took.
    """

    async def test() -> None:
        work = Work(held=False)
        batcher = Batcher(faulty(work).compute, work, queue=256, deadline_s=20)
        answers = await batcher.answer(asked(*(f"fault {number}" for number in range(256))))
        assert all(isinstance(answer, ZeroDivisionError) for answer, _ in answers)
        assert len(work.batches) == 25
        assert caplog.messages[0] == "1 of 256 searches failed"
        assert sum(int(message.split()[0]) for message in caplog.messages) == 256
        assert all(record.exc_info for record in caplog.records)
        await batcher.close()

    run(test())


def test_one_fault_among_many_is_found_by_halves() -> None:
    """Seventeen computations for 256 searches, of which one fails."""

    async def test() -> None:
        work = Work(held=False)
        batcher = Batcher(faulty(work).compute, work, queue=256, deadline_s=20)
        queries = [*(f"sound {number}" for number in range(255)), "fault"]
        answers = [answer for answer, _ in await batcher.answer(asked(*queries))]
        assert answers[:-1] == [query.upper() for query in queries[:-1]]
        assert isinstance(answers[-1], ZeroDivisionError)
        assert len(work.batches) == 17
        await batcher.close()

    run(test())


class Ending(BaseException):
    """What ends a thread, such as SystemExit, is not a fault."""


def test_what_ends_a_batch_ends_all_that_wait_for_it() -> None:
    """Nobody waits for ever, and the next batch is computed."""

    async def test() -> None:
        work = Work(held=False)
        sound = work.compute

        def compute(queries: Sequence[Query]) -> list[str]:
            if queries[0].text == "end":
                raise Ending
            return sound(queries)

        batcher = Batcher(compute, work, queue=10, deadline_s=20)
        calls = [asyncio.create_task(batcher.answer(asked("end"))) for _ in range(2)]
        for call in calls:
            with pytest.raises(Ending):
                await call
        assert await batcher.answer(asked("a")) == [("A", False)]
        await batcher.close()

    run(test())


def test_closing_lets_searches_finish() -> None:
    """Those that run and those that wait."""

    async def test() -> None:
        work = Work()
        batcher = made(work)
        first = asyncio.create_task(batcher.answer(asked("first")))
        await work.started()
        second = asyncio.create_task(batcher.answer(asked("second")))
        await asyncio.sleep(0)
        closing = asyncio.create_task(batcher.close())
        work.let_go.release(2)
        await closing
        assert [await first, await second] == [[("FIRST", False)], [("SECOND", False)]]

    run(test())


def test_another_event_loop_may_use_it_after_the_first_ended() -> None:
    """Nothing of the first is left behind."""
    work = Work(held=False)
    batcher = made(work)
    for query in ("a", "b"):
        assert asyncio.run(batcher.answer(asked(query))) == [(query.upper(), False)]
    asyncio.run(batcher.close())
