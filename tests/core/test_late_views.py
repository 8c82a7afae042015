"""How old an answer may be: a view that is late is brought up to date before it answers."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from clipseek.errors import ServiceUnavailable
from clipseek.library.view import View
from clipseek.query import Query
from clipseek.search import Searcher
from clipseek.testing import MemoryCatalog
from clipseek.types import Collection, SearchResult
from tests.core.test_search import EMBEDDER, MODEL, _put
from tests.searching import searcher_over

REFRESH_S, LATE_S = 1.0, 2.0


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


class Catalog(MemoryCatalog):
    """A catalog that can be out of reach, and that counts how often it is asked for changes."""

    away = False
    asked = 0

    def collection(self, name: str) -> Collection:
        """Return the collection, if the catalog can be reached."""
        self.asked += 1
        if self.away:
            raise ServiceUnavailable("the database is away")
        return super().collection(name)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the searcher."""
    clock = Clock()
    monkeypatch.setattr("clipseek.library.views.monotonic", clock)
    return clock


@pytest.fixture
def catalog() -> Catalog:
    """One red video."""
    catalog = Catalog()
    catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    _put(catalog, "one", ["red"])
    return catalog


@pytest.fixture
def searcher(clock: Clock, catalog: Catalog, tmp_path: Path) -> Iterator[Searcher]:
    """A searcher that has answered once, and whose thread does not run."""
    searcher = searcher_over(catalog, tmp_path, lambda _: MODEL, refresh_s=REFRESH_S)
    assert _found(searcher) == {"one"}
    yield searcher
    searcher.collections.close()


def _found(searcher: Searcher) -> set[str]:
    (answer,) = searcher.search([Query.of("red")])
    assert isinstance(answer, SearchResult)
    return {hit.video.id for hit in answer.hits}


def test_a_late_view_is_brought_up_to_date(
    clock: Clock, catalog: Catalog, searcher: Searcher
) -> None:
    """A search that comes too long after the last look for changes looks itself."""
    _put(catalog, "two", ["red"])
    clock.now += LATE_S
    assert _found(searcher) == {"one"}
    clock.now += 0.001
    assert searcher.collections.opened("default") is None
    assert _found(searcher) == {"one", "two"}
    assert searcher.collections.opened("default") is not None


def test_views_are_kept_current_by_a_thread(catalog: Catalog, tmp_path: Path) -> None:
    """Between start and close it looks for changes, again and again."""
    asked, collection = threading.Semaphore(0), catalog.collection
    others = {thread.ident for thread in threading.enumerate()}

    def noted(name: str) -> Collection:
        if threading.current_thread() is not threading.main_thread():
            asked.release()
        return collection(name)

    searcher = searcher_over(catalog, tmp_path, lambda _: MODEL, refresh_s=0.01)
    searcher.collections.open("default")
    catalog.collection = noted  # type: ignore[method-assign]  # this one tells
    searcher.collections.start()
    try:
        assert all(asked.acquire(timeout=20) for _ in range(3))
    finally:
        searcher.collections.close()
    left = [thread for thread in threading.enumerate() if thread.ident not in others]
    assert "refresh" not in {thread.name for thread in left}


def test_a_view_is_not_late_where_nothing_changed(
    clock: Clock, catalog: Catalog, searcher: Searcher
) -> None:
    """A refresh that finds nothing new counts: searches after it ask for no changes."""
    clock.now += LATE_S
    searcher.collections.refresh()
    clock.now += LATE_S
    before = catalog.asked
    assert _found(searcher) == {"one"}
    assert catalog.asked == before


def test_a_late_view_does_not_answer_without_the_catalog(
    clock: Clock, catalog: Catalog, searcher: Searcher
) -> None:
    """Nobody knows what was committed meanwhile; when the catalog is back, searches are."""
    catalog.away = True
    clock.now += LATE_S + 0.001
    (answer,) = searcher.search([Query.of("red")])
    assert isinstance(answer, ServiceUnavailable)
    catalog.away = False
    assert _found(searcher) == {"one"}


def test_a_refresh_that_was_overtaken_does_not_go_back(
    catalog: Catalog, searcher: Searcher, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a refresh was busy, a video came and a search took it up: the refresh keeps it."""
    refresh = View.refresh

    def slow(view: View, *given: object) -> View:
        done = refresh(view, *given)  # type: ignore[arg-type]  # as given
        _put(catalog, "two", ["red"])
        clock.now += LATE_S + 0.001
        assert _found(searcher) == {"one", "two"}
        return done

    monkeypatch.setattr(View, "refresh", slow)
    searcher.collections.refresh()
    assert _found(searcher) == {"one", "two"}


def test_a_collection_that_is_gone_is_not_found(
    clock: Clock, catalog: Catalog, searcher: Searcher
) -> None:
    """A late view of it is forgotten."""
    catalog.__init__()  # type: ignore[misc]  # as if another database had been restored
    clock.now += LATE_S + 0.001
    (answer,) = searcher.search([Query.of("red")])
    assert not isinstance(answer, SearchResult)
    assert searcher.collections.stats() == {}


def test_a_snapshot_that_is_not_used_is_told_once(
    searcher: Searcher, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says what is wrong with it, and not again at every look."""
    (tmp_path / "default").mkdir()
    (tmp_path / "default" / "current").write_text("snapshot-7\n")
    for _ in range(3):
        searcher.collections.refresh()
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.startswith("the snapshot of collection default is not used: ")
    assert "run `indexer build`" in message
