"""Searches with several parts, over the toy videos of `test_search`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clipseek import matching
from clipseek.errors import InvalidQuery, QueryNotRead, VideoNotFound
from clipseek.parts import Like, Part, Picture, Text
from clipseek.query import Query
from clipseek.search import Searcher
from clipseek.testing import TOY_WORDS, MemoryCatalog
from clipseek.types import Hit, SearchResult
from clipseek.vectors import asked
from tests.core.test_search import MODEL, _put, videos
from tests.searching import searcher_over

Moments = list[tuple[str, float]]


@pytest.fixture
def store() -> MemoryCatalog:
    """`one` shows red, blue and green for two seconds each, `two` blue, and `three` cyan."""
    catalog = videos()
    _put(catalog, "three", ["cyan", "black"], tags=("sea",))
    return catalog


@pytest.fixture
def searcher(store: MemoryCatalog, tmp_path: Path) -> Searcher:
    """A searcher over the videos."""
    return searcher_over(store, tmp_path, lambda _: MODEL)


def _found(searcher: Searcher, *parts: Part, **more: Any) -> SearchResult:
    answer = searcher.search([Query.of(parts, **more)])[0]
    assert isinstance(answer, SearchResult), answer
    return answer


def _moments(result: SearchResult) -> Moments:
    return [(hit.video.id, hit.span.start) for hit in result.hits]


BLACK = Picture.of(np.zeros((4, 4, 3), np.uint8))


def test_the_weight_of_a_single_part_makes_no_difference(searcher: Searcher) -> None:
    """There is nothing that it could count against."""
    plain, heavy = _found(searcher, Text("blue")), _found(searcher, Text("blue", 5.0))
    assert plain.hits == heavy.hits
    assert heavy.query == "blue"


def test_the_same_sentence_twice_is_that_sentence(searcher: Searcher) -> None:
    """With its scores, its relevance and its order, although another way leads there."""
    plain, twice = _found(searcher, Text("blue")), _found(searcher, Text("blue"), Text("blue", 2.0))
    assert _moments(twice) == _moments(plain)
    for one, other in zip(plain.hits, twice.hits, strict=True):
        assert other.score == pytest.approx(one.score, abs=1e-6)
        assert other.relevance == pytest.approx(one.relevance, abs=1e-6)
        assert other.evidence == pytest.approx(one.evidence, abs=1e-4)
    assert (twice.total, twice.more, twice.query) == (plain.total, plain.more, "")


def test_what_is_not_wanted_is_not_found(searcher: Searcher) -> None:
    """Cyan is green and blue, so the sentence alone finds both; now blue has no relevance."""
    alone = {(hit.video.id, hit.span.start): hit for hit in _found(searcher, Text("cyan")).hits}
    result = _found(searcher, Text("cyan"), Text("blue", -1.0))
    without = {(hit.video.id, hit.span.start): hit for hit in result.hits}
    assert _moments(result).index(("one", 4.0)) < _moments(result).index(("two", 0.0))
    assert without["two", 0.0].relevance < alone["two", 0.0].relevance / 10
    assert without["one", 4.0].relevance > 0.5


def test_all_that_is_wanted_must_be_there(searcher: Searcher) -> None:
    """Red is in no moment that is blue, and one of both is not enough."""
    result = _found(searcher, Text("red"), Text("blue"))
    assert result.total == 0
    assert all(hit.relevance < 0.5 for hit in result.hits)
    assert _found(searcher, Text("red")).total == 1


def test_an_unwanted_picture_is_not_found(searcher: Searcher) -> None:
    """With a picture, hits have a score and no relevance."""
    unwanted = replace(BLACK, weight=-1.0)
    result = _found(searcher, Text("black"), unwanted)
    assert _moments(result)[0] != ("three", 2.0)
    assert _moments(_found(searcher, Text("black")))[0] == ("three", 2.0)
    assert result.alike_from == MODEL.coherence
    assert all(np.isnan(hit.relevance) and np.isnan(hit.evidence) for hit in result.hits)
    assert _moments(_found(searcher, BLACK, Text("blue", -1.0)))[0] == ("three", 2.0)


def test_a_wanted_moment_is_left_out(searcher: Searcher) -> None:
    """As with `like` alone; an unwanted one is among what does not match."""
    like = Like("two", 1.0)
    result = _found(searcher, like, Text("blue"))
    assert _moments(result)[0] == ("one", 2.0)
    assert ("two", 0.0) not in _moments(result)
    assert result.like is None
    result = _found(searcher, Text("blue"), replace(like, weight=-1.0))
    assert _moments(result)[0] == ("three", 0.0)
    assert ("two", 0.0) in _moments(result)


def test_filters_and_batches_are_those_of_any_search(searcher: Searcher) -> None:
    """Each query of a batch has the answer that it has alone."""
    filtered = Query.of((Text("cyan"), Text("red", -1.0)), tags=("sea",))
    queries = [Query.of("red"), filtered, Query.of((BLACK, Text("blue"))), Query.of(BLACK)]
    together = searcher.search(queries)
    assert repr(together) == repr([searcher.search([query])[0] for query in queries])
    assert isinstance(together[1], SearchResult)
    assert {hit.video.id for hit in together[1].hits} == {"three"}


def test_a_least_relevance_leaves_out_what_does_not_match(searcher: Searcher) -> None:
    """It is the relevance of all parts."""
    result = _found(searcher, Text("cyan"), Text("blue", -1.0), min_relevance=0.5)
    assert all(hit.relevance >= 0.5 for hit in result.hits)
    assert ("two", 0.0) not in _moments(result)


def test_pages_are_those_of_one_answer(searcher: Searcher) -> None:
    """No moment is on two pages, and none is missing."""
    parts = Text("cyan"), Text("blue", -0.5)
    whole, cursor = _found(searcher, *parts, limit=100), None
    paged: list[Hit] = []
    for _ in range(len(whole.hits)):
        page = _found(searcher, *parts, limit=1, cursor=cursor)
        paged += page.hits
        cursor = page.next_cursor
        if cursor is None:
            break
    assert paged == list(whole.hits)
    assert cursor is None


@pytest.mark.parametrize(
    ("parts", "least", "most"),
    [
        pytest.param((Text("blue"), Text("cyan", 2.0)), 0.0, 1.0, id="sentences"),
        pytest.param((Text("blue"), Text("green", -1.0)), 0.0, 1.0, id="not wanted"),
        pytest.param((BLACK, Like("one", 1.0)), -1.0, 1.0, id="pictures"),
        pytest.param((BLACK, Text("blue")), -1.0, 1.0, id="both"),
    ],
)
def test_no_more_matches_than_the_last_segment_allows(
    searcher: Searcher,
    monkeypatch: pytest.MonkeyPatch,
    parts: tuple[Part, ...],
    least: float,
    most: float,
) -> None:
    """With few segments compared, the bound is at least the fit of all others."""
    every = searcher.search([Query.of(parts)])[0]
    assert isinstance(every, SearchResult)
    assert not every.more
    view = searcher.collections.latest("default").view
    (one,) = asked([parts], view.collection, MODEL, searcher.texts, searcher.collections.catalog)
    assert not isinstance(one, Exception)
    is_seen = not all(isinstance(part, Text) for part in parts)
    monkeypatch.setattr(matching, "CANDIDATES", 2)
    all_ids = view.search(one.vector[None], 100)

    def judged(near: Any) -> matching.Together:
        return matching.Together.composed(
            view, near, [one], MODEL.scoring, MODEL.coherence, is_seen=is_seen
        )

    whole = judged(all_ids)
    few = judged(view.search(one.vector[None], 2))
    (bound,) = few.best_beyond([2])
    others = ~np.isin(whole.near.ids[0], few.near.ids[0])
    assert least <= whole.fit[others].max() <= bound + 1e-6 <= most + 1e-6
    assert whole.best_beyond([100]) == [matching.NO_MORE]


def test_what_is_wrong_with_one_part_fails_the_query_alone(searcher: Searcher) -> None:
    """The first of them is named; other queries are answered."""
    long = " ".join(["blue"] * (TOY_WORDS + 1))
    queries = [
        Query.of((Text("red"), Text("…", -1.0))),
        Query.of((Text(long), Text("red"))),
        Query.of((Text("red"), Like("none", 1.0))),
        Query.of((Text("red"), Text("blue", -1.0))),
        Query.of(long),
    ]
    unread, cut, missing, answered, alone = searcher.search(queries)
    assert isinstance(unread, QueryNotRead)
    assert isinstance(cut, InvalidQuery)
    assert str(cut) == (
        "a sentence of several parts must be short enough for model toy, which reads it up to "
        "'blue blue blue blue blue blue'; use fewer words"
    )
    assert isinstance(missing, VideoNotFound)
    assert isinstance(answered, SearchResult)
    assert isinstance(alone, SearchResult)
    assert alone.truncated_at is not None


def test_a_score_stays_a_cosine_and_its_order_is_kept(
    searcher: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is much unwanted has a score far below -1, by which it is still the last."""
    parts = (Text("blue"), Text("cyan", -9.0))
    hits = _found(searcher, *parts).hits
    assert all(-1 <= hit.score <= 1 for hit in hits)
    monkeypatch.setattr("clipseek.answers.shown", float)
    raw = _found(searcher, *parts).hits
    assert not all(-1 <= hit.score <= 1 for hit in raw)
    assert [hit.segment_id for hit in hits] == [hit.segment_id for hit in raw]
