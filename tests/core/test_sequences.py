"""Chains of moments: known answers, and the same answers as a search of all of them."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.sequences import Step, chains

Row = tuple[int, float, float, float]
"""The owner, the start, the end and the fit of a moment."""


def _step(*rows: Row) -> Step:
    owners, starts, ends, fits = np.array(rows, np.float64).reshape(-1, 4).T
    return Step(owners.astype(np.int64), starts, ends, fits)


A = (0, 0.0, 4.0, 3.0)
B = (0, 6.0, 8.0, 5.0)


@pytest.mark.parametrize(
    ("first", "second", "within", "expected"),
    [
        pytest.param([A], [B], 2.0, [[0, 0]], id="two seconds later"),
        pytest.param([A], [B], 1.9, [], id="too late"),
        pytest.param([B], [A], 60.0, [], id="reversed"),
        pytest.param([A], [A], 60.0, [], id="the same moment"),
        pytest.param([A], [(0, 0.0005, 4.0, 3.0)], 60.0, [], id="the same start"),
        pytest.param([A], [(0, 4.0, 5.0, 1.0)], 0.1, [[0, 0]], id="adjacent"),
        pytest.param([A], [(0, 3.0, 5.0, 1.0)], 0.1, [[0, 0]], id="overlapping"),
        pytest.param([A], [(1, 6.0, 8.0, 5.0)], 60.0, [], id="another video"),
        pytest.param([A], [B, (0, 7.0, 8.0, 6.0)], 9.0, [[0, 1]], id="the better one"),
        pytest.param([A], [B, (0, 5.0, 6.0, 5.0)], 9.0, [[0, 1]], id="the earlier one"),
        pytest.param([A, (0, 4.5, 5.0, 9.0)], [B], 9.0, [[1, 0]], id="one chain to a moment"),
        pytest.param([], [B], 9.0, [], id="no first"),
        pytest.param([A], [], 9.0, [], id="no second"),
    ],
)
def test_known_answers(
    first: list[Row], second: list[Row], within: float, expected: list[list[int]]
) -> None:
    """What follows, and what does not."""
    assert chains([_step(*first), _step(*second)], [within]).tolist() == expected


def test_chains_are_ordered_by_their_worst_moment() -> None:
    """Then by video and time."""
    firsts = [(video, start, start + 1, fit) for video, start, fit in CASES]
    seconds = [(video, start + 2, start + 3, 9.0) for video, start, _ in CASES]
    found = chains([_step(*firsts), _step(*seconds)], [1.5])
    assert found[:, 0].tolist() == [1, 3, 2, 0]
    assert (found[:, 0] == found[:, 1]).all()


CASES = [(1, 0.0, 2.0), (1, 10.0, 8.0), (0, 5.0, 2.0), (2, 0.0, 7.0)]


def test_the_third_must_follow_the_second() -> None:
    """Not the first alone."""
    third = _step((0, 9.0, 10.0, 4.0))
    assert chains([_step(A), _step(B), third], [2.0, 1.0]).tolist() == [[0, 0, 0]]
    assert chains([_step(A), _step(B), third], [2.0, 0.5]).tolist() == []


MOMENTS = st.lists(
    st.tuples(
        st.integers(0, 2), st.integers(0, 12), st.integers(1, 4), st.sampled_from([-2, -1, 1, 2, 3])
    ).map(lambda row: (row[0], float(row[1]), float(row[1] + row[2]), float(row[3]))),
    max_size=7,
)


@given(st.lists(MOMENTS, min_size=2, max_size=4), st.integers(1, 6))
def test_the_best_chain_of_each_first_moment_is_the_best_there_is(
    steps: list[list[Row]], within: int
) -> None:
    """As trying all of them says; a better one may have taken its last moment."""
    found = chains([_step(*rows) for rows in steps], [float(within)] * (len(steps) - 1))
    best: dict[int, float] = {}
    for places in itertools.product(*(range(len(rows)) for rows in steps)):
        chain = [rows[place] for rows, place in zip(steps, places, strict=True)]
        if all(_follows(a, b, within) for a, b in itertools.pairwise(chain)):
            fit = min(row[3] for row in chain)
            best[places[0]] = max(best.get(places[0], fit), fit)
    assert bool(best) == bool(len(found))
    fits = []
    for places in found.tolist():
        chain = [rows[place] for rows, place in zip(steps, places, strict=True)]
        assert all(_follows(a, b, within) for a, b in itertools.pairwise(chain))
        fits.append(min(row[3] for row in chain))
        assert fits[-1] == best[places[0]]
    assert fits == sorted(fits, reverse=True)
    if best:
        assert fits[0] == max(best.values())
    for column in found.T:
        assert len(set(column.tolist())) == len(column)


def _follows(one: Row, other: Row, within: float) -> bool:
    return one[0] == other[0] and one[1] < other[1] <= one[2] + within
