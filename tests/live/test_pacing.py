"""Which frames are looked at and indexed: at once what moves, seldom what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.live.pacing import Pace, decodes_keyframes


def looked(pace: Pace, rate: float, seconds: float) -> list[float]:
    """Return the times at which frames that come at a rate are looked at."""
    times = [i / rate for i in range(round(rate * seconds))]
    return [time for time in times if pace.looks(time)]


def kept(pace: Pace, moving: range, *, until: int) -> list[int]:
    """Return the seconds that are indexed if the scene moves in some of them."""
    return [t for t in range(until) if pace.keeps(float(t), moved=t in moving, cut=False)]


@pytest.mark.parametrize("rate", [25.0, 30.0, 29.97, 12.5, 5.0])
@pytest.mark.parametrize("fps", [0.5, 1.0, 2.0, 5.0])
def test_the_rate_is_kept(rate: float, fps: float) -> None:
    """In a minute, as many frames are looked at as asked for, whatever the camera sends."""
    assert len(looked(Pace(fps), rate, 60)) == pytest.approx(60 * fps, abs=1)


def test_no_more_is_looked_at_than_comes() -> None:
    """A camera that sends less than asked for is looked at frame by frame."""
    assert len(looked(Pace(10.0), 2.0, 60)) == 120


def test_a_keyframe_that_comes_a_little_early_is_looked_at() -> None:
    """Timestamps are rounded: to wait for the next keyframe would lose a second."""
    pace = Pace(1.0)
    assert [pace.looks(time) for time in (0.0, 0.999, 1.998, 2.997, 3.996)] == [True] * 5


def test_after_a_gap_the_rate_goes_on() -> None:
    """Frames that did not come are not made up for."""
    pace = Pace(2.0)
    assert pace.looks(0.0)
    assert pace.looks(100.0)
    assert not pace.looks(100.1)


def test_what_moves_is_indexed_at_every_look() -> None:
    """Motion raises the rate to that of the looks."""
    assert kept(Pace(1.0), range(30), until=30) == list(range(30))


def test_a_still_scene_is_indexed_ever_more_seldom() -> None:
    """The pause doubles until it is ten seconds."""
    assert kept(Pace(1.0), range(1), until=60) == [0, 1, 2, 4, 8, 16, 26, 36, 46, 56]


def test_motion_after_a_rest_is_indexed_at_once() -> None:
    """The first frame that shows something new is not waited for, and the pause is short again."""
    found = kept(Pace(1.0), range(50, 53), until=60)
    assert [time for time in found if time >= 47] == [50, 51, 52, 53, 54, 56]


def test_a_cut_is_indexed_at_once() -> None:
    """A cut to a picture that looks the same, such as black to black, counts too."""
    pace = Pace(1.0)
    assert [pace.keeps(float(t), moved=False, cut=t == 13) for t in range(12, 15)] == [True] * 3


def test_a_restart_indexes_the_first_frame() -> None:
    """Each chunk begins with a frame, and its times may be before those of the last."""
    pace = Pace(1.0)
    for time in range(100, 140):
        pace.looks(float(time))
        pace.keeps(float(time), moved=False, cut=False)
    pace.restart()
    assert pace.looks(3.0)
    assert pace.keeps(3.0, moved=False, cut=False)


@given(
    st.lists(st.tuples(st.floats(0.01, 5), st.booleans()), max_size=200),
    st.sampled_from([0.5, 1.0, 2.0, 8.0]),
)
def test_the_pace_stays_within_its_limits(steps: list[tuple[float, bool]], fps: float) -> None:
    """Whatever happens, no look is missed by more than two pauses of a still scene."""
    pace, time, last = Pace(fps), 0.0, 0.0
    for step, moved in steps:
        time += step
        if pace.looks(time):
            if pace.keeps(time, moved=moved, cut=False):
                last = time
            else:
                assert not moved
                assert time - last < 10.0


@pytest.mark.parametrize(
    ("interval_s", "fps", "is_enough"),
    [
        pytest.param(1.0, 1.0, True, id="as many as asked for"),
        pytest.param(1.04, 1.0, True, id="nearly as many"),
        pytest.param(2.0, 1.0, False, id="half"),
        pytest.param(0.04, 2.0, True, id="every frame"),
        pytest.param(None, 1.0, False, id="not known yet"),
    ],
)
def test_keyframes_alone_are_decoded_if_they_are_enough(
    interval_s: float | None, fps: float, *, is_enough: bool
) -> None:
    """Otherwise all frames are decoded."""
    assert decodes_keyframes(interval_s, fps) is is_enough


def test_a_rate_of_nothing_is_refused() -> None:
    """It would look at no frame."""
    with pytest.raises(ValueError, match="fps must be > 0, got 0"):
        Pace(0.0)
