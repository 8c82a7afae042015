"""What a searcher says of itself: to the log, to metrics and to those who trace."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek import publishing
from clipseek.errors import ConfigError
from clipseek.library.collections import CollectionStats
from clipseek.library.view import View
from clipseek.model import Model
from clipseek.publishing import FolderStore
from clipseek.query import Query
from clipseek.search import Searcher
from clipseek.testing import MemoryCatalog
from clipseek.types import Collection, Neighbours
from tests.core.test_search import (
    EMBEDDER,
    MODEL,
    OTHERS,
    OTHERWISE_JUDGED,
    _bias,
    _one,
    _put,
    videos,
)
from tests.searching import searcher_over


@pytest.fixture
def store() -> MemoryCatalog:
    """Two videos: red, blue, green; and blue with a tag."""
    return videos()


@pytest.fixture
def searcher(store: MemoryCatalog, tmp_path: Path) -> Searcher:
    """A searcher over the videos, without a snapshot."""
    return searcher_over(store, tmp_path, lambda _: MODEL)


def test_each_collection_that_is_judged_otherwise_is_told(
    store: MemoryCatalog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Once each, however many there are."""
    store.rescore("default", MODEL.scoring, _bias(MODEL))
    store.ensure_collection("more", "toy", EMBEDDER.dim, EMBEDDER.fingerprint, MODEL.scoring)
    _put(store, "one", ["red"], collection="more")
    searcher = searcher_over(store, tmp_path, lambda _: OTHERS["bank"])
    for name in ("default", "more", "default", "more"):
        _one(searcher, "red", collection=name)
    assert caplog.messages == [OTHERWISE_JUDGED.replace("%s", name) for name in ("default", "more")]


def test_a_collection_without_its_model_is_told_and_keeps_no_other_back(
    store: MemoryCatalog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The server is ready for the others, and the log says which one is not served, and why."""
    for name, fingerprint in (("archive", "0" * 64), ("more", EMBEDDER.fingerprint)):
        store.ensure_collection(name, "toy", EMBEDDER.dim, fingerprint)
        _put(store, "one", ["red"], collection=name)

    def load(collection: Collection) -> Model:
        if collection.name == "archive":
            raise ConfigError("there is no bundle of model toy")
        return MODEL

    searcher = searcher_over(store, tmp_path, load)
    searcher.collections.ready()
    assert caplog.messages == [
        "collection archive cannot be searched: there is no bundle of model toy"
    ]
    served = {
        name: searcher.collections.is_open(name) for name in ("default", "archive", "more", "none")
    }
    assert served == {"default": True, "archive": False, "more": True, "none": False}


def test_a_collection_that_is_removed_meanwhile_keeps_no_other_back(
    store: MemoryCatalog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The server gets ready for the rest, and there is nothing to warn about."""
    for name in ("more", "rest"):
        store.ensure_collection(name, "toy", EMBEDDER.dim, EMBEDDER.fingerprint)
        _put(store, "one", ["red"], collection=name)

    def load(_collection: Collection) -> Model:
        if "more" in {each.name for each in store.collections()}:
            store.remove_collection("more")
        return MODEL

    searcher = searcher_over(store, tmp_path, load)
    searcher.collections.ready()
    served = {name: searcher.collections.is_open(name) for name in ("default", "more", "rest")}
    assert served == {"default": True, "more": False, "rest": True}
    assert caplog.messages == []


def test_the_state_of_a_collection_names_its_snapshot(store: MemoryCatalog, tmp_path: Path) -> None:
    """Its version and time, what is searched beside it, and whether all is compared."""
    publishing.build(store, FolderStore(tmp_path), "default")
    found = FolderStore(tmp_path).open("default")
    assert found is not None
    _put(store, "three", ["magenta"])
    searcher = searcher_over(store, tmp_path, lambda _: MODEL)
    searcher.collections.open("default")
    state = searcher.collections.stats()["default"]
    assert 0 <= state.age_s < 60
    assert replace(state, age_s=0.0) == CollectionStats(
        version=3,
        segments=5,
        snapshot_version=2,
        delta_size=1,
        snapshot_at=found.manifest.created_at,
        is_exact=True,
    )


def test_an_approximate_snapshot_is_not_exact(store: MemoryCatalog, tmp_path: Path) -> None:
    """Its recall is worth watching."""
    _put(store, "long", ["red", "blue"] * 350)
    publishing.build(store, FolderStore(tmp_path), "default", kind="ivf-flat")
    searcher = searcher_over(store, tmp_path, lambda _: MODEL)
    searcher.collections.open("default")
    assert searcher.collections.stats()["default"].is_exact is False


def test_the_stages_of_a_batch_are_timed_in_their_order(searcher: Searcher) -> None:
    """Each once, with its seconds, and none begins before the last one has ended."""
    stages = searcher.batch([Query.of("red"), Query.of("blue")], {}).stages
    assert [stage.name for stage in stages] == ["embed", "search", "catalog"]
    assert all(0 <= stage.seconds < 60 for stage in stages)
    assert all(one.ended_ns <= two.began_ns for one, two in pairwise(stages))


def test_searches_without_a_filter_are_sampled(searcher: Searcher) -> None:
    """With the queries, the view and the neighbours; a filter leaves nothing to compare with."""
    seen: list[tuple[View, NDArray[np.float32], Neighbours]] = []
    searcher.sample(lambda view, queries, near: seen.append((view, queries, near)))
    searcher.search([Query.of("red", video_ids=("one",)), Query.of("blue")])
    ((view, queries, near),) = seen
    assert view is searcher.collections.latest("default").view
    assert np.array_equal(queries, EMBEDDER.embed_texts(["blue"]))
    assert near.ids.tolist() == view.search(queries, near.ids.shape[1]).ids.tolist()
