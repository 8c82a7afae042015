"""Searches without the database: from the last view, for a while, and saying how old it is."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from clipseek.errors import ClipseekError, NothingIndexed, ServiceUnavailable
from clipseek.query import Query
from clipseek.search import Answer, Searcher
from clipseek.testing import MemoryCatalog
from clipseek.types import Collection, Named, SearchResult, Video
from tests.clock import Clock
from tests.core.test_search import EMBEDDER, MODEL, _put
from tests.searching import searcher_over

REFRESH_S, LATE_S, STALE_S = 1.0, 2.0, 30.0


class Catalog(MemoryCatalog):
    """A catalog that can be out of reach, for whatever it is asked."""

    error: Exception | None = None

    def _reach(self) -> None:
        if self.error is not None:
            raise self.error

    def collection(self, name: str) -> Collection:
        """Return the collection, if the catalog can be reached."""
        self._reach()
        return super().collection(name)

    @contextmanager
    def consistent(self, collection: str) -> Iterator[MemoryCatalog]:
        """Open a view, if the catalog can be reached."""
        self._reach()
        with super().consistent(collection) as now:
            yield now

    def videos_by_id(self, collection: str, video_ids: Sequence[str]) -> dict[str, Video]:
        """Return videos, if the catalog can be reached."""
        self._reach()
        return super().videos_by_id(collection, video_ids)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the views."""
    clock = Clock(100.0)
    monkeypatch.setattr("clipseek.library.views.monotonic", clock)
    return clock


@pytest.fixture
def catalog() -> Catalog:
    """One red video by day, and one by night."""
    catalog = Catalog()
    catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    _put(catalog, "one", ["red"], ("day",))
    _put(catalog, "two", ["red"], ("night",))
    return catalog


def opened(catalog: Catalog, folder: Path, stale_s: float = STALE_S) -> Searcher:
    """Return a searcher in which the collection is open."""
    searcher = searcher_over(catalog, folder, lambda _: MODEL, refresh_s=REFRESH_S, stale_s=stale_s)
    searcher.collections.open("default")
    return searcher


@pytest.fixture
def searcher(clock: Clock, catalog: Catalog, tmp_path: Path) -> Searcher:
    """A searcher that may answer from stale views."""
    return opened(catalog, tmp_path)


def away(catalog: Catalog, searcher: Searcher, error: Exception | None = None) -> None:
    """Let the catalog be out of reach, and the searcher notice."""
    catalog.error = error or ServiceUnavailable("the database is away")
    with pytest.raises(type(catalog.error)):
        searcher.collections.refresh()


def ask(searcher: Searcher, **filters: object) -> Answer:
    """Search for red."""
    (answer,) = searcher.search([Query.of("red", **filters)])  # type: ignore[arg-type]  # fields
    return answer


def found(answer: Answer) -> set[str]:
    """Return which videos an answer has."""
    assert isinstance(answer, SearchResult), answer
    return {hit.video.id for hit in answer.hits}


def _timeless(video: Named | Video) -> Named:
    """Return what an answer says of a video, without the time at which it was indexed."""
    assert video.indexed_at.endswith("Z")
    return Named(video.id, video.title, video.uri, video.duration)


def test_a_fresh_answer_needs_no_catalog(catalog: Catalog, searcher: Searcher) -> None:
    """A database that dies between two looks fails no search, and its view is not stale yet."""
    catalog.error = ServiceUnavailable("the database is away")
    answer = ask(searcher)
    assert isinstance(answer, SearchResult)
    assert answer.age_s is None
    assert {_timeless(hit.video) for hit in answer.hits} == {
        Named("one", "one", "/one.mp4", 2.0),
        Named("two", "two", "/two.mp4", 2.0),
    }


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ServiceUnavailable("away"), id="away"),
        pytest.param(ZeroDivisionError(), id="fault"),
    ],
)
def test_searches_go_on_and_say_how_old_they_are(
    clock: Clock, catalog: Catalog, searcher: Searcher, error: Exception
) -> None:
    """For so long as is allowed, and no longer."""
    for passed, is_answered in ((LATE_S, True), (STALE_S, True), (0.001, False)):
        clock.now += passed
        away(catalog, searcher, error)
        if not is_answered:
            break
        answer = ask(searcher)
        assert found(answer) == {"one", "two"}
        assert isinstance(answer, SearchResult)
        assert answer.age_s == (None if clock.now == 100 + LATE_S else LATE_S + STALE_S)
    if isinstance(error, ClipseekError):
        assert isinstance(ask(searcher), ServiceUnavailable)
    else:
        with pytest.raises(ZeroDivisionError):
            ask(searcher)


def test_a_stale_view_of_nothing_is_no_reason_to_index(clock: Clock, tmp_path: Path) -> None:
    """An empty collection may have videos by now: a search is told to ask again, not to ingest."""
    catalog = Catalog()
    catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    searcher = opened(catalog, tmp_path)
    clock.now += LATE_S + 5
    away(catalog, searcher)
    answer = ask(searcher)
    assert isinstance(answer, ServiceUnavailable)
    assert str(answer) == (
        "the database cannot be reached, and nothing was indexed when it last was; ask again in a "
        "moment"
    )
    assert answer.for_all


def test_none_go_on_where_none_may(clock: Clock, catalog: Catalog, tmp_path: Path) -> None:
    """With 0 there is no answer from a late view."""
    searcher = opened(catalog, tmp_path, stale_s=0)
    clock.now += LATE_S + 0.001
    away(catalog, searcher)
    assert isinstance(ask(searcher), ServiceUnavailable)


def test_an_empty_view_that_is_stale_does_not_say_that_nothing_is_indexed(
    clock: Clock, tmp_path: Path
) -> None:
    """The first video may have come meanwhile, so nobody is told to index something."""
    catalog = Catalog()
    catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    searcher = opened(catalog, tmp_path)
    assert isinstance(ask(searcher), NothingIndexed)
    _put(catalog, "one", ["red"])
    away(catalog, searcher)
    clock.now += LATE_S + 1
    assert isinstance(ask(searcher), ServiceUnavailable)
    catalog.error = None
    searcher.collections.refresh()
    assert found(ask(searcher)) == {"one"}


def test_searches_go_on_where_a_model_was_unloaded(
    clock: Clock, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is loaded again, which needs no catalog: a server goes on being ready meanwhile."""
    monkeypatch.setattr("clipseek.library.models.monotonic", clock)
    searcher = searcher_over(
        catalog, tmp_path, lambda _: MODEL, refresh_s=REFRESH_S, stale_s=STALE_S, idle_s=STALE_S
    )
    collections = searcher.collections
    collections.open("default")
    clock.now += STALE_S
    collections.refresh()
    clock.now += 1
    collections.models.sweep()
    away(catalog, searcher)
    assert not collections.is_open("default")
    assert collections.goes_on("default")
    assert found(ask(searcher)) == {"one", "two"}
    assert collections.is_open("default")


def test_what_was_removed_does_not_come_back(
    clock: Clock, catalog: Catalog, searcher: Searcher
) -> None:
    """The first answer after the database is back is of what it holds, and not stale."""
    catalog.remove("default", "one")
    clock.now += LATE_S + 5
    away(catalog, searcher)
    assert found(ask(searcher)) == {"one", "two"}
    catalog.error = None
    searcher.collections.refresh()
    answer = ask(searcher)
    assert found(answer) == {"two"}
    assert isinstance(answer, SearchResult)
    assert answer.age_s is None


def test_a_stale_view_is_not_asked_for_ever(
    clock: Clock, catalog: Catalog, searcher: Searcher
) -> None:
    """Where nobody looks for changes any more, a search does, and sees that all is well again."""
    clock.now += LATE_S + 5
    away(catalog, searcher)
    assert found(ask(searcher)) == {"one", "two"}
    catalog.error = None
    catalog.remove("default", "two")
    clock.now += LATE_S + 0.001
    assert found(ask(searcher)) == {"one"}


def test_filters_go_on(clock: Clock, catalog: Catalog, searcher: Searcher) -> None:
    """A view knows the tags of its videos."""
    clock.now += LATE_S + 5
    away(catalog, searcher)
    filters: dict[str, set[str]] = {"day": {"one"}, "night": {"two"}, "none": set()}
    for tag, expected in filters.items():
        assert found(ask(searcher, tags=(tag,))) == expected
    assert found(ask(searcher, video_ids=("two",))) == {"two"}
    assert found(ask(searcher, tags=("day",), video_ids=("two",))) == set()


def test_names_follow_every_change(catalog: Catalog, searcher: Searcher) -> None:
    """A video that came, one that went and one that moved are named as the catalog names them."""
    _put(catalog, "three", ["red"])
    catalog.remove("default", "two")
    catalog.relocate("default", "one", "/elsewhere/uno.mp4", 1, "1-1")
    searcher.collections.refresh()
    catalog.error = ServiceUnavailable("the database is away")
    answer = ask(searcher)
    assert isinstance(answer, SearchResult)
    assert {_timeless(hit.video) for hit in answer.hits} == {
        Named("three", "three", "/three.mp4", 2.0),
        Named("one", "uno", "/elsewhere/uno.mp4", 2.0),
    }


def test_names_of_another_database_are_not_kept(catalog: Catalog, searcher: Searcher) -> None:
    """One of the same version is restored, in which the same video has another name."""
    other = Catalog()
    other.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    _put(other, "two", ["red"])
    _put(other, "one", ["red"])
    other.relocate("default", "one", "/elsewhere/uno.mp4", 1, "1-1")
    vars(catalog).update(vars(other))
    searcher.collections.refresh()
    answer = ask(searcher)
    assert isinstance(answer, SearchResult)
    assert {hit.video.uri for hit in answer.hits} == {"/two.mp4", "/elsewhere/uno.mp4"}


def test_one_collection_that_fails_keeps_no_other_back(
    catalog: Catalog, searcher: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one cannot be refreshed; the second one is."""
    catalog.ensure_collection("more", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    _put(catalog, "three", ["red"], collection="more")
    searcher.collections.latest("more")
    collection = catalog.collection

    def broken(name: str) -> Collection:
        if name == "default":
            raise ZeroDivisionError
        return collection(name)

    monkeypatch.setattr(catalog, "collection", broken)
    _put(catalog, "four", ["red"], collection="more")
    with pytest.raises(ZeroDivisionError):
        searcher.collections.refresh()
    assert found(ask(searcher, collection="more")) == {"three", "four"}
