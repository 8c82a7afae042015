"""How many moments match, whether there may be more, and which of them are the hits."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek.publishing import FolderStore, build
from clipseek.search import Searcher
from clipseek.testing import MemoryCatalog
from clipseek.types import Video
from tests.core.test_search import EMBEDDER, MODEL, _one, _put, videos
from tests.searching import searcher_over


@pytest.fixture
def store() -> MemoryCatalog:
    """Two videos: red, blue, green; and blue with a tag."""
    return videos()


@pytest.fixture
def searcher(store: MemoryCatalog, tmp_path: Path) -> Searcher:
    """A searcher over the videos, without a snapshot."""
    return searcher_over(store, tmp_path, lambda _: MODEL)


def _colours(pattern: str) -> list[str]:
    return [{"r": "red", "g": "green", "b": "blue"}[letter] for letter in pattern]


@pytest.fixture
def reds(store: MemoryCatalog) -> MemoryCatalog:
    """Beside the two videos, thirty of "red, blue, red": 61 moments of red in 31 videos."""
    for number in range(30):
        _put(store, f"red{number:02d}", _colours("rbr"))
    return store


@pytest.mark.parametrize("limit", [1, 10, 40])
def test_the_total_counts_what_matches_beside_the_hits(
    reds: MemoryCatalog, searcher: Searcher, limit: int
) -> None:
    """Whatever the limit; what is nearest but does not match is not counted."""
    result = _one(searcher, "red", limit=limit)
    assert len(result.hits) == limit
    assert (result.total, result.total_videos, result.more) == (61, 31, False)


def test_the_limit_counts_moments_of_the_relevance_that_was_asked_for(
    store: MemoryCatalog, searcher: Searcher
) -> None:
    """A better score with less relevance does not take the place of what is relevant."""
    (block,) = store.blocks("default")
    reds = block.ids[block.vectors @ EMBEDDER.embed_texts(["red"])[0] > 0.99].tolist()

    def bias(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        near = vectors @ EMBEDDER.embed_texts(["red"])[0]
        return np.where(near > 0.99, 99.0, -99.0).astype(np.float32)

    store.rescore("default", MODEL.scoring, bias)
    searcher.collections.refresh()
    assert _one(searcher, "red", limit=1).hits[0].segment_id in reds
    (hit,) = _one(searcher, "red", limit=1, min_relevance=0.5).hits
    assert hit.segment_id not in reds


@pytest.mark.parametrize(("bias", "total"), [(19.6, 1), (20.4, 0)], ids=["0.6", "0.4"])
def test_a_moment_matches_from_half_on(
    store: MemoryCatalog, searcher: Searcher, bias: float, total: int
) -> None:
    """Where no relevance was asked for: 0.6 counts, 0.4 does not."""
    store.rescore("default", MODEL.scoring, lambda vectors: np.full(len(vectors), bias, "f4"))
    searcher.collections.refresh()
    result = _one(searcher, "red")
    assert result.hits[0].relevance == pytest.approx(0.6 if total else 0.4, abs=0.01)
    assert result.total == total


def test_a_moment_is_as_relevant_as_its_best_segment(
    store: MemoryCatalog, searcher: Searcher
) -> None:
    """Whatever comes before it in the same moment."""
    store.remove("default", "one")
    _put(store, "dawn", ["cyan", "orange", "red"])
    red = EMBEDDER.embed_texts(["red"])[0]

    def bias(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.where(vectors @ red > 0.99, 0.0, 99.0).astype(np.float32)

    store.rescore("default", MODEL.scoring, bias)
    result = _one(searcher, "red", min_relevance=0.5)
    assert [(hit.span.start, hit.span.end) for hit in result.hits] == [(2.0, 6.0)]
    assert result.total == 1


class _Losing(MemoryCatalog):
    """Has lost a video since the view was made."""

    def videos_by_id(self, collection: str, video_ids: Sequence[str]) -> dict[str, Video]:
        """Return what is asked for, but for one video."""
        found = super().videos_by_id(collection, video_ids)
        return {name: video for name, video in found.items() if name != "gone"}


def test_a_video_that_is_gone_leaves_its_place_to_the_next(tmp_path: Path) -> None:
    """As many hits as were asked for, and the count is without it."""
    catalog = _Losing()
    catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    for name in ("gone", "one", "two"):
        _put(catalog, name, ["red", "blue", "red"])
    result = _one(searcher_over(catalog, tmp_path, lambda _: MODEL), "red", limit=3)
    assert [hit.video.id for hit in result.hits] == ["one", "one", "two"]
    assert (result.total, result.total_videos) == (4, 2)


def test_a_total_that_may_be_too_low_says_so(reds: MemoryCatalog, searcher: Searcher) -> None:
    """64 segments are looked at for a small limit; with a larger one the rest is counted."""
    for number in range(30, 40):
        _put(reds, f"red{number:02d}", _colours("rbr"))
    searcher.collections.refresh()
    few, many = (_one(searcher, "red", limit=limit) for limit in (10, 40))
    assert (few.total, few.more) == (64, True)
    assert (many.total, many.total_videos, many.more) == (81, 41, False)


def test_facets_count_more_than_a_small_limit_needs(
    reds: MemoryCatalog, searcher: Searcher
) -> None:
    """At least 1024 segments are compared, and the total counts them, too."""
    for number in range(30, 40):
        _put(reds, f"red{number:02d}", _colours("rbr"))
    searcher.collections.refresh()
    counted = _one(searcher, "red", limit=10, facets=("folder",))
    assert (counted.total, counted.total_videos, counted.more) == (81, 41, False)


def test_a_total_is_whole_where_the_last_that_was_looked_at_does_not_match(
    reds: MemoryCatalog, searcher: Searcher
) -> None:
    """63 of the 64 nearest are red, so there are no more, although as many were looked at."""
    _put(reds, "red30", _colours("rbr"))
    result = _one(searcher, "red", limit=10)
    assert (result.total, result.more) == (63, False)


def _all_relevant(store: MemoryCatalog) -> None:
    """Let every segment be as relevant as can be, to whatever is asked."""
    store.rescore("default", MODEL.scoring, lambda vectors: np.full(len(vectors), -99.0, "f4"))


@pytest.mark.parametrize(
    ("videos", "filters", "expected"),
    [
        pytest.param(64, {}, (64, False), id="all there are"),
        pytest.param(65, {}, (64, True), id="one is left"),
        pytest.param(70, {"tags": ("some",)}, (63, False), id="all that the filter passes"),
    ],
)
def test_there_are_no_more_where_all_were_looked_at(
    store: MemoryCatalog,
    searcher: Searcher,
    videos: int,
    filters: dict[str, object],
    expected: tuple[int, bool],
) -> None:
    """64 are, of those that may be found."""
    for name in ("one", "two"):
        store.remove("default", name)
    for number in range(videos):
        _put(store, f"red{number:02d}", ["red"], ("some",) if number < 63 else ())
    _all_relevant(store)
    result = _one(searcher, "red", min_relevance=1.0, **filters)
    assert (result.total, result.more) == expected


def test_the_total_is_of_the_relevance_that_was_asked_for(searcher: Searcher) -> None:
    """Of half where none was; of none, nothing."""
    assert _one(searcher, "a submarine").total == 0
    least = min(hit.relevance for hit in _one(searcher, "a submarine").hits)
    every = _one(searcher, "a submarine", min_relevance=least / 2)
    assert (every.total, every.total_videos) == (len(every.hits), 2)
    nothing = _one(searcher, "red", video_ids=())
    assert (nothing.total, nothing.total_videos, nothing.more) == (0, 0, False)


def test_videos_beside_a_snapshot_count_as_others(store: MemoryCatalog, tmp_path: Path) -> None:
    """However few it has, and however many came since."""
    build(store, FolderStore(tmp_path), "default")
    for number in range(5):
        _put(store, f"red{number}", ["red"])
    result = _one(searcher_over(store, tmp_path, lambda _: MODEL), "red")
    assert (result.total, result.total_videos) == (6, 6)
