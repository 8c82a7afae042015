"""The nearest of some rows, and which rows these are, are found alike however many there are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.nearest import ascending, nearest, rows_of

ids = st.lists(st.integers(-50, 200), unique=True, max_size=60).map(sorted)


@given(ids, st.lists(st.integers(-80, 230), max_size=80))
def test_rows_are_those_of_allowed_ids(held: list[int], allow: list[int]) -> None:
    """Ascending, each once; ids that are not there count for nothing."""
    rows = rows_of(np.array(held, np.int64), np.array(allow, np.int64))
    assert rows.tolist() == [row for row, one in enumerate(held) if one in allow]


@pytest.mark.parametrize("last", [7, 2**62], ids=["near", "far"])
def test_ids_far_apart_take_no_memory_for_the_numbers_between(last: int) -> None:
    """A mark for each number from the first id to the last would be more than there is."""
    held = np.array([1, 3, last])
    assert rows_of(held, np.array([3, last])).tolist() == [1, 2]


@pytest.mark.parametrize("queries", [1, 2, 40])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 1.0])
def test_the_nearest_of_some_rows_are_those_among_them_alone(share: float, queries: int) -> None:
    """Whether these rows are gathered, or all are scored and the others left out."""
    chance = np.random.default_rng(0)
    vectors = chance.standard_normal((400, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    asked = vectors[:queries]
    rows = np.sort(chance.permutation(400)[: round(share * 400)])
    found, scores = nearest(vectors, asked, 10, rows)
    alone, expected = nearest(np.ascontiguousarray(vectors[rows]), asked, 10)
    assert found.tolist() == rows[alone].tolist()
    assert scores.tolist() == expected.tolist()


def test_rows_are_checked_and_ordered_by_id() -> None:
    """A lower row is a lower id."""
    ids, vectors = ascending(np.array([7, 5]), np.eye(2, dtype=np.float32))
    assert ids.tolist() == [5, 7]
    assert vectors.tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(
    ("ids", "value", "problem"),
    [([5, 5], 1.0, "ids must be distinct"), ([5, 7], np.nan, "vectors must be finite")],
)
def test_rows_that_cannot_be_searched_are_refused(
    ids: list[int], value: float, problem: str
) -> None:
    """With what is wrong."""
    with pytest.raises(ValueError, match=f"^{problem}$"):
        ascending(np.array(ids), np.full((2, 3), value, np.float32))
