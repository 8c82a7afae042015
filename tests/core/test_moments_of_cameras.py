"""Of what a camera has recorded, a filter by time finds moments, and not whole videos."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.errors import InvalidQuery
from clipseek.filters import Filters
from clipseek.library.facts import Facts
from clipseek.library.parts import beside
from clipseek.library.tags import Tags
from clipseek.recorded import moment_at
from clipseek.table import SegmentTable
from clipseek.types import Named

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
VIDEOS = np.array(["door", "file", "yard"])
OWNERS = np.array([0, 0, 1, 1, 2, 2], np.int32)
SPANS = np.array([[0.0, 10.0], [10.0, 20.0]] * 3)


def named(name: str, camera: str, at: datetime) -> Named:
    """Return a video of 20 s."""
    recorded = moment_at(at.isoformat(), 0)
    return Named(name, name, f"/{name}.mp4", 20.0, recorded, recorded, 1, camera)


def ids_of(only: Filters, at: tuple[int, int, int] = (0, 0, 0)) -> list[int]:
    """Return the segments that pass, of two cameras and a file that begin so long after noon."""
    videos = [
        named(name, "" if name == "file" else name, NOON + timedelta(seconds=seconds))
        for name, seconds in zip(VIDEOS.tolist(), at, strict=True)
    ]
    table = SegmentTable(np.arange(6), VIDEOS, OWNERS, SPANS, SPANS[:, 0], np.zeros(6, np.float32))
    vectors = np.eye(6, 8, dtype=np.float32)
    part = beside(table, vectors, Tags.of([], VIDEOS), Facts.of(videos, VIDEOS))
    found = part.search(np.ones((1, 8), np.float32), 6, only).ids[0]
    return sorted(found.tolist())


def test_a_camera_is_a_filter() -> None:
    """Files are of no camera."""
    assert ids_of(Filters(cameras=("yard",))) == [4, 5]
    assert ids_of(Filters(cameras=("yard", "door", "nope"))) == [0, 1, 4, 5]
    assert ids_of(Filters(cameras=())) == []
    assert ids_of(Filters()) == [0, 1, 2, 3, 4, 5]


def test_a_moment_of_a_camera_has_its_own_time() -> None:
    """A file is as old as its beginning."""
    middle = NOON + timedelta(seconds=10)
    assert ids_of(Filters(recorded_from=middle)) == [1, 5]
    assert ids_of(Filters(recorded_before=middle)) == [0, 2, 3, 4]
    both = Filters(recorded_from=middle, recorded_before=middle + timedelta(seconds=1))
    assert ids_of(both) == [1, 5]
    assert ids_of(replace(both, cameras=("door",))) == [1]


second = st.integers(-30, 30)


@given(st.none() | second, st.none() | second, st.tuples(second, second, second))
def test_what_overlaps_a_time_is_found(
    first: int | None, end: int | None, at: tuple[int, int, int]
) -> None:
    """As it is said of each segment alone."""

    def passes(number: int) -> bool:
        owner = int(OWNERS[number])
        start, until = (at[owner] + SPANS[number]).tolist()
        if VIDEOS[owner] == "file":
            begun = at[owner]
            return (first is None or begun >= first) and (end is None or begun < end)
        return (first is None or until > first) and (end is None or start < end)

    only = Filters(
        recorded_from=None if first is None else NOON + timedelta(seconds=first),
        recorded_before=None if end is None else NOON + timedelta(seconds=end),
    )
    if first is not None and end is not None and first >= end:
        return
    assert ids_of(only, at) == [number for number in range(6) if passes(number)]


def test_answers_of_other_cameras_are_not_confused() -> None:
    """A cached answer is found by what the filters mean."""
    assert Filters(cameras=("a", "b")).meaning() == Filters(cameras=("b", "a", "a")).meaning()
    assert Filters(cameras=("a",)).meaning() != Filters(cameras=("b",)).meaning()
    assert Filters(cameras=()).meaning() != Filters().meaning()


def test_a_name_that_is_no_text_is_refused() -> None:
    """As other texts of filters are."""
    assert isinstance(Filters(cameras=("\udcff",)).problem(), InvalidQuery)


@pytest.mark.parametrize(
    ("recorded", "seconds", "at"),
    [
        ("2026-11-28T23:59:59.500Z", 0.75, "2026-11-29T00:00:00.250Z"),
        ("2026-11-28T12:00:00Z", 60.0, "2026-11-28T12:01:00.000Z"),
    ],
)
def test_a_moment_has_a_time_of_the_world(recorded: str, seconds: float, at: str) -> None:
    """To the millisecond."""
    assert moment_at(recorded, seconds) == at
