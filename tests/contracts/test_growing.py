"""Every catalog keeps the contract of `grow`: a chunk grows, and its settled segments stay."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from clipseek.cameras import Camera
from clipseek.catalog import SqlCatalog
from clipseek.catalog.cameras import SqlCameras
from clipseek.catalog.codes import unpack
from clipseek.errors import CollectionNotFound, ModelMismatch
from clipseek.library.view import View
from clipseek.protocols import CatalogWriter
from clipseek.stored import Growth
from clipseek.testing import MemoryCatalog, MemoryStore
from clipseek.types import PICTURE, Change, FieldSegments, FrameVectors, Put
from tests.contracts.catalogs import CODED, DIM, a_video, unit_rows

ME, OTHER = "recorder-1", "recorder-2"
Lend = Callable[[str, str], None]


@pytest.fixture
def lend(catalog: CatalogWriter) -> Lend:
    """Return what lends a camera to a recorder, or to nobody ("")."""

    def lend(camera: str, owner: str) -> None:
        if isinstance(catalog, MemoryCatalog):
            catalog.lent[camera] = owner
            return
        assert isinstance(catalog, SqlCatalog)
        with closing(SqlCameras(catalog._store)) as cameras:
            if camera not in [each.name for each in cameras.cameras()]:
                cameras.add(Camera(camera, "default", "rtsp://a.example/", b"sealed"))
            for former in (ME, OTHER):
                cameras.release(former)
            if owner:
                assert [each.name for each in cameras.take(owner, 1e6, 1)] == [camera]

    return lend


def growth(
    starts: Sequence[float],
    end: float,
    *,
    since: float,
    camera: str = "door",
    frames: bool = False,
    first: int = 0,
) -> Growth:
    """Return segments of a chunk that begin at some times; the last one ends at `end`.

    With `frames` it has one for each second, from number `first` on.
    """
    rng = np.random.default_rng([int(1000 * end), len(starts)])
    count = len(starts)
    video = replace(a_video(f"{camera}-1").video, stream=camera, duration=end, stamp="")
    picture = FieldSegments(
        spans=np.array([*zip(starts, [*starts[1:], end], strict=True)]),
        vectors=unit_rows(rng, count),
        best_times=np.array(starts, np.float64),
        biases=np.zeros(count, np.float32),
        thumbnails=[f"{camera}/{start}-{end}.jpg" for start in starts],
    )
    times = np.arange(float(first), end)
    kept = FrameVectors(times, unit_rows(rng, len(times))) if frames else None
    return Growth(Put(video, {PICTURE: picture}, frames=kept), since, first)


def spans(catalog: CatalogWriter, camera: str = "door") -> list[tuple[float, float]]:
    """Return the spans that are stored of a chunk."""
    return [(each.span.start, each.span.end) for each in catalog.segments("default", f"{camera}-1")]


def test_a_chunk_is_made_and_grows(catalog: CatalogWriter, lend: Lend) -> None:
    """Each growth is one change, and the video says how long it is by now."""
    lend("door", ME)
    assert catalog.grow("default", [growth([0.0], 1.0, since=0.0)], by=ME) == frozenset()
    catalog.grow("default", [growth([0.0, 1.5], 3.0, since=0.0)], by=ME)
    assert spans(catalog) == [(0.0, 1.5), (1.5, 3.0)]
    video = catalog.video("default", "door-1")
    assert (video.duration, video.segments, video.stream) == (3.0, 2, "door")
    changes = [Change(1, "put", "door-1"), Change(2, "put", "door-1")]
    assert catalog.changes("default", 0) == changes


def test_settled_segments_keep_their_ids(catalog: CatalogWriter, lend: Lend) -> None:
    """What begins before `since` is not stored again."""
    lend("door", ME)
    catalog.grow("default", [growth([0.0, 2.0], 4.0, since=0.0)], by=ME)
    before = catalog.segments("default", "door-1")
    catalog.grow("default", [growth([2.0, 5.0], 6.0, since=2.0)], by=ME)
    after = catalog.segments("default", "door-1")
    assert after[0] == before[0]
    assert min(each.id for each in after[1:]) > before[1].id
    assert spans(catalog) == [(0.0, 2.0), (2.0, 5.0), (5.0, 6.0)]


def test_several_chunks_grow_in_one_call(catalog: CatalogWriter, lend: Lend) -> None:
    """One transaction for all cameras of a recorder."""
    both = [growth([0.0], 1.0, since=0.0), growth([0.0], 2.0, since=0.0, camera="gate")]
    lend("door", ME)
    assert catalog.grow("default", both, by=ME) == {"gate-1"}
    assert catalog.collection("default").version == 1


def test_a_camera_that_another_recorder_has_is_left_out(catalog: CatalogWriter, lend: Lend) -> None:
    """A recorder that was stopped for a while must not store what the other one stores too."""
    lend("door", ME)
    catalog.grow("default", [growth([0.0], 1.0, since=0.0)], by=ME)
    lend("door", OTHER)
    late = growth([0.0, 1.0], 2.0, since=0.0)
    assert catalog.grow("default", [late], by=ME) == {"door-1"}
    assert spans(catalog) == [(0.0, 1.0)]


def test_a_camera_that_was_released_may_still_end(catalog: CatalogWriter, lend: Lend) -> None:
    """Its last chunk is stored when nobody has taken it yet."""
    lend("door", "")
    assert catalog.grow("default", [growth([0.0], 1.0, since=0.0)], by=ME) == frozenset()
    assert spans(catalog) == [(0.0, 1.0)]


def test_the_vectors_of_frames_grow(catalog: CatalogWriter, lend: Lend) -> None:
    """Those before stay; a growth that comes again is stored once; the end replaces them."""
    lend("door", ME)
    made = [
        growth([0.0], 2.0, since=0.0, frames=True),
        growth([0.0], 4.0, since=0.0, frames=True, first=2),
        growth([0.0], 4.0, since=0.0, frames=True, first=2),
        growth([0.0], 6.0, since=0.0, frames=True, first=4),
    ]
    for each in made:
        catalog.grow("default", [each], by=ME)
    times, vectors = catalog.frame_vectors("default", "door-1")
    assert times.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    parts = [each.put.frames.vectors for each in (made[0], *made[2:]) if each.put.frames]
    assert np.allclose(vectors, np.concatenate(parts), atol=CODED)
    ((stored,),) = ([each.frames for each in catalog.stored("default")],)
    assert stored is not None
    assert stored.times.tolist() == times.tolist()
    assert np.allclose(unpack(stored.vectors), vectors, atol=1e-6)
    end = growth([0.0], 6.0, since=0.0, frames=True)
    catalog.grow("default", [end], by=ME)
    times, vectors = catalog.frame_vectors("default", "door-1")
    assert end.put.frames is not None
    assert len(times) == 6
    assert np.allclose(vectors, end.put.frames.vectors, atol=CODED)


def test_the_vectors_of_frames_come_with_the_end(catalog: CatalogWriter, lend: Lend) -> None:
    """Those that are stored stay if a growth has none."""
    lend("door", ME)
    catalog.grow("default", [growth([0.0], 2.0, since=0.0)], by=ME)
    assert not len(catalog.frame_vectors("default", "door-1")[0])
    catalog.grow("default", [growth([0.0], 3.0, since=0.0, frames=True)], by=ME)
    assert catalog.frame_vectors("default", "door-1")[0].tolist() == [0.0, 1.0, 2.0]
    catalog.grow("default", [growth([0.0], 4.0, since=0.0)], by=ME)
    assert len(catalog.frame_vectors("default", "door-1")[0]) == 3


def test_vectors_of_another_model_are_refused(catalog: CatalogWriter, lend: Lend) -> None:
    """As those of a file are, and nothing is stored."""
    lend("door", ME)
    made = growth([0.0], 1.0, since=0.0)
    other = replace(made, put=replace(made.put, fingerprint="f2"))
    with pytest.raises(ModelMismatch):
        catalog.grow("default", [other], by=ME)
    assert catalog.collection("default").version == 0


def test_a_chunk_of_a_missing_collection_has_its_error(catalog: CatalogWriter) -> None:
    """It was removed meanwhile."""
    with pytest.raises(CollectionNotFound):
        catalog.grow("nope", [growth([0.0], 1.0, since=0.0)], by=ME)


def test_a_view_follows_a_chunk_that_grows(catalog: CatalogWriter, lend: Lend) -> None:
    """A segment that keeps its id is found once, where the video is now."""
    lend("door", ME)
    a_video("file").put_into(catalog)
    catalog.grow("default", [growth([0.0, 2.0], 4.0, since=0.0)], by=ME)
    store = MemoryStore()
    view = View.open(catalog, store, "default")
    catalog.grow("default", [growth([2.0, 5.0], 6.0, since=2.0)], by=ME)
    view = view.refresh(catalog, store)
    stored = catalog.segments("default", "door-1")
    ids = np.array([each.id for each in stored])
    rows = view.rows(ids)
    assert rows.spans.tolist() == [[each.span.start, each.span.end] for each in stored]
    found = view.search(unit_rows(np.random.default_rng(0), 1), 100)
    everything = [
        each.id for name in ("file", "door-1") for each in catalog.segments("default", name)
    ]
    assert sorted(found.ids[0].tolist()) == sorted(everything)
    assert view.collection.dim == DIM
