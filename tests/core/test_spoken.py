"""Searches for several parts and steps, of which some are said and some are shown."""

from pathlib import Path

import pytest

from clipseek import matching
from clipseek.errors import ClipseekError
from clipseek.parts import Like, Part, Text
from clipseek.query import Query, Step
from clipseek.search import Searcher
from clipseek.testing import MemoryCatalog
from clipseek.timed import Cue, TimedText
from clipseek.types import SearchResult, Span
from tests.core.test_search import MODEL, videos
from tests.searching import searcher_over


@pytest.fixture
def catalog() -> MemoryCatalog:
    """Two videos: red, blue, green, with a sentence about guitars over the blue; and blue."""
    catalog = videos()
    cues = Cue(1.7, 3.5, "Anna sells guitars", "en"), Cue(4.5, 5.5, "Zebras run", "en")
    catalog.put_text("default", "one", TimedText("subtitle", "1", cues))
    return catalog


@pytest.fixture
def searcher(catalog: MemoryCatalog, tmp_path: Path) -> Searcher:
    """A searcher over the videos."""
    return searcher_over(catalog, tmp_path, lambda _: MODEL)


def found(searcher: Searcher, *parts: str | Part, **more: object) -> SearchResult:
    """Return the answer to some parts; raise the error if there is one."""
    asked = [Text(part) if isinstance(part, str) else part for part in parts]
    (answer,) = searcher.search([Query.of(asked, **more)])  # type: ignore[arg-type]  # fields
    if isinstance(answer, ClipseekError):
        raise answer
    return answer


def where(result: SearchResult) -> list[tuple[str, float]]:
    """Return the video and the start of each hit that matches."""
    return [(hit.video.id, hit.span.start) for hit in result.hits if hit.relevance >= 0.5]


def test_one_part_is_shown_and_the_other_said(searcher: Searcher) -> None:
    """Blue is shown in two videos, and guitars are named in one; neither is a match alone."""
    result = found(searcher, "blue", "guitars")
    assert where(result) == [("one", 2.0)]
    assert (result.total, result.more) == (1, False)
    assert where(found(searcher, "green", "guitars")) == []
    assert where(found(searcher, "blue", "guitars", fields=["picture"])) == []


def test_a_hit_says_what_shows_it_and_what_says_it(searcher: Searcher) -> None:
    """Pictures alone fit worse; the passage has its own span and its words."""
    hit = found(searcher, "blue", "guitars").hits[0]
    picture, said = hit.fields
    assert (picture.field, picture.span) == ("picture", hit.span)
    assert picture.relevance < 0.5 < hit.relevance
    assert (said.field, said.relevance, said.span) == ("subtitle", 1.0, Span(1.7, 3.5))
    assert [said.text[a:b] for a, b in said.highlights] == ["guitars"]
    only = found(searcher, "blue", "guitars", fields=["picture"])
    assert not any(hit.fields for hit in only.hits)


def test_a_passage_is_not_in_what_it_barely_touches(searcher: Searcher) -> None:
    """It begins 0.3 s before the cut to blue, which is red's."""
    assert where(found(searcher, "red", "guitars")) == []


def test_what_is_said_can_be_excluded(searcher: Searcher) -> None:
    """Blue is in both videos, and in one of them while guitars are named."""
    result = found(searcher, "blue", Text("guitars", -1.0))
    assert where(result) == [("two", 0.0)]
    assert all(field.field == "picture" for hit in result.hits for field in hit.fields)
    silent = found(searcher, "blue", Text("guitars", -1.0), fields=["picture"])
    assert where(silent) == [("one", 2.0), ("two", 0.0)]


def test_a_step_can_be_said(searcher: Searcher) -> None:
    """Red, and then somebody names zebras, two seconds later; in the other order it is absent."""
    zebras, red = (Text("zebras"),), (Text("red"),)
    result = found(searcher, *red, then=[Step(zebras, 3.0)])
    hit = result.hits[0]
    assert (hit.video.id, hit.span, result.total) == ("one", Span(0.0, 6.0), 1)
    assert [field.text for field in hit.fields] == ["", "", "Zebras run"]
    assert hit.steps[1].relevance == pytest.approx(0.999)
    assert found(searcher, *zebras, then=[Step(red, 3.0)]).total == 0
    assert found(searcher, *red, then=[Step(zebras, 3.0)], fields=["picture"]).total == 0


def test_a_picture_can_meet_what_is_said(searcher: Searcher) -> None:
    """A moment that looks like blue, while guitars are named; it has a score alone."""
    result = found(searcher, Like("two", 0.5), "guitars")
    assert (result.hits[0].video.id, result.hits[0].span) == ("one", Span(2.0, 4.0))
    assert [field.field for field in result.hits[0].fields] == ["picture", "subtitle"]
    assert result.hits[0].relevance != result.hits[0].relevance


def test_what_is_said_is_compared_wherever_it_is(
    searcher: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in a segment that is not among the nearest ones of a large collection."""
    monkeypatch.setattr(matching, "CANDIDATES", 1)
    assert where(found(searcher, "guitars", "blue")) == [("one", 2.0)]


def test_filters_let_no_other_words_through(searcher: Searcher) -> None:
    """The words are in the video without the tag."""
    result = found(searcher, "blue", "guitars", tags=["night"])
    assert [hit.video.id for hit in result.hits] == ["two"]
    assert where(result) == []


def test_a_query_does_not_change_others_of_its_batch(searcher: Searcher) -> None:
    """Each compares segments of its own words."""
    queries = [Query.of([Text("blue"), Text(word)]) for word in ("guitars", "zebras", "red")]
    together = searcher.search(queries)
    assert together == [searcher.search([query])[0] for query in queries]


def test_more_words_than_are_compared_are_said_to_be_more(
    catalog: MemoryCatalog, searcher: Searcher
) -> None:
    """256 passages are compared."""
    cues = [Cue(0.01 * i, 0.01 * i + 0.01, f"Guitar {i}", "en") for i in range(300)]
    catalog.put_text("default", "one", TimedText("subtitle", "2", tuple(cues)))
    searcher.collections.refresh()
    result = found(searcher, "red", "guitar")
    assert result.more
    assert len(result.hits[0].fields) == 6
