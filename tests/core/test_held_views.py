"""A name that is given to another collection: the one before answers until that one can."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from clipseek.errors import ConfigError
from clipseek.model import Model
from clipseek.query import Query
from clipseek.search import Searcher
from clipseek.testing import MemoryCatalog
from clipseek.types import Collection, SearchResult
from tests.core.test_late_views import Clock, clock
from tests.core.test_search import EMBEDDER, MODEL, _put
from tests.searching import searcher_over

__all__ = ["clock"]
HELD_S = 60.0


def load(collection: Collection) -> Model:
    """Return a model; that of the collection "broken" is not on this machine."""
    if collection.fingerprint == "broken":
        raise ConfigError("model broken is not installed")
    return MODEL


@pytest.fixture
def catalog() -> MemoryCatalog:
    """Three collections, each with a video that is named as it, and two aliases of the first."""
    catalog = MemoryCatalog()
    for name, fingerprint in (("one", EMBEDDER.fingerprint), ("two", "two"), ("broken", "broken")):
        catalog.ensure_collection(name, "toy", EMBEDDER.dim, fingerprint)
        _put(catalog, name, ["red"], collection=name)
    for alias in ("first", "second"):
        catalog.set_alias(alias, "one")
    return catalog


@pytest.fixture
def searcher(clock: Clock, catalog: MemoryCatalog, tmp_path: Path) -> Iterator[Searcher]:
    """A searcher that has answered by both aliases; its threads have no turn during a test."""
    searcher = searcher_over(catalog, tmp_path, load, refresh_s=HELD_S)
    searcher.collections.start()
    assert (answers(searcher, "first"), answers(searcher, "second")) == ("one", "one")
    yield searcher
    searcher.collections.close()


def answers(searcher: Searcher, name: str) -> str:
    """Return which collection answers by a name."""
    (answer,) = searcher.search([Query.of("red", collection=name)])
    assert isinstance(answer, SearchResult)
    return answer.hits[0].video.id


def test_the_collection_before_answers_until_the_other_one_is_prepared(
    catalog: MemoryCatalog, searcher: Searcher
) -> None:
    """Then that one answers, at the next refresh."""
    catalog.set_alias("first", "two")
    searcher.collections.refresh()
    assert answers(searcher, "first") == "one"
    searcher.collections.refresh()
    assert answers(searcher, "first") == "one"

    searcher.collections.prepare()
    searcher.collections.refresh()
    assert answers(searcher, "first") == "two"


def test_a_refresh_that_was_overtaken_does_not_go_back_to_the_collection_before(
    clock: Clock,
    catalog: MemoryCatalog,
    searcher: Searcher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A late search took what was prepared, before the refresh looked for it, and answers first."""
    catalog.set_alias("first", "two")
    searcher.collections.refresh()
    searcher.collections.prepare()
    clock.now += 3 * HELD_S
    read, asked, times = catalog.collection, list[str](), list[float]()
    has_looked = threading.Event()
    refreshing = threading.Thread(target=searcher.collections.refresh)

    def collection(name: str) -> Collection:
        if name == "first" and threading.current_thread() is not refreshing:
            asked.append(name)
            if len(asked) == 2:  # the search knows what the name stands for, and follows that
                refreshing.start()
                assert has_looked.wait(20)
        return read(name)

    def monotonic() -> float:
        if threading.current_thread() is refreshing:
            times.append(clock.now)
            if len(times) == 3:  # it has found nothing that is prepared
                has_looked.set()
        return clock.now

    monkeypatch.setattr(catalog, "collection", collection)
    monkeypatch.setattr("clipseek.library.views.monotonic", monotonic)
    assert answers(searcher, "first") == "two"
    refreshing.join(20)
    assert answers(searcher, "first") == "two"


def test_it_answers_for_a_minute_at_most(
    clock: Clock, catalog: MemoryCatalog, searcher: Searcher
) -> None:
    """After that a search waits for the model of the other collection."""
    catalog.set_alias("first", "two")
    searcher.collections.refresh()
    clock.now += HELD_S - 0.001
    searcher.collections.refresh()
    assert answers(searcher, "first") == "one"
    clock.now += 0.001
    searcher.collections.refresh()
    assert answers(searcher, "first") == "two"


def test_a_name_that_comes_back_stays_where_it_was(
    clock: Clock, catalog: MemoryCatalog, searcher: Searcher
) -> None:
    """A rollback before the other one was prepared changes nothing; the time begins again."""
    catalog.set_alias("first", "two")
    searcher.collections.refresh()
    clock.now += HELD_S - 1
    catalog.set_alias("first", "one")
    searcher.collections.refresh()
    catalog.set_alias("first", "two")
    searcher.collections.refresh()
    clock.now += HELD_S - 1
    searcher.collections.refresh()
    assert answers(searcher, "first") == "one"


def test_a_model_that_is_missing_keeps_no_other_collection_back(
    catalog: MemoryCatalog, searcher: Searcher
) -> None:
    """Each name is prepared, and the error is told at the end."""
    catalog.set_alias("first", "broken")
    catalog.set_alias("second", "two")
    searcher.collections.refresh()

    with pytest.raises(ConfigError, match="model broken is not installed"):
        searcher.collections.prepare()
    searcher.collections.refresh()
    assert (answers(searcher, "first"), answers(searcher, "second")) == ("one", "two")
