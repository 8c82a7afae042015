"""What every catalog promises of objects, over MemoryCatalog, SQLite and PostgreSQL."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from clipseek.errors import VideoNotFound
from clipseek.protocols import CatalogWriter
from clipseek.timed import Span
from clipseek.tracked import Track, VideoObjects
from clipseek.types import Change, Relevance, Scoring
from tests.contracts.catalogs import DIM, a_video


def a_track(label: str, start: float, direction: int) -> Track:
    """Return a track of two frames whose vector is one of the axes."""
    return Track(
        label=label,
        confidence=0.875,
        span=Span(start, start + 2),
        times=np.array([start, start + 1]),
        boxes=np.array([[0.125, 0.25, 0.5, 0.75], [0.25, 0.25, 0.625, 0.75]], np.float32),
        best=1,
        vector=np.eye(DIM, dtype=np.float32)[direction],
        bias=-1.5,
    )


FOUND = VideoObjects("demo 1", (a_track("ball", 0.0, 0), a_track("Straße", 2.5, 1)))
NOTHING = VideoObjects("demo 1")


def _plain(found: VideoObjects) -> tuple[object, ...]:
    """Return what can be compared."""
    return found.stamp, [
        (
            each.label,
            each.confidence,
            each.span,
            each.times.tolist(),
            each.boxes.tolist(),
            each.best,
            each.vector.tolist(),
            each.bias,
        )
        for each in found.tracks
    ]


def _stored(catalog: CatalogWriter, **some: list[str]) -> dict[str, tuple[object, ...]]:
    return {name: _plain(found) for name, found in catalog.objects("default", **some)}


def test_objects_come_back_as_they_were(catalog: CatalogWriter) -> None:
    """By video and by stamp; a video that was not looked at has none."""
    for name in ("b", "a", "c"):
        a_video(name).put_into(catalog)
    catalog.put_objects("default", "b", FOUND)
    catalog.put_objects("default", "a", NOTHING)
    assert list(_stored(catalog)) == ["a", "b"]
    assert _stored(catalog, video_ids=["b", "x"]) == {"b": _plain(FOUND)}
    assert catalog.object_stamps("default", ["b", "c"]) == {"b": "demo 1"}


def test_other_objects_are_a_change_of_their_own_kind(catalog: CatalogWriter) -> None:
    """They replace those before; the segments keep their ids."""
    a_video("a").put_into(catalog)
    before = catalog.segments("default", "a")
    assert catalog.put_objects("default", "a", FOUND) == 2
    other = replace(FOUND, stamp="demo 2", tracks=FOUND.tracks[:1])
    assert catalog.put_objects("default", "a", other) == 3
    assert _stored(catalog) == {"a": _plain(other)}
    assert catalog.segments("default", "a") == before
    assert catalog.changes("default", 1) == [Change(2, "object", "a"), Change(3, "object", "a")]


def test_no_objects_are_no_change(catalog: CatalogWriter) -> None:
    """Only the stamp is stored, unless there were some."""
    a_video("a").put_into(catalog)
    assert catalog.put_objects("default", "a", NOTHING) == 1
    assert catalog.object_stamps("default", ["a"]) == {"a": "demo 1"}
    catalog.put_objects("default", "a", FOUND)
    assert catalog.put_objects("default", "a", NOTHING) == 3


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda catalog: catalog.remove("default", "a"), id="removed"),
        pytest.param(lambda catalog: a_video("a").put_into(catalog), id="put again"),
    ],
)
def test_objects_go_with_their_video(
    catalog: CatalogWriter, change: Callable[[CatalogWriter], object]
) -> None:
    """What is put again may be read by other rules."""
    a_video("a").put_into(catalog)
    catalog.put_objects("default", "a", FOUND)
    change(catalog)
    assert _stored(catalog) == {}


def test_objects_are_judged_again(catalog: CatalogWriter) -> None:
    """With the segments, from their vectors."""
    a_video("a").put_into(catalog)
    catalog.put_objects("default", "a", FOUND)
    scoring = Scoring("other", 10.0, Relevance(1.0, 0.0, fitted=False))
    catalog.rescore("default", scoring, lambda rows: 7 * rows[:, 1])
    ((_, found),) = catalog.objects("default")
    assert [track.bias for track in found.tracks] == [0.0, 7.0]


def test_wrong_objects_are_refused(catalog: CatalogWriter) -> None:
    """A video that is not there, a name that cannot be stored, and vectors of another model."""
    a_video("a").put_into(catalog)
    with pytest.raises(VideoNotFound):
        catalog.put_objects("default", "x", FOUND)
    with pytest.raises(ValueError, match="label 0"):
        catalog.put_objects("default", "a", VideoObjects("1", (a_track("a\0", 0, 0),)))
    long = replace(a_track("a", 0, 0), vector=np.ones(DIM + 1, np.float32))
    with pytest.raises(ValueError, match=f"have {DIM} components"):
        catalog.put_objects("default", "a", VideoObjects("1", (long,)))
