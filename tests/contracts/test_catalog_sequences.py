"""Any sequence of catalog operations agrees with MemoryCatalog."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clipseek.catalog import SqlCatalog
from clipseek.errors import ClipseekError
from clipseek.protocols import CatalogWriter
from clipseek.testing import MemoryCatalog
from clipseek.types import Relevance
from tests.contracts.catalogs import DIM, a_video

IDS = st.sampled_from("abc")
URIS = st.sampled_from(["/1.mp4", "/2.mp4", "/3 ä.mp4"])
TAGS = st.lists(st.sampled_from(["night", "red"]), unique=True).map(tuple)
PUT = st.tuples(st.just("put"), IDS, URIS, st.integers(0, 3), TAGS)
REMOVE = st.tuples(st.just("remove"), IDS)
RELOCATE = st.tuples(st.just("relocate"), IDS, URIS, st.integers(0, 2**62))
CALIBRATE = st.tuples(st.just("calibrate"), st.floats(-10, 10))
TITLES = st.sampled_from([None, "a title", "another"])
EDIT = st.tuples(st.just("edit"), IDS, TITLES, st.none() | TAGS)
OPERATION = st.one_of(PUT, PUT, REMOVE, RELOCATE, EDIT, CALIBRATE)
BY = st.sampled_from(["{}", "{}-alias"])
SEQUENCES = st.lists(st.tuples(BY, OPERATION), max_size=10)

_names = itertools.count()


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(operations=SEQUENCES)
def test_a_sequence_agrees_with_memory(sql_catalog: SqlCatalog, operations: list[Any]) -> None:
    """Every answer and, in the end, all that can be read are the same, but for ids and clocks."""
    name = f"c{next(_names)}"
    catalogs: tuple[CatalogWriter, CatalogWriter] = (sql_catalog, MemoryCatalog())
    for catalog in catalogs:
        catalog.ensure_collection(name, "toy", DIM, "f1")
        catalog.set_alias(f"{name}-alias", name)
    for by, operation in operations:
        real, model = (_apply(catalog, by.format(name), *operation) for catalog in catalogs)
        assert real == model
    real, model = (_observed(catalog, name) for catalog in catalogs)
    assert real == model


def _apply(catalog: CatalogWriter, name: str, verb: str, *arguments: Any) -> object:
    """Run one operation and return its answer, or its error's words."""
    try:
        if verb == "put":
            video_id, uri, count, tags = arguments
            return a_video(video_id, uri=uri, count=count, seed=count, tags=tags).put_into(
                catalog, name
            )
        if verb == "remove":
            return catalog.remove(name, arguments[0])
        if verb == "relocate":
            video_id, uri, size = arguments
            return catalog.relocate(name, video_id, uri, size, stamp=f"{size}")
        if verb == "edit":
            video_id, title, given_tags = arguments
            return catalog.edit(name, video_id, title=title, tags=given_tags)
        return catalog.set_relevance(name, Relevance(arguments[0], 1.0, fitted=True))
    except ClipseekError as error:
        return f"{type(error).__name__}: {error}"


def _observed(catalog: CatalogWriter, name: str) -> list[object]:
    """Return all that can be read of a collection, as values that compare."""
    videos = catalog.videos(name)
    collection = replace(catalog.collection(name), epoch="")
    seen: list[object] = [collection, catalog.counts(name), catalog.changes(name, 0)]
    seen += [[replace(video, indexed_at="") for video in videos]]
    seen += [[video.id for video in catalog.videos(name, after="a", limit=1, tags=["night"])]]
    for video in videos:
        seen.append([replace(segment, id=0) for segment in catalog.segments(name, video.id)])
        seen.append([array.tolist() for array in catalog.frame_vectors(name, video.id)])
    for block in catalog.blocks(name, block=2):
        assert (np.diff(block.ids) > 0).all()
        arrays = (block.video_ids, block.spans, block.best_times, block.biases, block.vectors)
        seen.append([array.tolist() for array in arrays])
    return seen
