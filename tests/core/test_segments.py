"""Segments cover the video, stay inside shots and follow what lasts."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from clipseek import segments
from clipseek.types import Segments

DIM = 24


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the rows scaled to length one."""
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


def axis(number: int) -> NDArray[np.float32]:
    """Return the unit vector of one dimension."""
    return np.asarray(np.eye(DIM)[number], np.float32)


def form(
    shown: list[NDArray[np.float32]],
    *,
    times: list[float] | None = None,
    cuts: tuple[int, ...] = (),
    duration: float | None = None,
    coherence: float = 0.85,
) -> Segments:
    """Form the segments of frames that come once a second unless said otherwise."""
    when = np.arange(len(shown), dtype=float) if times is None else np.array(times)
    marks = np.isin(np.arange(len(shown)), cuts)
    end = float(when[-1] + 1) if duration is None else duration
    return segments.form(when, np.stack(shown), marks, end, coherence=coherence)


def test_a_segment_says_whether_a_shot_begins_with_it() -> None:
    """At each cut, and at the start of the video, but not where a shot changes."""
    shown = [axis(0)] * 6 + [axis(1)] * 6 + [axis(2)] * 6
    formed = form(shown, cuts=(12,))
    assert formed.spans[:, 0].tolist() == [0, 6, 12]
    assert formed.shots.tolist() == [True, False, True]


videos = st.fixed_dictionaries(
    {
        "count": st.integers(1, 40),
        "scenes": st.integers(1, 5),
        "noise": st.sampled_from([0.0, 0.2, 1.0]),
        "fps": st.sampled_from([0.2, 1.0, 24000 / 1001, 30000 / 1001, 60.0]),
        "irregular": st.booleans(),
        "cut_share": st.sampled_from([0.0, 0.1, 1.0]),
        "tail": st.sampled_from([-1.0, 0.0, 0.001, 7.0]),
        "coherence": st.sampled_from([-1.0, 0.0, 0.5, 0.85, 0.99, 1.0]),
        "seed": st.integers(0, 10_000),
    }
)


@given(videos)
def test_spans_cover_the_video_and_stay_inside_shots(video: dict[str, float]) -> None:
    """Whatever the video, spans leave no gap, no overlap and no cut inside; vectors are unit."""
    chance = np.random.default_rng(int(video["seed"]))
    count = int(video["count"])
    steps = chance.exponential(size=count) + 1e-3 if video["irregular"] else np.ones(count)
    times = (np.cumsum(steps) - steps[0]) / video["fps"]
    scene = np.sort(chance.integers(int(video["scenes"]), size=count))
    vectors = unit(np.eye(DIM)[scene] + video["noise"] * chance.normal(size=(count, DIM)))
    cuts = chance.random(count) < video["cut_share"]
    duration = float(times[-1]) + video["tail"]
    formed = segments.form(times, vectors, cuts, duration, coherence=video["coherence"])
    starts, ends = formed.spans.T
    assert starts[0] == 0
    assert (starts < ends).all()
    assert (starts[1:] == ends[:-1]).all()
    assert times[-1] < ends[-1] <= max(duration, times[-1] + 1e-3)
    assert set(times[1:][cuts[1:]]) <= set(starts[1:])
    assert set(starts[1:]) <= set(times)
    assert np.allclose(np.linalg.norm(formed.vectors, axis=1), 1, atol=1e-5)
    at = times[formed.best]
    assert ((starts <= at) & (at < ends)).all()
    for start, end, mean, best in zip(starts, ends, formed.vectors, formed.best, strict=True):
        mine = vectors[(start <= times) & (times < end)]
        assert vectors[best] @ mean == pytest.approx((mine @ mean).max(), abs=1e-5)


@given(
    count=st.integers(1, 60),
    cuts=st.sets(st.integers(1, 59)),
    coherence=st.sampled_from([0.0, 0.85, 1.0]),
    seed=st.integers(0, 1000),
)
def test_a_still_picture_is_one_segment_per_shot(
    count: int, cuts: set[int], coherence: float, seed: int
) -> None:
    """Equal frames never part, but a cut always parts them."""
    still = unit(np.random.default_rng(seed).normal(size=DIM))
    formed = form([still] * count, cuts=tuple(cuts), coherence=coherence)
    assert len(formed) == 1 + len([cut for cut in cuts if cut < count])


def test_red_then_blue_parts_where_blue_begins() -> None:
    """Two seconds of red and three of blue are [0, 2) and [2, 5)."""
    formed = form([axis(0)] * 2 + [axis(1)] * 3)
    assert formed.spans.tolist() == [[0, 2], [2, 5]]


def test_a_change_that_comes_gradually_is_found() -> None:
    """A slow turn from one picture to another ends in different segments."""
    angles = np.linspace(0, np.pi / 2, 30)
    formed = form([unit(np.cos(a) * axis(0) + np.sin(a) * axis(1)) for a in angles])
    assert len(formed) >= 2
    assert formed.vectors[0] @ formed.vectors[-1] < 0.6


def test_one_odd_frame_does_not_part_a_segment() -> None:
    """A frame that differs a little from its neighbours, say a blurred one, is not a change."""
    odd = unit(axis(0) + 0.7 * axis(1))
    formed = form([axis(0)] * 5 + [odd] + [axis(0)] * 5)
    assert formed.spans.tolist() == [[0, 11]]


def test_a_change_that_lasts_parts_a_segment() -> None:
    """The same difference, once it lasts, is a change, and it begins with its first frame."""
    other = unit(axis(0) + 0.7 * axis(1))
    formed = form([axis(0)] * 5 + [other] * 5)
    assert formed.spans.tolist() == [[0, 5], [5, 10]]


def test_a_small_difference_does_not_part_however_long_it_lasts() -> None:
    """Two minutes each of two pictures that are nearly alike are one segment."""
    other = unit(axis(0) + 0.3 * axis(1))
    assert len(form([axis(0)] * 120 + [other] * 120)) == 1


def test_noise_does_not_part_a_segment() -> None:
    """Sixty frames that differ by noise alone are one segment."""
    chance = np.random.default_rng(0)
    noise = 0.4 * chance.normal(size=(60, DIM)) / DIM**0.5
    assert len(form(list(unit(axis(0) + noise)))) == 1


def test_slides_that_stand_for_long_part() -> None:
    """Frames that are rare because they stand for long are as lasting as many frames."""
    other = unit(axis(0) + 0.7 * axis(1))
    formed = form([axis(0), other, axis(0)], times=[0, 30, 50], duration=90)
    assert formed.spans.tolist() == [[0, 30], [30, 50], [50, 90]]


def test_frames_weigh_by_how_long_they_stand() -> None:
    """A picture that stands for 98 of 100 seconds makes up 98 % of the mean and is the best."""
    other = unit(axis(0) + 0.5 * axis(1))
    formed = form([other, axis(0), other], times=[0, 1, 99], duration=100)
    assert formed.best.tolist() == [1]
    expected = unit(98 * axis(0).astype(float) + 2 * other)
    assert np.allclose(formed.vectors[0], expected, atol=1e-6)


def test_the_first_segment_begins_at_zero() -> None:
    """The video's first frame may be shown late; the first span begins at 0 all the same."""
    formed = form([axis(0), axis(1)], times=[0.5, 4.5], cuts=(0, 1), duration=6)
    assert formed.spans.tolist() == [[0, 4.5], [4.5, 6]]


def test_opposed_frames_do_not_join() -> None:
    """Vectors that would cancel out each other stay apart at any coherence."""
    formed = form([axis(0), -axis(0)], coherence=-1)
    assert len(formed) == 2


def test_a_claimed_end_before_the_last_frame_is_moved() -> None:
    """A duration that is too short gives a last span just past the last frame."""
    formed = form([axis(0), axis(1)], cuts=(1,), duration=0.2)
    assert formed.spans[0].tolist() == [0, 1]
    assert 1 < formed.spans[1, 1] <= 1.001


@pytest.mark.parametrize(
    ("times", "vectors", "cuts", "expected"),
    [
        pytest.param([], 0, 0, "needs frames", id="no frames"),
        pytest.param([0.0, 1.0], 3, 2, "needs frames", id="vectors"),
        pytest.param([0.0, 1.0], 2, 1, "needs frames", id="cuts"),
        pytest.param(
            [0.0, 0.0], 2, 2, "^times must be >= 0 and strictly ascending$", id="equal times"
        ),
        pytest.param(
            [1.0, 0.0], 2, 2, "^times must be >= 0 and strictly ascending$", id="descending times"
        ),
        pytest.param(
            [-1.0, 0.0], 2, 2, "^times must be >= 0 and strictly ascending$", id="negative time"
        ),
    ],
)
def test_frames_that_do_not_belong_together_are_refused(
    times: list[float], vectors: int, cuts: int, expected: str
) -> None:
    """Wrong lengths and times that do not ascend raise ValueError."""
    with pytest.raises(ValueError, match=expected):
        segments.form(
            np.array(times),
            np.tile(axis(0), (vectors, 1)),
            np.zeros(cuts, np.bool_),
            9.0,
            coherence=0.85,
        )


def turned(cosine: float) -> NDArray[np.float32]:
    """Return a unit vector at that cosine to the first axis."""
    return np.asarray(cosine * axis(0) + (1 - cosine**2) ** 0.5 * axis(1), np.float32)


@pytest.mark.parametrize(("cosine", "count"), [(0.7, 2), (0.85, 1)])
def test_two_slides_of_four_seconds_count_for_two_seconds_each_frame(
    cosine: float, count: int
) -> None:
    """Where pictures come rarely, each stands for runs of frames two seconds apart, not more."""
    formed = form([axis(0), turned(cosine)], times=[0, 4], duration=8)
    assert len(formed) == count


def test_a_last_frame_past_the_claimed_end_has_half_a_millisecond() -> None:
    """The last segment is never empty, and never claims a length that can be seen."""
    formed = form([axis(0), axis(1)], times=[0, 3], duration=2.5)
    assert formed.spans[-1].tolist() == pytest.approx([3, 3.0005], abs=1e-5)


def joined_naively(
    vectors: NDArray[np.float32], times: NDArray[np.float64], end: float, coherence: float
) -> list[float]:
    """Return where runs begin: join the two most alike neighbours, look at all again, and so on.

    The cost of joining is Ward's in units of three frames, with lasting bounded by eight frames
    and a frame by two seconds, as `segments` documents it; in float64, from the frames each time.
    """
    stands = np.diff(times, append=end)
    frames = stands / min(float(np.median(stands)), 2.0)
    runs = [[i] for i in range(len(times))]

    def cost(left: list[int], right: list[int]) -> float:
        means = [np.average(vectors[run], axis=0, weights=frames[run]) for run in (left, right)]
        one, other = (mean / np.linalg.norm(mean) for mean in means)
        first, second = (min(float(frames[run].sum()), 8.0) for run in (left, right))
        apart = 1 - float(one @ other)
        return float("inf") if apart >= 1 else 2 * first * second / (first + second) / 3 * apart

    while len(runs) > 1:
        costs = [cost(left, right) for left, right in pairwise(runs)]
        best = int(np.argmin(costs))
        if costs[best] > 1 - coherence:
            break
        runs[best : best + 2] = [runs[best] + runs[best + 1]]
    return [0.0, *(float(times[run[0]]) for run in runs[1:])]


@given(
    st.integers(2, 12),
    st.integers(0, 10_000),
    st.sampled_from([0.6, 0.85, 0.95]),
    st.sampled_from([0.3, 1.0]),
)
def test_runs_are_joined_as_a_naive_search_joins_them(
    count: int, seed: int, coherence: float, step: float
) -> None:
    """Frames that wander and stand for unequal times part where looking at all pairs parts them."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(size=(count, DIM)) * 0.25, axis=0) + rng.normal(size=DIM)
    vectors = unit(walk)
    times = np.cumsum(rng.exponential(step, count)) + 0.01
    times -= times[0]
    end = float(times[-1] + step)
    formed = form(list(vectors), times=times.tolist(), duration=end, coherence=coherence)
    assert formed.spans[:, 0].tolist() == joined_naively(vectors, times, end, coherence)
