"""Searches by pictures and by words: what one hit is, pages, filters and counts."""

from dataclasses import replace
from pathlib import Path

import pytest

from clipseek.errors import InvalidQuery
from clipseek.library.view import View
from clipseek.publishing import FolderStore, build
from clipseek.query import Query
from clipseek.search import Searcher
from clipseek.testing import MemoryCatalog
from clipseek.timed import Cue, TimedText
from clipseek.types import FieldHit, SearchResult, Span
from tests.core.test_search import MODEL, videos
from tests.searching import searcher_over


def said(*cues: Cue) -> TimedText:
    """Return subtitles."""
    return TimedText("subtitle", "1", cues)


@pytest.fixture
def catalog() -> MemoryCatalog:
    """Two videos: red, blue, green, with what is said in them; and blue with a tag."""
    catalog = videos()
    cues = Cue(0.5, 1.5, "The boat is red", "en"), Cue(2.5, 3.5, "Anna sells guitars", "en")
    catalog.put_text("default", "one", said(*cues))
    catalog.put_text("default", "two", said(Cue(0.0, 1.0, "Guitars are sold by Anna", "en")))
    return catalog


@pytest.fixture
def searcher(catalog: MemoryCatalog, tmp_path: Path) -> Searcher:
    """A searcher over the videos."""
    return searcher_over(catalog, tmp_path, lambda _: MODEL)


def one(searcher: Searcher, query: str, **more: object) -> SearchResult:
    """Return the answer to a query."""
    (answer,) = searcher.search([Query.of(query, **more)])  # type: ignore[arg-type]  # fields
    assert isinstance(answer, SearchResult)
    return answer


def places(result: SearchResult) -> list[tuple[str, float]]:
    """Return the video and the start of each hit."""
    return [(hit.video.id, hit.span.start) for hit in result.hits]


def test_words_are_found_where_they_are_said(searcher: Searcher) -> None:
    """With the passage, its words and its span; the thumbnail is that of the segment."""
    hit = one(searcher, "guitars").hits[0]
    assert (hit.relevance, hit.span) in [(1.0, Span(2.5, 3.5)), (1.0, Span(0.0, 1.0))]
    spoken = hit.fields[-1]
    assert spoken.field == "subtitle"
    assert [spoken.text[a:b].lower() for a, b in spoken.highlights] == ["guitars"]
    assert hit.best_time in (0.5, 3.0)  # the blue segment, at second 2, is shown from 2 to 4


def test_the_frame_and_the_segment_are_of_the_passage(
    searcher: Searcher, catalog: MemoryCatalog
) -> None:
    """Also if pictures find another moment of the video, and the one of the words is in it."""
    catalog.put_text("default", "one", said(Cue(3.5, 5.5, "Zebras are green", "en")))
    searcher.collections.refresh()
    green = one(searcher, "green", fields=["picture"]).hits[0]
    (spoken,) = one(searcher, "zebras", fields=["subtitle"]).hits
    assert (spoken.segment_id, spoken.best_time) == (green.segment_id, 4.0)
    for query in ("zebras", "zebras red", "zebras green"):
        for hit in one(searcher, query).hits:
            assert hit.span.start <= hit.best_time < hit.span.end


def test_a_moment_that_shows_and_says_it_is_one_hit(searcher: Searcher) -> None:
    """Red is shown from 0 to 2 and said from 0.5 to 1.5; the better field gives the span."""
    first = one(searcher, "red").hits[0]
    picture, spoken = first.fields
    assert (picture.field, picture.span, picture.text) == ("picture", Span(0.0, 2.0), "")
    highlights = ((12, 15),)
    assert spoken == FieldHit("subtitle", 1.0, Span(0.5, 1.5), "The boat is red", highlights)
    assert (first.span, first.relevance) == (Span(0.5, 1.5), 1.0)
    assert first.score == pytest.approx(1, abs=1e-3)


def test_a_hit_names_five_passages(searcher: Searcher, catalog: MemoryCatalog) -> None:
    """The others of its moment are counted with it, and left out."""
    cues = [Cue(0.2 * i, 0.2 * i + 0.1, "The boat is red", "en") for i in range(8)]
    catalog.put_text("default", "one", said(*cues))
    searcher.collections.refresh()
    (hit,) = one(searcher, "boat", fields=["subtitle"]).hits
    assert len(hit.fields) == 5


def test_each_field_can_be_asked_alone(searcher: Searcher) -> None:
    """As if the others were not there."""
    assert not any(hit.fields for hit in one(searcher, "red", fields=["picture"]).hits)
    spoken = one(searcher, "red", fields=["subtitle"])
    assert places(spoken) == [("one", 0.5)]
    assert [field.field for field in spoken.hits[0].fields] == ["subtitle"]
    assert one(searcher, "red", fields=["speech"]).hits == ()
    assert one(searcher, "nothing that is said", fields=["subtitle"]).hits == ()


def test_words_alone_compare_no_vectors(searcher: Searcher) -> None:
    """Every search of vectors without a filter is sampled."""
    searched: list[int] = []
    searcher.sample(lambda _view, queries, _near: searched.append(len(queries)))
    both, words = Query.of("red"), Query.of("red", fields=["subtitle"])
    answers = searcher.search([words, both, words])
    assert searched == [1]
    assert answers == [one(searcher, "red", fields=["subtitle"]), one(searcher, "red"), answers[0]]
    searcher.search([words])
    assert searched == [1, 1]


def test_a_collection_without_words_answers_as_before(tmp_path: Path) -> None:
    """The same hits, also if it was looked at and says nothing."""
    silent = videos()
    silent.put_text("default", "one", said())
    searcher = searcher_over(silent, tmp_path, lambda _: MODEL)
    assert one(searcher, "red").hits == one(searcher, "red", fields=["picture"]).hits
    assert one(searcher, "red", fields=["subtitle"]).hits == ()


def test_pages_have_each_hit_once(searcher: Searcher) -> None:
    """In the order of the whole answer."""
    whole = places(one(searcher, "guitars red"))
    paged, cursor = [], None
    while True:
        page = one(searcher, "guitars red", limit=1, cursor=cursor)
        paged += places(page)
        if (cursor := page.next_cursor) is None:
            break
    assert paged == whole
    assert len(whole) == len(set(whole)) == 3


def test_filters_are_those_of_videos_and_of_relevance(searcher: Searcher) -> None:
    """They hold for words as for pictures, and the counts are of what is left."""
    result = one(searcher, "guitars", tags=["night"])
    assert places(result) == [("two", 0.0)]
    result = one(searcher, "guitars", min_relevance=0.9)
    assert {video for video, _ in places(result)} == {"one", "two"}
    assert (len(result.hits), result.total, result.total_videos) == (2, 2, 2)


def test_other_words_are_searched_once_they_are_stored(
    searcher: Searcher, catalog: MemoryCatalog
) -> None:
    """The view follows a change of words alone, and a video that is removed."""
    assert one(searcher, "zebra", fields=["subtitle"]).hits == ()
    catalog.put_text("default", "two", said(Cue(0.0, 1.0, "A zebra", "en")))
    searcher.collections.refresh()
    result = one(searcher, "zebra", fields=["subtitle"])
    assert (places(result), result.version) == ([("two", 0.0)], 5)
    assert places(one(searcher, "guitars", fields=["subtitle"])) == [("one", 2.5)]
    catalog.remove("default", "one")
    searcher.collections.refresh()
    assert one(searcher, "guitars", fields=["subtitle"]).hits == ()


def test_words_past_the_last_segment_are_shown_by_it(
    searcher: Searcher, catalog: MemoryCatalog
) -> None:
    """A text of another version of a video is not an error; the time is that of the words."""
    catalog.put_text("default", "two", said(Cue(50.0, 51.0, "Beyond", "en")))
    searcher.collections.refresh()
    (hit,) = one(searcher, "beyond", fields=["subtitle"]).hits
    assert (hit.video.id, hit.best_time) == ("two", 50.5)


def test_parts_search_words_beside_pictures(searcher: Searcher) -> None:
    """Asking for words alone is refused then."""
    query = Query.of("red")
    parts = replace(query, parts=query.parts * 2)
    answer, refused = searcher.search([parts, replace(parts, fields=("subtitle",))])
    assert isinstance(answer, SearchResult)
    assert all(hit.fields[0].field == "picture" for hit in answer.hits)
    assert isinstance(refused, InvalidQuery)


def test_a_new_snapshot_leaves_the_words_that_are_known(
    searcher: Searcher, catalog: MemoryCatalog, tmp_path: Path
) -> None:
    """Its vectors are others, what is said is not: only texts that changed are read again."""
    before = searcher.collections.latest("default").view
    build(catalog, FolderStore(tmp_path), "default")
    searcher.collections.refresh()
    view = searcher.collections.latest("default").view
    assert (view.snapshot_version, view.words) == (view.version, before.words)
    catalog.put_text("default", "two", said(Cue(0.0, 1.0, "A zebra", "en")))
    build(catalog, FolderStore(tmp_path), "default")
    searcher.collections.refresh()
    assert places(one(searcher, "zebra", fields=["subtitle"])) == [("two", 0.0)]
    assert places(one(searcher, "guitars", fields=["subtitle"])) == [("one", 2.5)]


def test_words_of_another_past_are_not_kept(catalog: MemoryCatalog, tmp_path: Path) -> None:
    """A database that was replaced says what it says, also if it has a snapshot."""
    store, other = FolderStore(tmp_path), videos()
    view = View.open(catalog, store, "default")
    other.put_text("default", "one", said(Cue(0.0, 1.0, "A zebra", "en")))
    build(other, store, "default")
    view = view.refresh(other, store)
    assert view.snapshot_version == view.version
    assert [len(view.words.search(word)[0]) for word in ("zebra", "guitars")] == [1, 0]
