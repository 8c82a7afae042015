"""Answers in another order, one hit of each video, and what their videos are counted by."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clipseek import calibration
from clipseek.arranging import SORTS, Group, Sort
from clipseek.cursor import Cursor
from clipseek.errors import InvalidQuery, VersionGone
from clipseek.filters import Filters
from clipseek.parts import Text
from clipseek.publishing import FolderStore, build
from clipseek.query import Query, Step
from clipseek.search import Searcher
from clipseek.testing import MemoryCatalog
from clipseek.timed import Cue, TimedText
from clipseek.types import (
    PICTURE,
    Facet,
    FacetKind,
    FieldSegments,
    Hit,
    Put,
    SearchResult,
    Video,
)
from tests.core.test_search import EMBEDDER, MODEL, videos
from tests.searching import searcher_over

KINDS: tuple[FacetKind, ...] = ("tag", "folder", "year", "language")


def _put(catalog: MemoryCatalog, number: int) -> None:
    """Put a video of "red, blue, red, green"."""
    colours = ["red", "blue", "red", "green"]
    vectors = EMBEDDER.embed_texts(colours)
    starts = 2.0 * np.arange(4, dtype=np.float64)
    video = Video(
        id=f"{number}",
        uri=f"/archive/{'2024' if number < 3 else '2025/may'}/{number}.mp4",
        title=f"Film {9 - number}",
        duration=8.0,
        width=64,
        height=36,
        size_bytes=1,
        tags=("city", "night") if number % 2 else ("city",),
        recorded_at=f"{2020 + number % 2}-12-31T23:59:59Z" if number else "",
    )
    picture = FieldSegments(
        spans=np.stack([starts, starts + 2], axis=1),
        vectors=vectors,
        best_times=starts,
        biases=calibration.bias(vectors, MODEL.bank, MODEL.logit_scale),
        thumbnails=[f"{number}/{i}.jpg" for i in range(4)],
    )
    catalog.put("default", Put(video, {PICTURE: picture}))


@pytest.fixture
def store() -> MemoryCatalog:
    """Eight videos, each with two moments of red, and two others with one and none."""
    catalog = videos()
    for number in range(8):
        _put(catalog, number)
    cues = Cue(0.0, 1.0, "hello", "en-GB"), Cue(2.0, 3.0, "oui", "fr")
    catalog.put_text("default", "3", TimedText("subtitle", "1", cues))
    catalog.put_text("default", "4", TimedText("subtitle", "1", cues[:1]))
    return catalog


@pytest.fixture
def searcher(store: MemoryCatalog, tmp_path: Path) -> Searcher:
    """A searcher over them, with a snapshot of most."""
    build(store, FolderStore(tmp_path), "default")
    _put(store, 8)
    return searcher_over(store, tmp_path, lambda _: MODEL)


def _answer(searcher: Searcher, query: Query) -> SearchResult:
    (answer,) = searcher.search([query])
    assert isinstance(answer, SearchResult), answer
    return answer


def _pages(searcher: Searcher, query: Query) -> list[Hit]:
    """Return the hits of all pages."""
    answer = _answer(searcher, query)
    hits = list(answer.hits)
    while answer.next_cursor is not None:
        answer = _answer(searcher, replace(query, after=Cursor.of(answer.next_cursor)))
        assert len(answer.hits) <= query.limit
        hits += answer.hits
    return hits


QUERIES = [
    pytest.param(Query.of("red"), id="a sentence"),
    pytest.param(Query.of("red", fields=("picture",)), id="pictures"),
    pytest.param(Query.of((Text("red"), Text("white", -1.0))), id="parts"),
    pytest.param(Query.of("red", then=[Step((Text("blue"),), 10.0)]), id="steps"),
    pytest.param(Query.of("hello"), id="words"),
    pytest.param(Query.of("hello", fields=("subtitle",)), id="words alone"),
]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("group_by", [None, "video"])
def test_pages_are_parts_of_one_answer(
    searcher: Searcher, query: Query, sort: Sort, group_by: Group | None
) -> None:
    """Whatever is asked with, in each order: no hit twice, none left out."""
    whole = replace(query, sort=sort, group_by=group_by, limit=100)
    hits = _answer(searcher, whole).hits
    assert len(hits) > 1
    assert _pages(searcher, replace(whole, limit=3)) == list(hits)
    if group_by is not None:
        ids = [hit.video.id for hit in hits]
        assert len(ids) == len(set(ids))
        assert all(hit.more_in_video is not None for hit in hits)
    elif sort != "relevance":
        best_first = _answer(searcher, replace(whole, sort="relevance")).hits
        assert sorted(hits, key=_place) == sorted(best_first, key=_place)


def _place(hit: Hit) -> tuple[str, float]:
    return hit.video.id, hit.span.start


def test_moments_that_match_are_sorted_by_title_and_time(searcher: Searcher) -> None:
    """Before all that do not, and other hits are of the same relevance as before."""
    answer = _answer(searcher, Query.of("red", 19, sort="time"))
    titles = sorted(f"Film {n}" for n in range(1, 10))
    films = [(hit.video.title, hit.span.start) for hit in answer.hits]
    assert films == [*((title, start) for title in titles for start in (0.0, 4.0)), ("one", 0.0)]
    assert (answer.total, answer.total_videos) == (19, 10)
    assert {hit.relevance >= 0.5 for hit in answer.hits} == {True}


def test_one_hit_of_a_video_says_how_many_others_match(searcher: Searcher) -> None:
    """The counts of the answer are those of all moments."""
    answer = _answer(searcher, Query.of("red", 100, group_by="video"))
    others = {hit.video.id: hit.more_in_video for hit in answer.hits}
    assert others == {**{f"{n}": 1 for n in range(9)}, "one": 0, "two": 0}
    assert (answer.total, answer.total_videos) == (19, 10)


def test_a_cursor_of_another_order_is_refused(searcher: Searcher) -> None:
    """It says what to do; facets may be asked for on any page."""
    first = _answer(searcher, Query.of("red", 3))
    assert first.next_cursor is not None
    for other in ({"sort": "time"}, {"group_by": "video"}):
        (error,) = searcher.search([Query.of("red", 3, cursor=first.next_cursor, **other)])  # type: ignore[arg-type]  # of any kind
        assert isinstance(error, InvalidQuery)
        assert "cursor is of another search" in str(error)
        assert f" {next(iter(other))} " in str(error).replace(",", " ")
    counted = _answer(searcher, Query.of("red", 3, cursor=first.next_cursor, facets=("tag",)))
    assert counted.facets is not None


def test_facets_count_the_videos_that_match(searcher: Searcher) -> None:
    """Each once, whatever the limit, without those that are only near, under the same filters."""
    answer = _answer(searcher, Query.of("red", 1, facets=KINDS))
    assert answer.total_videos == 10
    assert answer.facets == {
        "tag": Facet((("city", 9), ("night", 4)), more=False),
        "folder": Facet(
            (("/archive", 9), ("/archive/2025", 6), ("/archive/2025/may", 6), ("/archive/2024", 3)),
            more=False,
        ),
        "year": Facet((("2020", 4), ("2021", 4)), more=False),
        "language": Facet((("en", 2), ("fr", 1)), more=False),
    }
    only = Filters(tags=("night",), folder="/archive/2025")
    some = _answer(searcher, Query.of("red", 1, facets=("folder", "year"), filters=only))
    assert some.facets == {
        "folder": Facet((("/archive/2025/may", 3),), more=False),
        "year": Facet((("2021", 3),), more=False),
    }


@pytest.mark.parametrize("sort", SORTS)
def test_facets_are_the_same_in_each_order(searcher: Searcher, sort: Sort) -> None:
    """And of groups; if nothing matches, nothing is counted."""
    query = Query.of("red", facets=KINDS)
    counts = _answer(searcher, query).facets
    assert counts
    assert _answer(searcher, replace(query, sort=sort, group_by="video")).facets == counts
    none = _answer(searcher, Query.of("white", facets=KINDS, sort=sort))
    assert none.hits
    assert none.facets == dict.fromkeys(KINDS, Facet((), more=False))
    assert _answer(searcher, Query.of("red")).facets is None


def test_at_most_a_hundred_values_are_counted(store: MemoryCatalog, searcher: Searcher) -> None:
    """Those of the most videos, and it is said that there are more."""
    for number in range(9):
        store.edit("default", f"{number}", tags=["all", *(f"{number}-{n}" for n in range(12))])
    facets = _answer(searcher, Query.of("red", facets=("tag",))).facets
    assert facets is not None
    assert facets["tag"].values[0] == ("all", 9)
    assert (len(facets["tag"].values), facets["tag"].more) == (100, True)


class _Losing(MemoryCatalog):
    """Has lost a video since the view was made."""

    def videos_by_id(self, collection: str, video_ids: Sequence[str]) -> dict[str, Video]:
        """Return what is asked for, but for one video."""
        found = super().videos_by_id(collection, video_ids)
        return {name: video for name, video in found.items() if name != "3"}


@pytest.mark.parametrize(
    "query",
    [
        *QUERIES[:2],
        pytest.param(Query.of("red", then=[Step((Text("blue"),), 10.0)]), id="steps"),
        pytest.param(Query.of("hello", fields=("subtitle",)), id="words alone"),
    ],
)
@pytest.mark.parametrize(
    ("sort", "group_by"), [("relevance", None), ("relevance", "video"), ("time", None)]
)
def test_a_video_that_is_gone_is_in_no_group_and_in_no_count(
    tmp_path: Path, query: Query, sort: Sort, group_by: Group | None
) -> None:
    """Nor is a hit in its place missing, and facets count what `total_videos` does."""
    catalog = _Losing()
    catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    for number in range(8):
        _put(catalog, number)
    cues = (Cue(0.0, 1.0, "hello", "en"),)
    for number in (3, 4):
        catalog.put_text("default", f"{number}", TimedText("subtitle", "1", cues))
    searcher = searcher_over(catalog, tmp_path, lambda _: MODEL)
    asked = replace(query, limit=100, facets=("folder",), sort=sort, group_by=group_by)
    answer = _answer(searcher, asked)
    assert "3" not in {hit.video.id for hit in answer.hits}
    expected = 1 if query.text == "hello" else 7
    assert answer.total_videos == expected
    assert answer.facets is not None
    assert max(videos for _, videos in answer.facets["folder"].values) == expected


@pytest.mark.parametrize(
    ("sort", "group_by"), [("time", None), ("newest", None), ("relevance", "video")]
)
def test_a_page_after_a_video_that_is_gone_is_refused(
    tmp_path: Path, sort: Sort, group_by: Group | None
) -> None:
    """It has no place from which to go on; other pages and searches of the batch are answered."""
    catalog = MemoryCatalog()
    catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    for number in range(8):
        _put(catalog, number)
    searcher = searcher_over(catalog, tmp_path, lambda _: MODEL)
    query = Query.of("red", 3, sort=sort, group_by=group_by)
    first = _answer(searcher, query)
    page = replace(query, after=Cursor.of(first.next_cursor or ""))
    last, other = first.hits[-1].video.id, first.hits[0].video.id
    assert last != other
    catalog.remove("default", other)
    second = _answer(searcher, page)
    assert not {hit.segment_id for hit in second.hits} & {hit.segment_id for hit in first.hits}
    catalog.remove("default", last)
    error, beside = searcher.search([page, query])
    assert isinstance(error, VersionGone)
    assert "a video is being removed" in str(error)
    assert isinstance(beside, SearchResult)


def test_pages_without_a_hit_go_on(tmp_path: Path) -> None:
    """The next page of one whose videos were all removed begins where the empty one did."""
    catalog = MemoryCatalog()
    catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    _put(catalog, 1)
    searcher = searcher_over(catalog, tmp_path, lambda _: MODEL)
    query = Query.of("red", 1, sort="time")
    cursor = Cursor.of(_answer(searcher, query).next_cursor or "")
    empty = replace(query, after=replace(cursor, score=float("inf"), segment_id=0))
    assert len(_answer(searcher, empty).hits) == 1


@pytest.mark.parametrize(
    ("wrong", "detail"),
    [
        pytest.param({"sort": "size"}, "sort must be one of relevance, time, newest, got 'size'"),
        pytest.param({"group_by": "tag"}, "group_by must be video or none, got 'tag'"),
        pytest.param(
            {"facets": ("tag", "size")},
            "facets must be some of tag, folder, year, language, segment_tag, got 'size'",
        ),
    ],
)
def test_what_is_not_known_is_refused(
    searcher: Searcher, wrong: dict[str, object], detail: str
) -> None:
    """With what is known."""
    (error,) = searcher.search([replace(Query.of("red"), **wrong)])  # type: ignore[arg-type]  # is wrong
    assert isinstance(error, InvalidQuery)
    assert str(error) == detail


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(Query.of("red", fields=("picture",)), {"3", "4"}, id="pictures"),
        pytest.param(Query.of("hello"), {"3", "4"}, id="words and pictures"),
        pytest.param(Query.of("hello", fields=("subtitle",)), {"3", "4"}, id="words"),
        pytest.param(Query.of("red", tags=("night",)), {"3"}, id="with another filter"),
    ],
)
def test_a_language_chooses_the_videos(
    searcher: Searcher, query: Query, expected: set[str]
) -> None:
    """Those in which something is said in it, whatever is searched."""
    only = replace(query, filters=replace(query.filters, language="en"))
    assert {hit.video.id for hit in _answer(searcher, only).hits} == expected
    none = replace(query, filters=replace(query.filters, language="de"))
    assert not _answer(searcher, none).hits
