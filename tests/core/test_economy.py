"""What is decoded of a group of pictures."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from clipseek.video.economy import plan, whole

REACH = 20
# Presentation times of a group in the order of decoding: its keyframe first.
groups = st.lists(st.integers(1, 400), unique=True, max_size=40).map(lambda rest: [0, *rest])
times = st.lists(st.integers(0, 420), max_size=12).map(sorted)
FOLLOWING = 421


def meant(stamps: list[int], time: int) -> int:
    """Return the frame that is shown at a time."""
    return max(stamp for stamp in stamps if stamp <= time)


@given(groups, times)
def test_what_is_shown_is_near_what_is_meant(stamps: list[int], wanted: list[int]) -> None:
    """And it is of the group, or the following keyframe."""
    planned = plan(stamps, wanted, keys=[0, FOLLOWING], reach=REACH)
    assert len(planned.shown) == len(wanted)
    for shown, time in zip(planned.shown, wanted, strict=True):
        assert abs(shown - meant(stamps, time)) <= REACH
        assert shown in {*stamps[: planned.count], FOLLOWING}


@given(groups, times)
def test_no_more_is_decoded_than_is_needed(stamps: list[int], wanted: list[int]) -> None:
    """The last packet to be decoded is that of a frame that is meant or of the keyframe."""
    planned = plan(stamps, wanted, keys=[0, FOLLOWING], reach=REACH)
    if planned.count:
        assert stamps[planned.count - 1] in planned.shown
    else:
        assert set(planned.shown) <= {FOLLOWING}


@given(groups, times)
def test_keyframes_alone_stand_for_all(stamps: list[int], wanted: list[int]) -> None:
    """With any reach the nearest keyframe is shown, and at most one packet is decoded."""
    planned = plan(stamps, wanted, keys=[0, FOLLOWING], reach=None)
    assert set(planned.shown) <= {0, FOLLOWING}
    assert planned.count <= 1


@given(groups, times)
def test_a_whole_group_shows_what_is_meant(stamps: list[int], wanted: list[int]) -> None:
    """Where all is decoded anyway, nothing stands for anything else."""
    planned = whole(stamps, wanted)
    assert planned.shown == tuple(meant(stamps, time) for time in wanted)
    assert planned.count == len(stamps)
    assert all(earlier <= later for earlier, later in pairwise(planned.shown))
