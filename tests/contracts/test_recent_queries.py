"""Recent queries in a folder and in Redis: bounded, and never those of another collection."""

import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from clipseek.cache.recent import FolderQueries, RecentQueries
from clipseek.caches import open_recent
from clipseek.config import Settings
from clipseek.errors import ServiceUnavailable
from clipseek.types import Collection

Open = Callable[..., RecentQueries]
SECRET = "a secret of the tests"


def a_collection(key: str, epoch: str) -> Collection:
    """Return a collection of this key and epoch."""
    return Collection("default", "toy", 8, "f", version=1, key=key, epoch=epoch)


ONE = a_collection("one", "e1")


@pytest.fixture(params=["folder", "redis"])
def recent(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Return what opens the recent queries of one installation, as each of its processes does."""
    given = {"data_dir": tmp_path, "keep_queries": 3, "redis_timeout_s": 5, "cache_secret": SECRET}
    if request.param == "redis":
        given["redis_url"] = request.getfixturevalue("redis_url")
    opened: list[RecentQueries] = []

    def one(**other: object) -> RecentQueries:
        opened.append(open_recent(Settings.load(**{**given, **other})))
        return opened[-1]

    yield one
    for each in opened:
        each.forget(ONE)
        each.close()


def note(queries: RecentQueries, collection: Collection, *texts: str) -> None:
    """Note queries, one after the other, and store them."""
    for text in texts:
        queries.note(collection, text)
    queries.store()


def test_the_latest_queries_of_each_process_are_kept(recent: Open) -> None:
    """The latest first, no more than asked for; another process reads them."""
    replicas = recent(), recent()
    note(replicas[0], ONE, "a boat", "a bird", "a car")
    note(replicas[1], ONE, "a tree")
    assert recent(keep_queries=0).of(ONE) == ["a tree", "a car", "a bird"]


def test_each_collection_has_its_own(recent: Open) -> None:
    """And one that is removed leaves none to the next of its name, which has another epoch."""
    queries = recent()
    note(queries, ONE, "a boat")
    assert queries.of(a_collection("one", "e2")) == []
    assert queries.of(a_collection("two", "e1")) == []
    queries.forget(ONE)
    assert queries.of(ONE) == []


def test_what_waits_is_bounded_too(recent: Open) -> None:
    """Until it is stored, a process has no more than it keeps."""
    queries = recent()
    for i in range(9):
        queries.note(ONE, f"{i} boats")
    assert [len(waiting) for waiting in queries._noted.values()] == [3]
    queries.store()
    assert queries.of(ONE) == ["8 boats", "7 boats", "6 boats"]


def test_what_waits_is_stored_at_the_end(recent: Open) -> None:
    """A process that ends stores what it has; one that only reads stores nothing."""
    queries = recent()
    queries.storing.start()
    queries.note(ONE, "a boat")
    queries.close()
    assert recent().of(ONE) == ["a boat"]


def test_two_processes_that_store_at_once_lose_nothing(tmp_path: Path) -> None:
    """In a folder, each waits for the other."""
    stores = [RecentQueries(FolderQueries(tmp_path / "queries"), 1000) for _ in range(2)]

    def work(number: int) -> None:
        for i in range(20):
            note(stores[number], ONE, f"{number} and {i:02}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stores[0].of(ONE)) == 40


@contextmanager
def without_rights(folder: Path) -> Iterator[None]:
    """Put a file in the place of a folder, which stops even root."""
    folder.rename(folder.with_suffix(".aside"))
    folder.write_bytes(b"")
    yield
    folder.unlink()
    folder.with_suffix(".aside").rename(folder)


def test_what_cannot_be_stored_waits(tmp_path: Path) -> None:
    """A sentence says what to do, and nothing is lost when it is possible again."""
    folder = tmp_path / "queries"
    queries = RecentQueries(FolderQueries(folder), 9)
    note(queries, ONE, "a boat")
    with (
        without_rights(folder),
        pytest.raises(ServiceUnavailable, match=f"stored in {folder}: .*; let this user write"),
    ):
        note(queries, ONE, "a bird")
    queries.note(ONE, "a car")
    queries.store()
    assert queries.of(ONE) == ["a car", "a bird", "a boat"]


def test_only_their_owner_reads_the_folder(tmp_path: Path) -> None:
    """What people ask is nobody else's business, and no name of a file repeats it."""
    with closing(open_recent(Settings.load(data_dir=tmp_path, keep_queries=9))) as queries:
        note(queries, a_collection("../../one", ".."), "a boat")
    (folder,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (file,) = folder.glob("*.json")
    assert len(file.stem) == 64
    assert "a boat" in file.read_text()


def test_entries_of_another_secret_are_refused(tmp_path: Path, redis_url: str) -> None:
    """Somebody who may write to Redis does not choose what a switch compares by."""
    given = {"redis_url": redis_url, "redis_timeout_s": 5, "data_dir": tmp_path}
    ours = Settings.load(**given, keep_queries=9, cache_secret=SECRET)
    theirs = Settings.load(**given, cache_secret=f"not {SECRET}")
    with closing(open_recent(ours)) as one, closing(open_recent(theirs)) as other:
        note(one, ONE, "a boat")
        with pytest.raises(ServiceUnavailable, match="or its entries have another"):
            other.of(ONE)
        assert one.of(ONE) == ["a boat"]
        one.forget(ONE)


def test_a_redis_that_is_away_is_said(tmp_path: Path) -> None:
    """Instead of having no queries."""
    settings = Settings.load(
        data_dir=tmp_path, redis_url="redis://127.0.0.1:1", cache_secret=SECRET
    )
    with (
        closing(open_recent(settings)) as queries,
        pytest.raises(ServiceUnavailable, match="recent queries in Redis cannot be used"),
    ):
        queries.of(ONE)
