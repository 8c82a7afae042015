"""Pages of an answer: together they are what one longer answer would be, at one version."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek import ranking
from clipseek.cursor import CURSOR_CHARACTERS, DEEPEST, Cursor
from clipseek.errors import ClipseekError, InvalidQuery, VersionGone
from clipseek.publishing import FolderStore, build
from clipseek.query import Filters, Query
from clipseek.search import Searcher
from clipseek.testing import MemoryCatalog
from clipseek.types import PICTURE, FieldSegments, Put, SearchResult, Video
from tests.core.test_search import EMBEDDER, MODEL, _put
from tests.searching import searcher_over

CURSORS = st.builds(
    Cursor,
    version=st.integers(0, 2**63 - 1),
    asked=st.binary(min_size=8, max_size=8),
    state=st.binary(min_size=8, max_size=8),
    reach=st.integers(1, DEEPEST - 1),
    score=st.floats(-1, 1, width=32) | st.just(float("inf")),
    segment_id=st.integers(0, 2**63 - 1),
)
SEGMENTS = 1500


def _spread(catalog: MemoryCatalog) -> None:
    """Put 300 videos of 5 moments, of which some have one score and all are between two cuts."""
    rng = np.random.default_rng(3)
    red = EMBEDDER.embed_texts(["red"])[0]
    noise = rng.normal(size=(SEGMENTS, len(red)), scale=rng.choice([0.0, 0.1, 0.4], (SEGMENTS, 1)))
    vectors = (red + noise).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    starts = 4.0 * np.arange(5, dtype=np.float64)
    for number in range(SEGMENTS // 5):
        name = f"{(number * 7919) % 1000:03d}"
        picture = FieldSegments(
            spans=np.stack([starts, starts + 2], axis=1),
            vectors=vectors[5 * number : 5 * number + 5],
            best_times=starts,
            biases=rng.uniform(0, 30, 5).astype(np.float32),
            thumbnails=["none.jpg"] * 5,
        )
        tags = ("odd",) if number % 2 else ()
        video = Video(name, f"/{name}.mp4", name, 20.0, 64, 36, 1, tags=tags)
        catalog.put("default", Put(video, {PICTURE: picture}))


@pytest.fixture(scope="module")
def store() -> MemoryCatalog:
    """Many videos, in no order of their ids."""
    catalog = MemoryCatalog()
    catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    _spread(catalog)
    return catalog


@pytest.fixture
def searcher(store: MemoryCatalog, tmp_path: Path) -> Searcher:
    """A searcher over them, with a snapshot of them all."""
    build(store, FolderStore(tmp_path), "default")
    return searcher_over(store, tmp_path, lambda _: MODEL)


def _answer(searcher: Searcher, query: Query) -> SearchResult:
    (answer,) = searcher.search([query])
    assert isinstance(answer, SearchResult), answer
    return answer


def _pages(searcher: Searcher, query: Query) -> list[SearchResult]:
    pages = [_answer(searcher, query)]
    while (cursor := pages[-1].next_cursor) is not None:
        pages.append(_answer(searcher, replace(query, after=Cursor.of(cursor))))
    return pages


@given(CURSORS)
def test_a_cursor_is_read_as_it_was_written(cursor: Cursor) -> None:
    """In characters that need no escape in JSON or in a URL."""
    text = cursor.text()
    assert Cursor.of(text) == cursor
    assert len(text) == CURSOR_CHARACTERS
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


GOOD = Cursor(3, b"a" * 8, b"b" * 8, 10, 0.5, 7)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("x", id="short"),
        pytest.param(GOOD.text()[:-1] + "é", id="not ASCII"),
        pytest.param(GOOD.text()[:-1] + " ", id="a space"),
        pytest.param("B" + GOOD.text()[1:], id="another format"),
        pytest.param(replace(GOOD, reach=0).text(), id="before the first page"),
        pytest.param(replace(GOOD, reach=DEEPEST).text(), id="after the deepest page"),
        pytest.param(replace(GOOD, score=float("nan")).text(), id="no score"),
        pytest.param(replace(GOOD, segment_id=-1).text(), id="no segment"),
    ],
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    """With a sentence that shows it and says what to do."""
    with pytest.raises(InvalidQuery, match=r"^cursor must be .* search again without it$"):
        Cursor.of(text)


@pytest.mark.parametrize("limit", [7, 40, 100])
@pytest.mark.parametrize(
    "filters",
    [
        pytest.param(Filters(), id="all"),
        pytest.param(Filters(tags=("odd",)), id="tag"),
        pytest.param(Filters(min_relevance=0.5), id="relevance"),
    ],
)
def test_pages_have_every_moment_once_in_one_order(
    searcher: Searcher, filters: Filters, limit: int
) -> None:
    """Whatever the size of a page, with equal scores too, and up to the deepest page."""
    query = replace(Query.of("red", limit), filters=filters)
    pages = _pages(searcher, query)
    found = [hit.segment_id for page in pages for hit in page.hits]
    others = _pages(searcher, replace(query, limit=64))
    expected = [hit.segment_id for page in others for hit in page.hits]
    assert len(set(found)) == len(found) > 300
    assert found[: len(expected)] == expected[: len(found)]
    scores = [hit.score for page in pages for hit in page.hits]
    assert scores == sorted(scores, reverse=True)
    assert all(len(page.hits) <= limit for page in pages)


def test_pages_end_at_the_deepest_hit(searcher: Searcher) -> None:
    """The last page is shorter, because 64 does not divide 1000."""
    pages = _pages(searcher, Query.of("red", 64))
    assert sum(len(page.hits) for page in pages) == DEEPEST == 1000
    assert len(pages[-1].hits) == DEEPEST % 64
    assert pages[-1].next_cursor is None


def test_the_last_page_of_few_moments_has_no_next_one(searcher: Searcher) -> None:
    """Five moments in pages of two, and in one of five."""
    few = replace(Query.of("red", 2), filters=Filters(video_ids=("000",)))
    assert [len(page.hits) for page in _pages(searcher, few)] == [2, 2, 1]
    assert _answer(searcher, replace(few, limit=5)).next_cursor is None


def test_a_later_page_is_the_same_in_any_batch(searcher: Searcher) -> None:
    """Whatever other pages and searches are computed beside it."""
    pages = _pages(searcher, Query.of("red", 50))[:3]
    queries = [Query.of("red", 50), Query.of("red")]
    queries += [replace(Query.of("red", 50), after=Cursor.of(p.next_cursor or "")) for p in pages]
    beside = searcher.search(queries)
    assert beside == [searcher.search([query])[0] for query in queries]


def _refused(searcher: Searcher, query: Query) -> ClipseekError:
    (answer,) = searcher.search([query])
    assert isinstance(answer, ClipseekError)
    return answer


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Query.of("blue"), id="query"),
        pytest.param(Query.of("red", tags=["odd"]), id="tag"),
        pytest.param(Query.of("red", min_relevance=0.5), id="relevance"),
        pytest.param(Query.of("red", video_ids=["000"]), id="video"),
    ],
)
def test_a_cursor_of_another_search_is_refused(searcher: Searcher, other: Query) -> None:
    """A page of the one search would begin anywhere in the other."""
    cursor = _answer(searcher, Query.of("red")).next_cursor or ""
    error = _refused(searcher, replace(other, after=Cursor.of(cursor)))
    assert isinstance(error, InvalidQuery)
    assert "of another search" in str(error)


def test_a_cursor_is_of_one_collection(tmp_path: Path) -> None:
    """Not of one that was made by the same name, and has the same version."""
    catalog = MemoryCatalog()
    searcher = searcher_over(catalog, tmp_path, lambda _: MODEL)
    cursors = []
    for _ in range(2):
        catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
        _put(catalog, "one", ["red", "blue", "red"])
        searcher.collections.refresh()
        answer = _answer(searcher, Query.of("red", 1))
        assert answer.version == 1
        cursors.append(replace(Query.of("red", 1), after=Cursor.of(answer.next_cursor or "")))
        catalog.remove_collection("default")
        searcher.collections.refresh()
    catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    _put(catalog, "one", ["red", "blue", "red"])
    assert isinstance(_refused(searcher, cursors[0]), VersionGone)


def test_a_cursor_ends_with_its_version(tmp_path: Path) -> None:
    """The error says which version it is of, which one answers, and what to do."""
    catalog = MemoryCatalog()
    catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    _put(catalog, "one", ["red", "blue", "red"])
    searcher = searcher_over(catalog, tmp_path, lambda _: MODEL)
    cursor = Cursor.of(_answer(searcher, Query.of("red", 1)).next_cursor or "")
    _put(catalog, "two", ["red"])
    searcher.collections.refresh()
    error = _refused(searcher, replace(Query.of("red", 1), after=cursor))
    assert isinstance(error, VersionGone)
    assert (error.asked, error.now) == (1, 2)
    assert str(error).endswith("search again without a cursor")


def test_a_page_goes_on_after_a_moment_that_is_not_found_again() -> None:
    """By its score: an approximate search may find others when it is asked for more."""
    ids, scores = np.array([5, 2, 9, 4]), np.array([0.9, 0.8, 0.8, 0.1], np.float32)
    assert ranking.place_after(ids, scores, 2, float(np.float32(0.8))) == 2
    assert ranking.place_after(ids, scores, 7, float(np.float32(0.8))) == 3
    assert ranking.place_after(ids, scores, 7, 0.85) == 1
    assert ranking.place_after(ids, scores, 0, float("inf")) == 0


def test_the_key_of_a_page_is_its_own() -> None:
    """Pages of one search are stored apart."""
    query = Query.of("red")
    pages = [query, replace(query, after=GOOD), replace(query, after=replace(GOOD, segment_id=8))]
    assert len({page.key(3, "") for page in pages}) == 3
    assert len({page.asked() for page in pages}) == 1
