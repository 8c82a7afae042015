"""Searches in libraries with more that fits a part than one search compares."""

from pathlib import Path

import numpy as np
import pytest

from clipseek.composition import CANDIDATES
from clipseek.parts import Part, Text
from clipseek.query import Query, Step
from clipseek.search import Searcher
from clipseek.testing import MemoryCatalog
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


def _shown(searcher_path: Path, unwanted: int) -> Searcher:
    """Return a library in which segments nearer to red than another one are blue as well."""
    red, blue = EMBEDDER.embed_texts(["red", "blue"])
    both = red + blue
    alone = 0.6 * red - 0.3 * blue + 0.74 * np.eye(EMBEDDER.dim)[-1]
    vectors = np.stack([*[both] * unwanted, alone]).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert vectors[0] @ red > vectors[-1] @ red
    starts = 2.0 * np.arange(len(vectors), dtype=np.float64)
    picture = FieldSegments(
        spans=np.stack([starts, starts + 2], axis=1),
        vectors=vectors,
        best_times=starts,
        biases=np.zeros(len(vectors), np.float32),
        thumbnails=["none.jpg"] * len(vectors),
    )
    catalog = MemoryCatalog()
    catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    video = Video("one", "/one.mp4", "one", 2.0 * len(vectors), 64, 36, 1)
    catalog.put("default", Put(video, {PICTURE: picture}))
    return searcher_over(catalog, searcher_path, lambda _: MODEL)


@pytest.mark.parametrize("unwanted", [10, 2 * CANDIDATES], ids=["some", "all that are near"])
def test_what_is_unwanted_does_not_hide_the_rest(tmp_path: Path, unwanted: int) -> None:
    """A search away from it finds what is farther from the words, on each page the same."""
    asked = (RED, Text("blue", -1.0))
    searcher = _shown(tmp_path, unwanted)
    (first,) = searcher.search([Query.of(asked, limit=1)])
    assert isinstance(first, SearchResult)
    assert first.hits[0].span.start == 2.0 * unwanted
    (second,) = searcher.search([Query.of(asked, limit=1, cursor=first.next_cursor)])
    assert isinstance(second, SearchResult)
    assert second.hits[0].segment_id != first.hits[0].segment_id
