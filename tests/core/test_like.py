"""Searches for what looks like a moment, over the toy videos of `test_search`."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clipseek.errors import ClipseekError, InvalidQuery, ServiceUnavailable, VideoNotFound
from clipseek.library.views import Sight
from clipseek.parts import Like
from clipseek.query import Filters, Query
from clipseek.search import Searcher
from clipseek.testing import MemoryCatalog
from clipseek.types import SearchResult
from tests.core.test_search import MODEL, _put, videos
from tests.searching import searcher_over


@pytest.fixture
def store() -> MemoryCatalog:
    """`one` shows red, blue and green for two seconds each, and `two` blue."""
    return videos()


@pytest.fixture
def searcher(store: MemoryCatalog, tmp_path: Path) -> Searcher:
    """A searcher over the videos."""
    return searcher_over(store, tmp_path, lambda _: MODEL)


def _like(searcher: Searcher, query: Query) -> SearchResult:
    answer = searcher.search([query])[0]
    assert isinstance(answer, SearchResult), answer
    return answer


def test_what_looks_like_a_moment_is_found(searcher: Searcher) -> None:
    """Blue in the first video is like blue in the second one."""
    result = _like(searcher, Query.of(Like("one", 3.0)))
    best = result.hits[0]
    assert (best.video.id, best.span.start) == ("two", 0.0)
    assert best.score == pytest.approx(1, abs=1e-3)


def test_the_moment_itself_is_named_and_left_out(searcher: Searcher) -> None:
    """Its neighbours in the same video are other moments."""
    result = _like(searcher, Query.of(Like("one", 3.0)))
    assert result.like is not None
    like = result.like
    assert (like.video.id, like.span.start, like.span.end, like.best_time) == ("one", 2.0, 4.0, 2.0)
    assert {(hit.video.id, hit.span.start) for hit in result.hits} == {
        ("two", 0.0),
        ("one", 0.0),
        ("one", 4.0),
    }


def test_a_moment_has_no_relevance_and_matches_by_the_models_coherence(searcher: Searcher) -> None:
    """Only what looks as frames of one scene do counts as a match."""
    result = _like(searcher, Query.of(Like("one", 3.0)))
    assert all(np.isnan(hit.relevance) and np.isnan(hit.evidence) for hit in result.hits)
    assert (result.query, result.alike_from) == ("", MODEL.coherence)
    assert (result.total, result.total_videos, result.more) == (1, 1, False)


def test_a_sentence_has_neither_a_moment_nor_a_likeness(searcher: Searcher) -> None:
    """Both kinds in one batch are each judged by their own rule."""
    found = searcher.search([Query.of("blue"), Query.of(Like("two", 1.0)), Query.of("red")])
    blue, alike, red = found
    assert isinstance(blue, SearchResult)
    assert isinstance(alike, SearchResult)
    assert isinstance(red, SearchResult)
    assert (blue.like, blue.alike_from) == (None, None)
    assert blue.hits[0].relevance > 0.9
    assert alike.hits[0].video.id == "one"
    assert (red.hits[0].video.id, red.hits[0].span.start) == ("one", 0.0)


def test_filters_apply_to_what_is_found_and_not_to_the_moment(searcher: Searcher) -> None:
    """The moment is of a video without the tag."""
    query = replace(Query.of(Like("one", 0.0)), filters=Filters(tags=("night",)))
    assert [hit.video.id for hit in _like(searcher, query).hits] == ["two"]


def test_pages_of_what_looks_alike_have_no_moment_twice(searcher: Searcher) -> None:
    """A cursor leads on as for a sentence, and is not one of another moment."""
    first = _like(searcher, Query.of(Like("one", 3.0), 1))
    second = _like(searcher, Query.of(Like("one", 3.0), 5, cursor=first.next_cursor))
    assert [hit.video.id for hit in first.hits] == ["two"]
    assert [hit.video.id for hit in second.hits] == ["one", "one"]
    other = searcher.search([Query.of(Like("one", 0.0), cursor=first.next_cursor)])[0]
    assert isinstance(other, InvalidQuery)


@pytest.mark.parametrize(
    ("time", "start"),
    [
        pytest.param(0.0, 0.0, id="the start"),
        pytest.param(2.0, 2.0, id="a border belongs to what begins there"),
        pytest.param(5.9999, 4.0, id="just before the end"),
        pytest.param(6.0, 4.0, id="the end, where a player stops"),
    ],
)
def test_each_time_of_a_video_is_in_one_segment(
    searcher: Searcher, time: float, start: float
) -> None:
    """Spans are half-open."""
    like = _like(searcher, Query.of(Like("one", time))).like
    assert like is not None
    assert like.span.start == start


def _error(searcher: Searcher, query: Query) -> ClipseekError:
    answer = searcher.search([query])[0]
    assert isinstance(answer, ClipseekError)
    return answer


def test_a_time_past_the_end_is_refused(searcher: Searcher) -> None:
    """The sentence says which times there are."""
    error = _error(searcher, Query.of(Like("one", 6.5)))
    assert str(error) == (
        "like.time must be a second of video 'one' that is indexed, 0 to 6, got 6.5"
    )


@pytest.mark.parametrize("time", [-1.0, float("nan"), float("inf")], ids=str)
def test_a_time_that_is_none_is_refused(searcher: Searcher, time: float) -> None:
    """Before anything is read."""
    error = _error(searcher, Query.of(Like("one", time)))
    assert str(error) == f"like.time must be a number of seconds >= 0, got {time}"


def test_a_least_relevance_is_refused(searcher: Searcher) -> None:
    """Because nothing would pass it, or everything."""
    error = _error(searcher, Query.of(Like("one", 1.0), min_relevance=0.5))
    assert str(error) == (
        "min_relevance must be 0 unless sentences alone are asked for, got 0.5; moments that look "
        "alike have a score and no relevance"
    )


def test_an_unknown_video_fails_alone(searcher: Searcher) -> None:
    """The other searches of the batch are answered."""
    error, answer = searcher.search([Query.of(Like("none", 1.0)), Query.of("red")])
    assert isinstance(error, VideoNotFound)
    assert isinstance(answer, SearchResult)


def test_a_video_of_another_collection_does_not_exist(
    store: MemoryCatalog, searcher: Searcher
) -> None:
    """Its error is the one of a video that is nowhere."""
    store.ensure_collection("other", "toy", MODEL.embedder.dim, MODEL.embedder.fingerprint)
    _put(store, "hidden", ["red"], collection="other")
    assert _like(searcher, Query.of(Like("hidden", 1.0), collection="other")).like
    found = [
        _error(searcher, Query.of(Like(video, 1.0), collection="default"))
        for video in ("hidden", "nowhere")
    ]
    assert str(found[0]).replace("hidden", "nowhere") == str(found[1])


def test_vectors_of_a_collection_that_was_replaced_are_not_used(
    store: MemoryCatalog, searcher: Searcher
) -> None:
    """A view of the old collection is not searched with a vector of another model."""
    old = searcher.collections.latest("default")
    store.remove_collection("default")
    store.ensure_collection("default", "toy", MODEL.embedder.dim, MODEL.embedder.fingerprint)
    sights: dict[str, Sight] = {"default": old}
    error = searcher.batch([Query.of(Like("one", 1.0))], sights).answers[0]
    assert isinstance(error, ServiceUnavailable)
    assert "has just been replaced" in str(error)


def test_times_that_are_equal_have_one_key() -> None:
    """And other times, videos and kinds of parts have others."""
    keys = [
        Query.of(part).key(1, "f")
        for part in (Like("one", 1), Like("one", 1.0), Like("one", 2.0), Like("two", 1.0))
    ]
    assert keys[0] == keys[1]
    assert len({*keys, Query.of("one").key(1, "f")}) == 4
