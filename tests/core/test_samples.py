"""Samples: what each kind takes first, and that near-duplicates are left out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from clipseek import samples


def unit(*angles: float) -> NDArray[np.float32]:
    """Return unit vectors of the plane at some angles in degrees."""
    turned = np.radians(angles)
    return np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)


def scattered(count: int, seed: int = 0) -> NDArray[np.float32]:
    """Return random unit vectors of 16 components."""
    vectors = np.random.default_rng(seed).normal(size=(count, 16)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def test_a_random_sample_depends_on_its_seed_alone() -> None:
    """The same seed gives the same order, another one another; every row comes once."""
    order = samples.shuffled(50, seed=3)
    assert order.tolist() == samples.shuffled(50, seed=3).tolist()
    assert order.tolist() != samples.shuffled(50, seed=4).tolist()
    assert sorted(order.tolist()) == list(range(50))


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=40), st.integers(0, 99))
def test_strata_take_turns_until_they_are_empty(strata: list[str], seed: int) -> None:
    """After any number of rows, no stratum that has more is behind another by more than one."""
    order = samples.stratified(strata, seed=seed).tolist()
    assert sorted(order) == list(range(len(strata)))
    left = {name: strata.count(name) for name in strata}
    taken = dict.fromkeys(left, 0)
    for row in order:
        taken[strata[row]] += 1
        behind = [taken[name] for name in left if taken[name] < left[name]]
        assert max(taken.values()) - min(behind, default=max(taken.values())) <= 1


def test_questions_take_turns_with_what_they_are_least_sure_of() -> None:
    """Row 2 is hardest for the first question and row 0 for the second."""
    margins = np.array([[0.9, 0.5, 0.1, 0.4], [0.2, 0.8, 0.3, np.nan]])
    rows, questions = samples.hard(margins)
    assert rows.tolist() == [2, 0, 3, 1]
    assert questions.tolist() == [0, 1, 0, 0]


def test_what_no_question_is_asked_of_is_not_hard() -> None:
    """Rows with NaN for each question are left out."""
    rows, questions = samples.hard(np.array([[np.nan, 0.5], [np.nan, np.nan]]))
    assert (rows.tolist(), questions.tolist()) == ([1], [0])


def test_margins_are_in_log_odds() -> None:
    """0.999 is farther from 0.99 than 0.6 is from 0.5, though the difference is smaller."""
    near, far = samples.margins(np.array([[0.6], [0.999]]), np.array([0.5, 0.99]))[:, 0]
    assert near < far
    assert samples.margins(np.array([[0.0, 1.0]]), np.array([0.5])).max() < 30


def test_models_disagree_most_where_their_relevance_differs_most() -> None:
    """The hardest row is the one that one model finds and the other does not."""
    margins = samples.disagreement(np.array([[0.9, 0.5, 0.6]]), np.array([[0.8, 0.9, 0.6]]))
    assert samples.hard(margins)[0].tolist() == [1, 0, 2]


def test_a_lonely_row_is_rare_and_a_group_of_it_is_not() -> None:
    """One vector far from all others is first; scores are mean distances to other rows."""
    vectors = np.concatenate([unit(*range(20)), unit(120), unit(*range(200, 210))])
    order, scores = samples.rare(vectors, seed=0)
    assert order[0] == 20
    nearest = np.sort(1 - np.delete(vectors, 20, axis=0) @ vectors[20])[:5]
    assert scores[20] == pytest.approx(nearest.mean(), rel=1e-5)
    assert scores[5] < 0.002


def test_rarity_counts_five_neighbours() -> None:
    """Of a group of four equal rows each is rare, of a group of eight none is."""
    few = np.concatenate([unit(*[0.0] * 4), unit(*[90.0] * 8)])
    _, scores = samples.rare(few, seed=0)
    assert scores[:4].min() > 0.3
    assert scores[4:].max() < 1e-6


def test_diverse_rows_are_far_apart() -> None:
    """Of three tight groups, the first three rows are of each one."""
    vectors = unit(0, 1, 2, 3, 4, 5, 90, 91, 200)
    first = samples.diverse(vectors, 3, seed=0).tolist()
    assert {0 if row < 6 else 1 if row < 8 else 2 for row in first} == {0, 1, 2}


def test_the_determinant_of_a_diverse_sample_is_greedy() -> None:
    """Each row is the one that makes the determinant of the kernel largest.

    Of so many rows that a kernel of another width, 10 % more or less, takes other ones.
    """
    vectors = scattered(200, seed=1)
    kernel = np.exp(-(1 - vectors.astype(np.float64) @ vectors.T) / 0.5)
    order = samples.diverse(vectors, 20, seed=0).tolist()
    for count in range(1, 20):
        before = order[:count]

        def volume(row: int, before: list[int] = before) -> float:
            taken = [*before, row]
            return float(np.linalg.det(kernel[np.ix_(taken, taken)]))

        best = max((row for row in range(200) if row not in before), key=volume)
        assert volume(order[count]) == pytest.approx(volume(best), rel=1e-5)


def test_equal_rows_are_not_diverse() -> None:
    """A row that was chosen says all of its copies."""
    assert len(samples.diverse(unit(*[10.0] * 7, 50.0), 8, seed=0)) == 2


@given(st.integers(1, 60), st.integers(1, 20), st.floats(0.2, 1.2), st.integers(0, 9))
def test_no_two_chosen_rows_are_alike(count: int, budget: int, alike: float, seed: int) -> None:
    """And a row is left out only if it is like one that was chosen before."""
    vectors = scattered(count, seed)
    order = samples.shuffled(count, seed=seed)
    chosen = samples.chosen(order, vectors, budget, alike=alike)
    rows = chosen.rows.tolist()
    taken: list[int] = []
    repeats = 0
    for row in order.tolist():
        if len(taken) == budget:
            break
        if taken and (vectors[taken] @ vectors[row]).max() >= alike:
            repeats += 1
        else:
            taken.append(row)
    assert rows == taken
    assert chosen.repeats == repeats


def test_chosen_rows_are_compared_over_blocks() -> None:
    """A copy that comes 600 rows later is left out too."""
    vectors = np.concatenate([scattered(600), scattered(600)])
    chosen = samples.chosen(np.arange(1200), vectors, 2000, alike=0.9999)
    assert chosen.rows.tolist() == list(range(600))
    assert chosen.repeats == 600


def test_coverage_measures_the_way_to_the_nearest_sampled_row() -> None:
    """A sample of one of two opposite rows is 2 away from the other; strata are counted."""
    covered = samples.covered(unit(0, 0, 180), np.array([0]), {"camera": ["a", "b", "b"]})
    assert covered.mean_distance == pytest.approx(2 / 3, abs=1e-6)
    assert covered.largest_distance == pytest.approx(2, abs=1e-6)
    assert covered.strata == {"camera": (1, 2)}
