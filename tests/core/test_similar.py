"""Hits that are near-identical name the first of them, on whatever page it is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from clipseek import calibration, ranking
from clipseek.cursor import Cursor
from clipseek.publishing import FolderStore, build
from clipseek.query import Query
from clipseek.search import Searcher
from clipseek.testing import MemoryCatalog
from clipseek.types import PICTURE, FieldSegments, Hit, Put, SearchResult, Video
from tests.core.test_search import EMBEDDER, MODEL
from tests.searching import searcher_over


def turned(*angles: float) -> NDArray[np.float32]:
    """Return unit vectors of two components, by their angles in degrees."""
    radians = np.radians(angles)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def one_by_one(vectors: NDArray[np.float32]) -> list[int]:
    """Return what `alike` does, by other means."""
    heads: list[int] = []
    first = []
    for row, vector in enumerate(vectors):
        near = [head for head in heads if float(vectors[head] @ vector) >= ranking.ALIKE]
        first.append(near[0] if near else row)
        if not near:
            heads.append(row)
    return first


@given(st.lists(st.integers(0, 71), max_size=12))
def test_each_is_compared_with_those_that_stand_for_themselves(fives: list[int]) -> None:
    """In the order given: the first is the one that others name."""
    vectors = turned(*(5.0 * five for five in fives))
    assert ranking.alike(vectors).tolist() == one_by_one(vectors)


def test_moments_do_not_become_alike_step_by_step() -> None:
    """Each is 12 degrees from the one before; the third is too far from the first."""
    assert ranking.alike(turned(0, 12, 24, 36)).tolist() == [0, 0, 2, 2]


@pytest.mark.parametrize(
    ("degrees", "is_alike"),
    [pytest.param(14, True, id="0.970"), pytest.param(18, False, id="0.951")],
)
def test_near_identical_means_a_cosine_of_0_96(degrees: float, *, is_alike: bool) -> None:
    """What is a moment later is, and what shows something else is not."""
    assert (ranking.alike(turned(0, degrees))[1] == 0) == is_alike


def _filled() -> MemoryCatalog:
    """Three videos with the same two scenes, seen a little worse each time, and one of its own."""
    catalog = MemoryCatalog()
    catalog.ensure_collection("default", "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
    red, blue, green = EMBEDDER.embed_texts(["red", "blue", "green"])
    for number, name in enumerate(["a", "b", "c", "d"]):
        scenes = [red + 0.05 * number * green, red + (0.6 + 0.03 * number) * blue]
        vectors = np.stack([red + 0.8 * green] if name == "d" else scenes)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        starts = 10.0 * np.arange(len(vectors), dtype=np.float64)
        picture = FieldSegments(
            spans=np.stack([starts, starts + 2], axis=1),
            vectors=vectors.astype(np.float32),
            best_times=starts,
            biases=calibration.bias(vectors.astype(np.float32), MODEL.bank, MODEL.logit_scale),
            thumbnails=["none.jpg"] * len(vectors),
        )
        video = Video(name, f"/{name}.mp4", name, 20.0, 64, 36, 1)
        catalog.put("default", Put(video, {PICTURE: picture}))
    return catalog


def _hits(searcher: Searcher, query: Query) -> list[Hit]:
    """Return the hits of all pages."""
    hits: list[Hit] = []
    while True:
        (answer,) = searcher.search([query])
        assert isinstance(answer, SearchResult)
        hits += answer.hits
        if answer.next_cursor is None:
            return hits
        query = replace(query, after=Cursor.of(answer.next_cursor))


@pytest.mark.parametrize("limit", [2, 100])
@pytest.mark.parametrize("is_built", [False, True], ids=["catalog", "snapshot"])
def test_a_hit_names_the_first_that_is_near_identical(
    tmp_path: Path, limit: int, *, is_built: bool
) -> None:
    """Of all pages; one that came since the snapshot, too."""
    catalog = _filled()
    if is_built:
        catalog.remove("default", "b")
        build(catalog, FolderStore(tmp_path), "default")
        _again = _filled()
        (rows,) = [rows for rows in _again.stored("default") if rows.video.id == "b"]
        catalog.restore("default", [rows])
    searcher = searcher_over(catalog, tmp_path, lambda _: MODEL)
    hits = _hits(searcher, Query.of("red", limit, mark_similar=True))
    names = {hit.segment_id: (hit.video.id, hit.span.start) for hit in hits}
    named = {names[hit.segment_id]: names.get(hit.similar_to or 0) for hit in hits}
    assert named == {
        ("a", 0.0): None,
        ("b", 0.0): ("a", 0.0),
        ("c", 0.0): ("a", 0.0),
        ("a", 10.0): None,
        ("b", 10.0): ("a", 10.0),
        ("c", 10.0): ("a", 10.0),
        ("d", 0.0): None,
    }


def test_nothing_is_marked_unless_it_is_asked_for(tmp_path: Path) -> None:
    """So that other searches need no vectors."""
    searcher = searcher_over(_filled(), tmp_path, lambda _: MODEL)
    assert all(hit.similar_to is None for hit in _hits(searcher, Query.of("red")))
