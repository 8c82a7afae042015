"""Who waits for whom: nobody for the model or the view of another collection."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from clipseek.errors import ConfigError
from clipseek.model import Model
from clipseek.query import Query
from clipseek.search import Searcher
from clipseek.testing import MemoryCatalog
from clipseek.types import Collection, SearchResult
from tests.core.test_search import EMBEDDER, MODEL, _put
from tests.searching import searcher_over


class Models:
    """Loads models; one of them is held until it is let go on."""

    def __init__(self, held: str) -> None:
        self.held = held
        self.begun = threading.Semaphore(0)
        self.let_go = threading.Event()
        self.error: Exception | None = None
        self.loads = 0

    def load(self, collection: Collection) -> Model:
        """Load a model, as slowly as it is told."""
        if collection.fingerprint == self.held:
            self.loads += 1
            self.begun.release()
            assert self.let_go.wait(20)
            if self.error is not None:
                raise self.error
        return MODEL


@pytest.fixture
def catalog() -> MemoryCatalog:
    """Two collections of two models."""
    catalog = MemoryCatalog()
    for name, fingerprint in (("quick", EMBEDDER.fingerprint), ("slow", "0" * 64)):
        catalog.ensure_collection(name, "toy", EMBEDDER.dim, fingerprint)
        _put(catalog, f"in-{name}", ["red"], collection=name)
    return catalog


@pytest.fixture
def models() -> Models:
    """The slow one waits."""
    return Models("0" * 64)


@pytest.fixture
def searcher(catalog: MemoryCatalog, models: Models, tmp_path: Path) -> Searcher:
    """A searcher in which nothing is open."""
    return searcher_over(catalog, tmp_path, models.load)


@pytest.fixture
def pool(models: Models) -> Iterator[ThreadPoolExecutor]:
    """Threads that search."""
    with ThreadPoolExecutor(8) as pool:
        yield pool
        models.let_go.set()


def ask(searcher: Searcher, collection: str) -> object:
    """Search one collection."""
    (answer,) = searcher.search([Query.of("red", collection=collection)])
    return answer


def test_a_model_that_is_loaded_holds_nobody_else(
    catalog: MemoryCatalog, searcher: Searcher, models: Models, pool: ThreadPoolExecutor
) -> None:
    """Neither a search of another collection nor a look for changes, of its own collection too."""
    slow = pool.submit(ask, searcher, "slow")
    assert models.begun.acquire(timeout=20)
    assert isinstance(pool.submit(ask, searcher, "quick").result(20), SearchResult)
    _put(catalog, "new", ["red"], collection="slow")
    pool.submit(searcher.collections.refresh).result(20)
    assert len(searcher.collections.latest("slow").view) == 2
    models.let_go.set()
    assert isinstance(slow.result(20), SearchResult)


def test_a_view_that_is_opened_holds_nobody_else(
    catalog: MemoryCatalog,
    searcher: Searcher,
    pool: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The catalog answers slowly for one collection; another one is searched meanwhile."""
    begun, let_go, consistent = threading.Event(), threading.Event(), catalog.consistent

    def slow(name: str) -> object:
        if name == "slow":
            begun.set()
            assert let_go.wait(20)
        return consistent(name)

    monkeypatch.setattr(catalog, "consistent", slow)
    opening = pool.submit(searcher.collections.latest, "slow")
    assert begun.wait(20)
    assert isinstance(pool.submit(ask, searcher, "quick").result(20), SearchResult)
    let_go.set()
    assert len(opening.result(20).view) == 1


def test_a_model_that_cannot_be_loaded_is_tried_once_for_all_who_wait(
    searcher: Searcher, models: Models, pool: ThreadPoolExecutor
) -> None:
    """They share its error; who comes later tries again."""
    models.error = ConfigError("no such model")
    first = pool.submit(ask, searcher, "slow")
    assert models.begun.acquire(timeout=20)
    others = [pool.submit(ask, searcher, "slow") for _ in range(5)]
    done, _ = wait(others, timeout=0.2)
    assert not done
    models.let_go.set()
    answers = [call.result(20) for call in (first, *others)]
    assert all(isinstance(answer, ConfigError) for answer in answers)
    assert models.loads == 1
    models.error = None
    assert isinstance(ask(searcher, "slow"), SearchResult)
