"""Searches in libraries with more that fits a part than one search compares."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek.composition import CANDIDATES
from clipseek.filters import Filters
from clipseek.marks import Mark
from clipseek.parts import Part, Text
from clipseek.query import Query, Step
from clipseek.search import Searcher
from clipseek.testing import MemoryCatalog
from clipseek.timed import Span
from clipseek.types import PICTURE, FieldSegments, Put, SearchResult, Video
from tests.core.test_search import EMBEDDER, MODEL, _put
from tests.searching import searcher_over

RED, BLUE, GREEN = Text("red"), Text("blue"), Text("green")
MANY = CANDIDATES + 76


@pytest.fixture(scope="module")
def searcher(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    """More blue and green segments than are compared, before the videos that are looked for."""
    catalog = MemoryCatalog()
    catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    _put(catalog, "many", ["blue", "white", "green", "black"] * MANY)
    _put(catalog, "after", ["red", "white", "blue", "black", "green"])
    _put(catalog, "before", ["blue", "white", "red", "red", "red"])
    found = searcher_over(catalog, tmp_path_factory.mktemp("wide"), lambda _: MODEL)
    found.search([Query.of(RED)])
    _put(catalog, "late", ["white", "red", "white", "blue"])  # in another part of the view
    return found


def _videos(searcher: Searcher, first: Part, *then: Part, within: float = 5.0) -> list[str]:
    query = Query.of(first, then=[Step((each,), within) for each in then])
    searcher.collections.refresh()
    (answer,) = searcher.search([query])
    assert isinstance(answer, SearchResult), answer
    return sorted(hit.video.id for hit in answer.hits if hit.relevance > 0.5)


def test_what_is_common_is_found_after_what_is_rare(searcher: Searcher) -> None:
    """Although the nearest blue segments are those of another video; of two steps, and of three."""
    assert _videos(searcher, RED, BLUE) == ["after", "late"]
    assert _videos(searcher, RED, BLUE, GREEN) == ["after"]


def test_what_is_common_is_found_before_what_is_rare(searcher: Searcher) -> None:
    """And no longer before it than it may be."""
    assert _videos(searcher, BLUE, RED) == ["before"]
    assert _videos(searcher, BLUE, RED, within=1.5) == []


@pytest.mark.parametrize(("between", "expected"), [(510, ["far"]), (511, [])])
def test_so_many_segments_are_compared_beside_a_step(
    tmp_path: Path, between: int, expected: list[str]
) -> None:
    """The first 512, of which what the other step found is one."""
    catalog = MemoryCatalog()
    catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    _put(catalog, "blue", ["blue", "white"] * MANY)
    _put(catalog, "far", ["red", *["white"] * between, "blue"])
    searcher = searcher_over(catalog, tmp_path, lambda _: MODEL)
    assert _videos(searcher, RED, BLUE, within=3000.0) == expected


@pytest.mark.parametrize(("end", "expected"), [(0.5, []), (9.0, ["far"])])
def test_what_is_beside_a_step_passes_the_filter(
    tmp_path: Path, end: float, expected: list[str]
) -> None:
    """A blue moment after the red one does not count if no tag is on it."""
    catalog = MemoryCatalog()
    catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    _put(catalog, "blue", ["blue", "white"] * MANY)
    _put(catalog, "far", ["red", "white", "blue"])
    catalog.marked = lambda _: [
        ("blue", Mark("sea", Span(0.0, 1e6), 0.9, "accepted")),
        ("far", Mark("sea", Span(0.0, end), 0.9, "accepted")),
    ]
    searcher = searcher_over(catalog, tmp_path, lambda _: MODEL)
    only = Filters(segment_tags=("sea",))
    (answer,) = searcher.search([Query.of(RED, then=[Step((BLUE,), 5.0)], filters=only)])
    assert isinstance(answer, SearchResult), answer
    assert [hit.video.id for hit in answer.hits if hit.relevance > 0.5] == expected


def _library(path: Path, *vectors: NDArray[np.float32]) -> Searcher:
    """Return a library of one video, of segments that do not meet."""
    rows = np.concatenate(vectors).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    starts = 4.0 * np.arange(len(rows), dtype=np.float64)
    picture = FieldSegments(
        spans=np.stack([starts, starts + 2], axis=1),
        vectors=rows,
        best_times=starts,
        biases=np.zeros(len(rows), np.float32),
        thumbnails=["none.jpg"] * len(rows),
    )
    catalog = MemoryCatalog()
    catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    video = Video("one", "/one.mp4", "one", 4.0 * len(rows), 64, 36, 1)
    catalog.put("default", Put(video, {PICTURE: picture}))
    return searcher_over(catalog, path, lambda _: MODEL)


def _of(count: int, red: float, blue: float) -> NDArray[np.float32]:
    """Return so many unit vectors with these cosines to red and to blue."""
    axes = EMBEDDER.embed_texts(["red", "blue", "white"])
    rest = np.sqrt(1 - red**2 - blue**2)
    return np.tile(np.array([red, blue, rest], np.float32) @ axes, (count, 1))


def _total(searcher: Searcher) -> int:
    (answer,) = searcher.search([Query.of((RED, Text("blue", -1.0)), limit=1)])
    assert isinstance(answer, SearchResult)
    return answer.total


BOTH = _of(2 * CANDIDATES, 0.7, 0.7)


@pytest.mark.parametrize(
    ("near", "expected"), [pytest.param(99, 109, id="few"), pytest.param(100, 100, id="enough")]
)
def test_a_page_that_matches_is_enough(tmp_path: Path, near: int, expected: int) -> None:
    """Then there is no search away from what is unwanted."""
    searcher = _library(tmp_path, _of(near, 0.9, -0.3), BOTH, _of(10, 0.5, -0.3))
    assert _total(searcher) == expected


def test_so_many_segments_are_added_away_from_what_is_unwanted(tmp_path: Path) -> None:
    """256, of those that there are."""
    assert _total(_library(tmp_path, BOTH, _of(300, 0.5, -0.3))) == 256


def test_half_of_what_is_unwanted_is_taken_off(tmp_path: Path) -> None:
    """With less, those that show both are nearer; with more, those that show neither."""
    neither = _of(300, -0.3, -0.9)
    assert _total(_library(tmp_path, BOTH, neither, _of(10, 0.48, -0.08))) == 10


@pytest.mark.parametrize("unwanted", [10, 2 * CANDIDATES], ids=["some", "all that are near"])
def test_what_is_unwanted_does_not_hide_the_rest(tmp_path: Path, unwanted: int) -> None:
    """A search away from it finds what is farther from the words, on each page the same."""
    asked = (RED, Text("blue", -1.0))
    searcher = _library(tmp_path, _of(unwanted, 0.7, 0.7), _of(1, 0.6, -0.3))
    (first,) = searcher.search([Query.of(asked, limit=1)])
    assert isinstance(first, SearchResult)
    assert first.hits[0].span.start == 4.0 * unwanted
    (second,) = searcher.search([Query.of(asked, limit=1, cursor=first.next_cursor)])
    assert isinstance(second, SearchResult)
    assert second.hits[0].segment_id != first.hits[0].segment_id
