"""The rows of allowed ids are found alike by looking each up and by marking them all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.nearest import rows_of

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
