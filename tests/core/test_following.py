"""Searches for moments that follow each other, over videos of a toy model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clipseek.errors import ClipseekError
from clipseek.parts import Like, Part, Picture, Text
from clipseek.query import Query, Step
from clipseek.search import Searcher
from clipseek.testing import MemoryCatalog
from clipseek.types import Hit, SearchResult
from tests.core.test_search import MODEL, _put
from tests.searching import searcher_over

RED, BLUE, GREEN = Text("red"), Text("blue"), Text("green")


@pytest.fixture
def store() -> MemoryCatalog:
    """Red is before blue in `one` and after it in `two`; each colour takes two seconds."""
    catalog = MemoryCatalog()
    catalog.ensure_collection("default", "toy", MODEL.embedder.dim, MODEL.embedder.fingerprint)
    _put(catalog, "one", ["red", "white", "blue", "black", "green"])
    _put(catalog, "two", ["blue", "white", "red"], tags=("night",))
    _put(catalog, "three", ["red"])
    return catalog


@pytest.fixture
def searcher(store: MemoryCatalog, tmp_path: Path) -> Searcher:
    """A searcher over the videos."""
    return searcher_over(store, tmp_path, lambda _: MODEL)


def _steps(*then: Part | tuple[Part, ...], within: float = 5.0) -> list[Step]:
    return [Step(each if isinstance(each, tuple) else (each,), within) for each in then]


def _found(searcher: Searcher, first: Part, *then: Step, **more: Any) -> SearchResult:
    answer = searcher.search([Query.of(first, then=then, **more)])[0]
    assert isinstance(answer, SearchResult), answer
    return answer


def _spans(result: SearchResult) -> list[tuple[str, float, float]]:
    return [(hit.video.id, hit.span.start, hit.span.end) for hit in result.hits]


def test_the_answer_is_the_span_of_both(searcher: Searcher) -> None:
    """With the moment of each, and the relevance of the worse one."""
    result = _found(searcher, RED, *_steps(BLUE))
    best = result.hits[0]
    assert _spans(result)[0] == ("one", 0.0, 6.0)
    assert [(step.span.start, step.span.end) for step in best.steps] == [(0, 2), (4, 6)]
    assert best.relevance == min(step.relevance for step in best.steps)
    assert best.relevance > 0.9
    assert (best.segment_id, best.best_time) == (best.steps[0].segment_id, best.steps[0].best_time)
    assert (result.total, result.total_videos, result.more) == (1, 1, False)
    assert (result.query, result.like) == ("", None)


def test_the_reversed_order_is_another_answer(searcher: Searcher) -> None:
    """Blue, then red is in the other video alone."""
    result = _found(searcher, BLUE, *_steps(RED))
    assert _spans(result)[0] == ("two", 0.0, 6.0)
    assert result.total == 1


def test_what_never_follows_is_absent(searcher: Searcher) -> None:
    """Green is the last of all, so what is found instead has a low relevance."""
    result = _found(searcher, GREEN, *_steps(RED))
    assert result.total == 0
    assert all(hit.relevance < 0.5 for hit in result.hits)
    assert not _found(searcher, GREEN, *_steps(RED), min_relevance=0.5).hits


def test_time_between_is_limited(searcher: Searcher) -> None:
    """Two seconds are between red and blue."""
    assert _found(searcher, RED, *_steps(BLUE, within=2.0)).total == 1
    assert _found(searcher, RED, *_steps(BLUE, within=1.9)).total == 0


def test_three_steps_and_exclusions(searcher: Searcher) -> None:
    """Each step can have parts of its own."""
    then = _steps((BLUE, Text("yellow", -1.0)), GREEN)
    assert _spans(_found(searcher, RED, *then))[0] == ("one", 0.0, 10.0)
    assert _found(searcher, RED, *_steps(GREEN, BLUE)).total == 0


def test_filters_are_those_of_the_whole(searcher: Searcher) -> None:
    """Both moments are in a video that passes."""
    result = _found(searcher, RED, *_steps(BLUE), tags=("night",))
    assert {video for video, _, _ in _spans(result)} <= {"two"}
    assert result.total == 0


def test_a_picture_in_one_step_makes_it_a_score(searcher: Searcher) -> None:
    """Each step keeps its own: the one of a sentence has a relevance."""
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[..., 2] = 255
    result = _found(searcher, RED, *_steps(Picture.of(pixels)))
    best = result.hits[0]
    assert _spans(result)[0] == ("one", 0.0, 6.0)
    assert result.alike_from == MODEL.coherence
    assert best.score >= MODEL.coherence
    assert np.isnan(best.relevance)
    assert [np.isnan(step.relevance) for step in best.steps] == [False, True]
    assert result.total == 1
    assert _spans(_found(searcher, Like("three", 1.0), *_steps(BLUE)))[0] == ("one", 0.0, 6.0)


def test_a_batch_answers_as_one_by_one(searcher: Searcher) -> None:
    """Steps share the search with others, and change nothing for them."""
    queries = [
        Query.of("red"),
        Query.of(RED, then=_steps(BLUE)),
        Query.of((BLUE, Text("green", -1.0))),
        Query.of(BLUE, then=_steps((RED, GREEN))),
    ]
    assert repr(searcher.search(queries)) == repr(
        [searcher.search([query])[0] for query in queries]
    )


def test_pages_are_those_of_one_answer(searcher: Searcher) -> None:
    """No span is on two pages, and none is missing."""
    whole, cursor = _found(searcher, RED, *_steps(Text("black")), limit=100), None
    paged: list[Hit] = []
    assert len(whole.hits) > 1
    for _ in whole.hits:
        page = _found(searcher, RED, *_steps(Text("black")), limit=1, cursor=cursor)
        paged += page.hits
        cursor = page.next_cursor
    assert paged == list(whole.hits)
    assert cursor is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(
            Query.of(RED, then=_steps(BLUE, within=0.0)),
            "within must be more than 0 and at most 3600 seconds, got 0",
            id="0 seconds",
        ),
        pytest.param(
            Query.of(RED, then=_steps(BLUE, within=3601.0)),
            "within must be more than 0 and at most 3600 seconds, got 3601",
            id="more than an hour",
        ),
        pytest.param(
            Query.of(RED, then=_steps(BLUE, within=float("nan"))),
            "within must be more than 0 and at most 3600 seconds, got nan",
            id="not a number",
        ),
        pytest.param(
            Query.of(RED, then=_steps(BLUE, BLUE, BLUE, BLUE)),
            "then must be nested at most 3 times, got 4",
            id="too deep",
        ),
        pytest.param(
            Query.of(RED, then=_steps(Text("blue", -1.0))),
            "parts must have one that is wanted, of a weight above 0, got weights -1; say what to "
            "search for",
            id="nothing is wanted",
        ),
        pytest.param(
            Query.of(RED, then=_steps(BLUE), mark_similar=True),
            "mark_similar must be false with then, got true; spans of several moments are not "
            "compared",
            id="similar",
        ),
        pytest.param(
            Query.of(RED, then=_steps(Like("none", 1.0))),
            "no video 'none' in collection 'default'",
            id="no video",
        ),
    ],
)
def test_what_is_wrong_is_said(searcher: Searcher, query: Query, expected: str) -> None:
    """Of any step."""
    (error,) = searcher.search([query])
    assert isinstance(error, ClipseekError)
    assert str(error).startswith(expected)


def test_steps_are_part_of_the_key() -> None:
    """Another time or another step is another question, and equal ones are not."""
    queries = [
        Query.of(RED, then=_steps(BLUE)),
        Query.of(RED, then=_steps(BLUE, within=6.0)),
        Query.of(RED, then=_steps(GREEN)),
        Query.of(RED, then=_steps(BLUE, GREEN)),
        Query.of(RED, then=_steps((BLUE, GREEN))),
        Query.of(RED),
    ]
    assert len({query.key(1, "") for query in queries}) == len(queries)
    assert len({query.asked() for query in queries}) == len(queries)
    assert queries[0] == Query.of(Text("red"), then=_steps(Text("blue"), within=5))
    same = Query.of(Text(" red "), then=_steps(Text("blue"), within=5))
    assert same.key(1, "") == queries[0].key(1, "")
