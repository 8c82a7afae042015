"""What is decoded of a group of pictures."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.video.groups import Group
from clipseek.video.planning import START, Aim, Plan, plan

FAST = Aim(reach=20, finds_cuts=False, step=4, shortest_shot=30)
KEYFRAMES = replace(FAST, reach=None)
# Presentation times of a group in the order of decoding: its keyframe first.
groups = st.lists(st.integers(1, 400), unique=True, max_size=40).map(lambda rest: [0, *rest])
times = st.lists(st.integers(0, 420), max_size=12).map(sorted)
FOLLOWING = 421
USUAL = Plan(length=FOLLOWING)


def group(stamps: list[int], *, key_bytes: int = 100, largest: int = 10) -> Group:
    """Return a group of a keyframe and packets that are smaller."""
    return Group(True, stamps, [key_bytes, *(largest for _ in stamps[1:])])


def meant(stamps: list[int], time: int) -> int:
    """Return the frame that is shown at a time."""
    return max(stamp for stamp in stamps if stamp <= time)


@given(groups, times)
def test_what_is_shown_is_near_what_is_meant(stamps: list[int], wanted: list[int]) -> None:
    """And it is of the group, or the following keyframe."""
    planned = plan(group(stamps), group([FOLLOWING]), wanted, aim=FAST, before=USUAL)
    assert len(planned.shown) == len(wanted)
    for shown, time in zip(planned.shown, wanted, strict=True):
        assert abs(shown - meant(stamps, time)) <= 20
        assert shown in {*stamps[: planned.count], FOLLOWING}


@given(groups, times)
def test_no_more_is_decoded_than_is_needed(stamps: list[int], wanted: list[int]) -> None:
    """The last packet to be decoded is that of a frame that is meant or of the keyframe."""
    planned = plan(group(stamps), group([FOLLOWING]), wanted, aim=FAST, before=USUAL)
    assert planned.leaves_out == (planned.count < len(stamps))
    if planned.count:
        assert stamps[planned.count - 1] in planned.shown
    else:
        assert set(planned.shown) <= {FOLLOWING}


@given(groups, times)
def test_keyframes_alone_are_shown_for_all(stamps: list[int], wanted: list[int]) -> None:
    """With any reach the nearest keyframe is shown, and at most one packet is decoded."""
    planned = plan(group(stamps), group([FOLLOWING]), wanted, aim=KEYFRAMES)
    assert set(planned.shown) <= {0, FOLLOWING}
    assert planned.count <= 1


@given(groups, times)
def test_a_whole_group_shows_what_is_meant(stamps: list[int], wanted: list[int]) -> None:
    """If the following group needs this one, all is decoded, and each frame is the right one."""
    needy = group([FOLLOWING + 4, FOLLOWING])
    planned = plan(group(stamps), needy, wanted, aim=FAST)
    assert planned.shown == tuple(meant(stamps, time) for time in wanted)
    assert planned.count == len(stamps)
    assert all(earlier <= later for earlier, later in pairwise(planned.shown))


def test_a_following_keyframe_that_is_shown_is_decoded() -> None:
    """A time just before it is answered by it, so the next plan begins with it."""
    first = plan(group([0, 100, 200]), group([210, 310]), [205], aim=FAST, before=Plan(length=210))
    assert (first.shown, first.count) == ((210,), 0)
    second = plan(group([210, 310]), group([420]), [], aim=FAST, before=first)
    assert (second.count, second.begins_anew) == (1, True)
    assert not plan(group([210, 310]), group([420]), [], aim=FAST).count


def test_a_keyframe_before_its_time_is_shown_for_nothing_else() -> None:
    """It may be of another shot than the frames before it."""
    planned = plan(group([0, 100, 200]), group([210]), [205], aim=FAST, before=Plan(length=400))
    assert (planned.shown, planned.count) == ((200,), 3)


@pytest.mark.parametrize(
    ("size", "following", "usual", "expected"),
    [
        pytest.param(50, 100, 210, 1, id="one-shot"),
        pytest.param(51, 100, 210, 3, id="a-large-packet"),
        pytest.param(50, 150, 210, 3, id="a-larger-keyframe"),
        pytest.param(50, 66, 210, 3, id="a-smaller-keyframe"),
        pytest.param(50, 100, 205, 3, id="a-keyframe-before-its-time"),
    ],
)
def test_a_group_is_decoded_to_its_end_if_a_cut_may_be_in_it(
    size: int, following: int, usual: int, expected: int
) -> None:
    """Sizes of packets and keyframes, and the length of the group, tell where a shot may begin."""
    planned = plan(
        group([0, 100, 200], largest=size),
        group([210], key_bytes=following),
        [],
        aim=replace(FAST, finds_cuts=True),
        before=Plan(length=usual),
    )
    assert planned.count == expected


@pytest.mark.parametrize(("length", "expected"), [(100, False), (104, False), (105, True)])
def test_only_keyframes_before_their_time_are_cuts(length: int, expected: bool) -> None:
    """With keyframes alone, one that comes when it is due continues the shot."""
    aim = replace(KEYFRAMES, finds_cuts=True)
    first = plan(group([0, 40]), group([100]), [], aim=aim)
    second = plan(group([100, 140]), group([100 + length]), [], aim=aim, before=first)
    third = plan(group([100 + length, 300]), None, [], aim=aim, before=second)
    assert (third.begins_anew, third.key_may_be_cut) == (True, expected)


def test_a_closed_group_among_open_ones_begins_with_a_cut() -> None:
    """Encoders close a group at a new shot; that it comes when it is due says nothing then."""
    aim = replace(KEYFRAMES, finds_cuts=True)
    keys = [group([100, 140]), group([200, 190, 240]), group([300, 290, 340]), group([400, 440])]
    planned = plan(group([0, 40]), keys[0], [], aim=aim)
    for each, following in zip(keys, [*keys[1:], None], strict=True):
        planned = plan(each, following, [], aim=aim, before=planned)
    assert (planned.begins_anew, planned.key_may_be_cut) == (True, True)


@pytest.mark.parametrize(("key", "expected"), [(29, 0), (30, 1)])
def test_keyframes_are_looked_at_once_in_the_length_of_a_shot(key: int, expected: int) -> None:
    """Nothing is asked for: a keyframe is decoded only because it may begin a shot."""
    aim = replace(KEYFRAMES, finds_cuts=True)
    first = plan(group([0]), group([key]), [], aim=aim, before=START)
    assert plan(group([key]), None, [], aim=aim, before=first).count == expected


def test_a_part_without_a_keyframe_shows_nothing_of_keyframes_alone() -> None:
    """The rest of a long group has no keyframe to show."""
    part = Group(False, [300, 304], [10, 10])
    planned = plan(part, None, [300], aim=KEYFRAMES, before=Plan(leaves_out=True, key_bytes=100))
    assert (planned.shown, planned.count, planned.leaves_out) == ((), 0, True)
