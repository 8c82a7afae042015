"""Neighbours that match and touch become one moment; the order is total."""

from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clipseek import ranking
from clipseek.ranking import Moment, Rows
from clipseek.types import Neighbours, Span


@dataclass(frozen=True)
class Found:
    """One neighbour of a made query."""

    id: int
    score: float
    video: str
    start: float
    end: float


def merge(found: list[Found]) -> list[Moment]:
    """Merge neighbours given one by one; best times and biases follow from the ids."""
    return merge_all([found])[0]


def merge_all(batch: list[list[Found]]) -> list[list[Moment]]:
    """Merge the neighbours of several queries together, as many of each."""
    found = [one for mine in batch for one in mine]
    names = sorted({one.video for one in found})
    rows = Rows(
        video_ids=np.array([one.video for one in found], dtype=np.str_),
        owners=np.array([names.index(one.video) for one in found], np.int64),
        spans=np.array([(one.start, one.end) for one in found]).reshape(-1, 2),
        best_times=np.array([one.start + 0.25 for one in found]),
        biases=np.array([one.id / 8 for one in found], np.float32),
    )
    shape = len(batch), len(found) // len(batch)
    near = Neighbours(
        np.array([one.id for one in found], np.int64).reshape(shape),
        np.array([one.score for one in found], np.float32).reshape(shape),
    )
    return ranking.merge(near, rows, [shape[1]] * len(batch), [None] * len(batch))


def video(video: str, scores: list[float], *, first_id: int = 1) -> list[Found]:
    """Return segments of two seconds each, one after the other."""
    return [Found(first_id + i, s, video, 2.0 * i, 2.0 * i + 2) for i, s in enumerate(scores)]


def spans(moments: list[Moment]) -> list[tuple[str, float, float]]:
    """Return where the moments are, in their order."""
    return [(m.video_id, m.span.start, m.span.end) for m in moments]


def test_neighbours_that_match_become_one() -> None:
    """Three adjacent segments that score alike are one moment; the others stay."""
    moments = merge(video("a", [0.10, 0.30, 0.32, 0.31, 0.11]))
    assert spans(moments)[0] == ("a", 2, 8)
    assert len(moments) == 3


def test_a_moment_grows_over_a_third_of_the_way_down_to_the_floor() -> None:
    """A quarter of the way belongs to it, half of the way does not."""
    found = video("a", [0.10, 0.25, 0.30, 0.20, 0.10])
    assert spans(merge(found))[0] == ("a", 2, 6)


def test_the_best_member_speaks_for_the_moment() -> None:
    """Score, time, id and bias are those of the best of the merged segments."""
    best = merge(video("a", [0.125, 0.296875, 0.3125, 0.296875]))[0]
    assert best == Moment(
        segment_id=3,
        video_id="a",
        span=Span(2, 8),
        best_time=4.25,
        score=0.3125,
        bias=3 / 8,
    )


def test_what_is_merely_next_to_a_match_is_left_out() -> None:
    """A neighbour that scores as the rest of the video does is not merged."""
    moments = merge(video("a", [0.20, 0.21, 0.32, 0.21, 0.20]))
    assert spans(moments)[0] == ("a", 4, 6)


def test_a_gap_parts_moments() -> None:
    """Segments that match but do not touch are two moments."""
    found = [Found(1, 0.3, "a", 0, 2), Found(2, 0.3, "a", 2.1, 4), Found(3, 0.1, "b", 0, 2)]
    assert spans(merge(found))[:2] == [("a", 0, 2), ("a", 2.1, 4)]


def test_rounding_of_stored_times_does_not_part_a_moment() -> None:
    """Ends and starts that differ by less than a millisecond touch."""
    found = [Found(1, 0.3, "a", 0, 2.0004), Found(2, 0.3, "a", 2, 4), Found(3, 0.1, "b", 0, 2)]
    assert spans(merge(found))[0] == ("a", 0, 4)


def test_videos_are_never_merged() -> None:
    """Segments of two videos that would touch in time stay apart."""
    found = [Found(1, 0.3, "a", 0, 2), Found(2, 0.3, "b", 2, 4), Found(3, 0.1, "c", 0, 2)]
    assert spans(merge(found))[:2] == [("a", 0, 2), ("b", 2, 4)]


def test_a_weak_video_is_not_blown_up_by_a_strong_one() -> None:
    """Each moment is measured by its own peak: a weak peak takes in only what is as near to it."""
    strong = video("a", [0.40, 0.10, 0.10])
    weak = video("b", [0.20, 0.10, 0.15, 0.10], first_id=10)
    assert ("b", 0, 2) in spans(merge(strong + weak))


def test_equal_scores_are_ordered_by_video_and_start() -> None:
    """The order is score, then video id, then start."""
    found = [
        Found(9, 0.5, "b", 0, 1),
        Found(8, 0.5, "a", 6, 7),
        Found(7, 0.5, "a", 2, 3),
        Found(1, 0.6, "z", 0, 1),
    ]
    expected = [("z", 0, 1), ("a", 2, 3), ("a", 6, 7), ("b", 0, 1)]
    assert spans(merge(found)) == expected


def test_nothing_found_gives_no_moment() -> None:
    """No neighbours, no moments."""
    assert merge([]) == []


def test_enough_neighbours_are_asked_for() -> None:
    """More neighbours are asked for than hits, and never fewer than the floor needs."""
    asked = [ranking.candidates(limit) for limit in (1, 10, 50, 100)]
    assert asked == [64, 64, 256, 512]


neighbours = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.integers(0, 8)),
    unique_by=lambda one: one[:2],
    max_size=90,
).map(
    lambda rows: [
        Found(i, score / 16, video, float(slot), slot + 1.0)
        for i, (video, slot, score) in enumerate(rows)
    ]
)


@given(neighbours, st.integers(0, 1000))
def test_the_order_of_the_neighbours_does_not_matter(found: list[Found], seed: int) -> None:
    """Any order of the neighbours gives the same moments in the same order."""
    order = np.random.default_rng(seed).permutation(len(found))
    assert merge([found[i] for i in order]) == merge(found)


@given(neighbours, neighbours)
def test_who_asked_beside_changes_nothing(one: list[Found], other: list[Found]) -> None:
    """Two queries that find segments of the same videos have the moments that each has alone."""
    count = min(len(one), len(other))
    both = [one[:count], other[:count]]

    assert merge_all(both) == [merge(found) for found in both]


@given(neighbours)
def test_every_segment_is_in_exactly_one_moment(found: list[Found]) -> None:
    """Moments are unions of the segments found, overlap nowhere and stand in a total order."""
    moments = merge(found)
    for one in found:
        holders = [
            m
            for m in moments
            if m.video_id == one.video and m.span.start <= one.start and one.end <= m.span.end
        ]
        assert len(holders) == 1
        assert one.score <= holders[0].score
    assert sum(m.span.length for m in moments) == len(found)
    keys = [(-m.score, m.video_id, m.span.start) for m in moments]
    assert keys == sorted(set(keys))


@given(st.integers(0, 10_000), st.integers(2, 40))
def test_more_neighbours_leave_the_best_moments_as_they_are(seed: int, levels: int) -> None:
    """Asking for more than 64 changes no moment whose peak is among the first 64."""
    chance = np.random.default_rng(seed)
    found = video("a", (chance.integers(levels, size=150) / levels).tolist())
    ordered = sorted(found, key=lambda one: (-one.score, one.video, one.start))
    few, many = merge(ordered[:64]), merge(ordered)
    assert many[: len(few)] == few


def test_a_moment_grows_a_third_of_the_way_down_to_the_floor() -> None:
    """From a peak of 0.5 over a floor of 0.1, a segment at 0.4 belongs to it, not one at 0.3."""
    strangers = [Found(100 + i, 0.1, f"other{i}", 0, 2) for i in range(64)]
    assert spans(merge([*video("a", [0.5, 0.4, 0.4]), *strangers]))[0] == ("a", 0, 6)
    assert spans(merge([*video("a", [0.3, 0.5, 0.3]), *strangers]))[0] == ("a", 2, 4)


def test_segments_are_adjacent_to_the_millisecond() -> None:
    """Times kept as float32 differ by less than a millisecond; a gap of more is one."""

    def around(gap: float) -> list[tuple[str, float, float]]:
        return spans(merge([Found(1, 0.5, "a", 0, 2), Found(2, 0.5, "a", 2 + gap, 4)]))

    assert around(0.0008) == [("a", 0, 4)]
    assert around(0.0015) == [("a", 0, 2), ("a", 2.0015, 4)]
