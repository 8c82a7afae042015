"""The times of frames: exact, ascending, complete, whatever the container says."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.video.timestamps import PresentationTimes, Ticks, usable_rate

FRAME = Fraction(1, 25)


def times(
    stamps: list[Fraction | None],
    *,
    start: Fraction | None = Fraction(0),
    dts: list[Fraction | None] | None = None,
) -> list[Fraction]:
    """Return what a clock of 25 frames per second makes of timestamps."""
    clock = PresentationTimes(start, Fraction(25))
    decoding = dts or [None] * len(stamps)
    return [clock.at(pts, d, None) for pts, d in zip(stamps, decoding, strict=True)]


def test_right_timestamps_are_kept() -> None:
    """Ascending timestamps count from the container's start, however they are spaced."""
    stamps = [Fraction(10), Fraction(10) + FRAME, Fraction(12)]
    assert times([*stamps], start=Fraction(9)) == [1, 1 + FRAME, 3]


def test_without_a_start_the_first_timestamp_is_zero() -> None:
    """A container that states no start begins with its first frame."""
    assert times([Fraction(10), Fraction(11)], start=None) == [0, 1]


def test_a_first_frame_before_the_start_is_zero() -> None:
    """No frame has a negative time."""
    assert times([Fraction(9), Fraction(10)], start=Fraction(10)) == [0, 1]


def test_missing_timestamps_follow_the_frame_before() -> None:
    """Frames without a timestamp come one frame apart."""
    assert times([None, None, None, None]) == [0, FRAME, 2 * FRAME, 3 * FRAME]


def test_one_missing_timestamp_does_not_shift_the_rest() -> None:
    """After a gap in the timestamps, those that come are believed."""
    assert times([Fraction(0), None, 2 * FRAME]) == [0, FRAME, 2 * FRAME]


def test_a_repeated_timestamp_does_not_shift_the_rest() -> None:
    """A frame with the time of the one before comes in between, and the next is right again."""
    assert times([Fraction(0), Fraction(0), FRAME]) == [0, FRAME / 2, FRAME]


def test_a_new_count_of_timestamps_goes_on() -> None:
    """If a recording starts again at zero, time continues by one frame."""
    assert times([Fraction(5), Fraction(0), FRAME]) == [5, 5 + FRAME, 5 + 2 * FRAME]


def test_a_broken_timestamp_far_ahead_is_not_believed() -> None:
    """One frame a year ahead does not make the video a year long."""
    year = Fraction(365 * 24 * 3600)
    assert times([Fraction(0), year, 2 * FRAME])[:2] == [0, FRAME]
    assert times([Fraction(0), year, 2 * FRAME])[2] < 1


def test_decoding_times_replace_disordered_ones() -> None:
    """Presentation times in the wrong order, as in H.264 in AVI, give way to decoding times."""
    pts: list[Fraction | None] = [Fraction(n) * FRAME for n in (1, 4, 3, 5, 2, 8, 7, 9)]
    dts: list[Fraction | None] = [Fraction(n) * FRAME for n in range(2, 10)]
    assert times(pts, dts=dts)[2:] == [n * FRAME for n in (Fraction(9, 2), 5, 6, 7, 8, 9)]


def test_the_end_is_the_end_of_the_last_frame() -> None:
    """The last frame is shown for its own duration, or for one frame if it states none."""
    clock = PresentationTimes(Fraction(0), Fraction(25))
    clock.at(Fraction(0), None, None)
    assert clock.end == FRAME
    clock.at(Fraction(1), None, Fraction(3))
    assert clock.end == 4


def test_a_frame_shown_again_prolongs_the_video() -> None:
    """An empty packet, which means the last frame again, moves the end."""
    clock = PresentationTimes(Fraction(0), Fraction(25))
    clock.at(Fraction(0), None, None)
    clock.prolong(Fraction(2))
    assert clock.end == 2 + FRAME


def test_ticks_are_seconds_and_back() -> None:
    """A tick counts until the next one begins, also if second zero is between two ticks."""
    ticks = Ticks(origin=Fraction(1, 2), base=Fraction(1, 10))
    assert ticks.seconds(3) == Fraction(1, 4)
    assert ticks.at(Fraction(1, 4)) == 3
    assert ticks.at(Fraction(34, 100)) == 3
    assert ticks.at(Fraction(35, 100)) == 4


maybe_stamps = st.lists(
    st.none() | st.fractions(min_value=-(10**9), max_value=10**9, max_denominator=90_000),
    min_size=1,
    max_size=30,
)


@given(maybe_stamps, maybe_stamps)
def test_times_ascend_from_zero_on(pts: list[Fraction | None], dts: list[Fraction | None]) -> None:
    """Whatever the timestamps, times ascend strictly, and the end is behind them."""
    clock = PresentationTimes(None, Fraction(25))
    found = [clock.at(p, d, None) for p, d in zip(pts, dts, strict=False)]
    assert found[0] >= 0
    assert all(a < b for a, b in pairwise(found))
    assert clock.end > found[-1]


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        pytest.param([Fraction(30000, 1001)], Fraction(30000, 1001), id="stated"),
        pytest.param([None, Fraction(24)], Fraction(24), id="second"),
        pytest.param([Fraction(0), Fraction(24)], Fraction(24), id="zero"),
        pytest.param([Fraction(90_000), Fraction(24)], Fraction(24), id="a-clock-not-a-rate"),
        pytest.param([None, None], Fraction(25), id="none"),
    ],
)
def test_rates_that_can_be_are_used(stated: list[Fraction | None], expected: Fraction) -> None:
    """The first rate that a video can have is the video's."""
    assert usable_rate(*stated) == expected
