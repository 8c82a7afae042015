"""What a filter asks beside tags, of many videos at once, is what it asks of each."""

from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.library.facts import Facts
from clipseek.query import Filters
from clipseek.types import Named

NAMES = np.array(["a", "b", "c", "d"])
parts = st.sampled_from(["x", "y", "x0", "x.", "é"])
folders = st.lists(parts, max_size=3).map(lambda names: "/" + "/".join(names))
titles = st.text("aAb\U0010ffff", min_size=1, max_size=3)
heights = st.integers(0, 3)
DAY = timedelta(days=1)
times = st.integers(0, 5).map(lambda hour: datetime(2026, 11, 28, hour, tzinfo=UTC))


def named(
    video_id: str, folder: str, duration: float, at: datetime, title: str = "x", height: int = 1
) -> Named:
    """Return a video in a folder."""
    uri = str(PurePosixPath(folder) / "video.mp4")
    indexed = at.isoformat().replace("+00:00", "Z")
    recorded = (at - DAY).isoformat().replace("+00:00", "Z")
    return Named(video_id, title, uri, duration, indexed, recorded, height)


videos = st.tuples(
    *(
        st.builds(named, st.just(name), folders, st.floats(0, 9), times, titles, heights)
        for name in NAMES.tolist()
    )
)
filters = st.builds(
    Filters,
    folder=st.none() | folders,
    min_duration=st.floats(0, 9),
    max_duration=st.none() | st.floats(0, 9),
    indexed_from=st.none() | times,
    indexed_before=st.none() | times,
    title=st.none() | titles,
    min_height=heights,
    max_height=st.none() | heights,
    recorded_from=st.none() | times.map(lambda time: time - DAY),
    recorded_before=st.none() | times.map(lambda time: time - DAY),
)


def passes(video: Named, only: Filters) -> bool:
    """Say of one video whether it passes, by other means."""
    at = datetime.fromisoformat(video.indexed_at)
    return (
        (only.folder is None or PurePosixPath(only.folder) in PurePosixPath(video.uri).parents)
        and video.duration >= only.min_duration
        and (only.max_duration is None or video.duration <= only.max_duration)
        and (only.indexed_from is None or at >= only.indexed_from)
        and (only.indexed_before is None or at < only.indexed_before)
        and (only.title is None or video.title.lower().startswith(only.title.lower()))
        and video.height >= only.min_height
        and (only.max_height is None or video.height <= only.max_height)
        and (only.recorded_from is None or at - DAY >= only.recorded_from)
        and (only.recorded_before is None or at - DAY < only.recorded_before)
    )


@given(videos, filters)
def test_a_mask_has_the_videos_that_pass(given: tuple[Named, ...], only: Filters) -> None:
    """In whatever order they are named; others count for nothing."""
    other = named("nowhere", "/x", 5.0, datetime(2026, 11, 28, tzinfo=UTC))
    found = Facts.of([*reversed(given), other], NAMES).mask(only)
    assert found.tolist() == [passes(video, only) for video in given]


@given(videos, videos, st.lists(st.booleans(), min_size=4, max_size=4), filters)
def test_joined_facts_are_those_of_the_videos_that_were_taken(
    one: tuple[Named, ...], other: tuple[Named, ...], taken: list[bool], only: Filters
) -> None:
    """Each part gives those of its own, under other numbers."""
    first, rows = np.array(taken), np.array([1, 0, 3, 2])
    joined = Facts.joined(
        [(Facts.of(one, NAMES), rows, first), (Facts.of(other, NAMES), rows, ~first)], 4
    )
    expected = [
        passes(a if mine else b, only) for a, b, mine in zip(one, other, taken, strict=True)
    ]
    assert joined.mask(only)[rows].tolist() == expected


@given(videos, videos, st.sets(st.integers(0, 3)), filters)
def test_moved_videos_have_other_folders_and_titles(
    before: tuple[Named, ...], after: tuple[Named, ...], moved: set[int], only: Filters
) -> None:
    """The same length and time as before, whatever else is said of them."""
    now = [
        video._replace(uri=after[i].uri, title=after[i].title) if i in moved else video
        for i, video in enumerate(before)
    ]
    facts = Facts.of(before, NAMES).moved([after[i] for i in moved], NAMES)
    assert facts.mask(only).tolist() == [passes(video, only) for video in now]


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        pytest.param("s3://bucket/2026", [True, True, False, False], id="below"),
        pytest.param("s3://bucket", [True, True, True, False], id="bucket"),
        pytest.param("/", [False, False, False, True], id="root"),
        pytest.param("s3://bucket/20", [False, False, False, False], id="part of a name"),
    ],
)
def test_a_folder_may_be_of_any_kind_of_uri(folder: str, expected: list[bool]) -> None:
    """It is text, up to a slash."""
    uris = ["s3://bucket/2026/a.mp4", "s3://bucket/2026/may/b.mp4", "s3://bucket/c.mp4", "/d.mp4"]
    found = [Named(name, name, uri, 1.0) for name, uri in zip(NAMES.tolist(), uris, strict=True)]
    assert Facts.of(found, NAMES).mask(Filters(folder=folder)).tolist() == expected


def test_a_video_of_an_unknown_time_passes_no_filter_by_time() -> None:
    """Neither from a time on nor before it, of indexing and of recording."""
    facts = Facts.of([Named("a", "a", "/a.mp4", 1.0)], NAMES[:1])
    noon = datetime(2026, 11, 28, 12, tzinfo=UTC)
    assert not facts.mask(Filters(indexed_from=noon)).any()
    assert not facts.mask(Filters(indexed_before=noon)).any()
    assert not facts.mask(Filters(recorded_from=noon)).any()
    assert not facts.mask(Filters(recorded_before=noon)).any()
