"""Which rows a filter lets through, as expressions of Milvus."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from clipseek import expressions
from clipseek.expressions import chosen


def passed(expression: str, ids: NDArray[np.int64], owners: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Evaluate one as Milvus does."""
    if not expression:
        return np.ones(len(ids), np.bool_)
    found = re.fullmatch(r"(video|id) (not )?in \[([\d, ]*)\]", expression)
    assert found is not None, expression
    numbers = [int(number) for number in found[3].split(",") if number.strip()]
    is_in = np.isin(ids if found[1] == "id" else owners, numbers)
    return ~is_in if found[2] else is_in


@given(
    lengths=st.lists(st.integers(1, 5), min_size=1, max_size=12),
    seed=st.integers(0, 1000),
    share=st.floats(0, 1),
    by_video=st.booleans(),
    most=st.integers(1, 30),
)
def test_each_row_is_let_through_once(
    lengths: list[int], seed: int, share: float, by_video: bool, most: int
) -> None:
    """Together the expressions pass the rows asked for, none twice, and say how many."""
    chance = np.random.default_rng(seed)
    owners = chance.permutation(len(lengths)).astype(np.int32).repeat(lengths)
    ids = np.cumsum(chance.integers(1, 4, size=len(owners)))
    kept = (chance.random(len(lengths)) < share)[owners] if by_video else None
    rows = np.flatnonzero(chance.random(len(ids)) < share if kept is None else kept)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(expressions, "_NUMBERS", most)
        some = chosen(ids, owners, rows)
    times = np.zeros(len(ids), int)
    for each in some:
        mask = passed(each.expression, ids, owners)
        assert mask.sum() == each.count > 0
        assert len(re.findall(r"\d+", each.expression)) <= most
        times += mask
    assert np.flatnonzero(times == 1).tolist() == rows.tolist()
    assert times.max(initial=0) <= 1


def test_the_shorter_list_of_videos_is_written() -> None:
    """Most videos are let through by naming those that are left out."""
    owners = np.arange(10, dtype=np.int32).repeat(2)
    ids = np.arange(20)
    assert [each.expression for each in chosen(ids, owners, ids[4:])] == ["video not in [0, 1]"]
    assert [each.expression for each in chosen(ids, owners, ids[:4])] == ["video in [0, 1]"]
    assert [each.expression for each in chosen(ids, owners, ids)] == [""]
    assert chosen(ids, owners, ids[:0]) == []
