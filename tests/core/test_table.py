"""Segments of many blocks become one table, in the order of their ids."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from clipseek.errors import SegmentNotFound
from clipseek.stored import SegmentBlock
from clipseek.table import SegmentTable

DIM = 3
Held = dict[int, str]
"""The video of each segment."""

libraries = st.dictionaries(st.integers(1, 60), st.sampled_from("abcde"), max_size=20)


def block(held: Held) -> SegmentBlock:
    """Return segments whose values all follow from their ids."""
    ids = np.array(sorted(held), np.int64)
    return SegmentBlock(
        ids=ids,
        video_ids=np.array([held[one] for one in sorted(held)], np.str_),
        spans=np.stack([ids, ids + 0.5], axis=1).astype(np.float64),
        best_times=ids.astype(np.float64) + 0.25,
        biases=(ids / 8).astype(np.float32),
        vectors=np.repeat(ids[:, None], DIM, axis=1).astype(np.float32),
    )


def table(*parts: Held) -> tuple[SegmentTable, NDArray[np.float32]]:
    """Gather a block of each part."""
    return SegmentTable.of([block(part) for part in parts], DIM)


def types(of: SegmentTable) -> dict[str, str]:
    """Return the kind of number in each column."""
    return {field.name: getattr(of, field.name).dtype.kind for field in fields(of)} | {
        "sizes": f"{of.ids.itemsize} {of.owners.itemsize} {of.spans.itemsize} {of.biases.itemsize}"
    }


@given(libraries, st.integers(1, 4))
def test_blocks_in_any_order_are_one_table(held: Held, parts: int) -> None:
    """Each segment keeps its own video, times, bias and vector."""
    dealt = [{one: held[one] for one in sorted(held) if one % parts == n} for n in range(parts)]
    found, vectors = table(*reversed(dealt))
    ids = np.array(sorted(held), np.int64)
    rows = found.rows(ids)
    assert found.ids.tolist() == sorted(held)
    assert found.videos.tolist() == sorted(set(held.values()))
    assert rows.video_ids.tolist() == [held[one] for one in sorted(held)]
    assert rows.spans.tolist() == [[one, one + 0.5] for one in sorted(held)]
    assert rows.best_times.tolist() == [one + 0.25 for one in sorted(held)]
    assert rows.biases.tolist() == [one / 8 for one in sorted(held)]
    assert vectors.tolist() == [[one] * DIM for one in sorted(held)]


@given(libraries, st.sets(st.sampled_from("abcxyz")))
def test_the_segments_of_some_videos(held: Held, asked: set[str]) -> None:
    """They are those of the videos asked for; unknown names count for none."""
    found, _ = table(held)
    expected = sorted(one for one, video in held.items() if video in asked)
    assert found.ids_where(found.mask_of(sorted(asked))).tolist() == expected


@pytest.mark.parametrize("name", ["aa", "a\0", "\0", "", "\udcff"], ids=repr)
def test_a_name_that_only_begins_like_a_video_is_not_it(name: str) -> None:
    """NumPy pads texts with NUL and cuts them at the width of the others."""
    found, _ = table({1: "a", 2: "b"})
    assert found.mask_of([name]).tolist() == [False, False]


@pytest.mark.parametrize("parts", [(), ({},)], ids=["no block", "an empty block"])
def test_an_empty_table_has_the_types_of_a_full_one(parts: tuple[Held, ...]) -> None:
    """It knows no video, has vectors of the model's length, and can be joined with others."""
    empty, vectors = table(*parts)
    assert (len(empty), empty.videos.tolist(), vectors.shape) == (0, [], (0, DIM))
    assert vectors.dtype == np.float32
    assert types(empty) == types(table({1: "a"})[0])
    assert empty.least_bias == np.inf


def test_rows_come_in_the_order_asked() -> None:
    """A segment may be asked for twice; owners are equal where the videos are."""
    rows = table({3: "b", 5: "a", 9: "b"})[0].rows(np.array([9, 3, 5, 9]))
    assert rows.video_ids.tolist() == ["b", "b", "a", "b"]
    assert rows.owners.tolist() == [1, 1, 0, 1]
    assert rows.owners.dtype == np.int64


@pytest.mark.parametrize("missing", [1, 4, 10], ids=["before", "between", "after"])
def test_a_segment_that_is_not_there_is_named(missing: int) -> None:
    """The first of those that are missing is named."""
    with pytest.raises(SegmentNotFound) as caught:
        table({3: "b", 5: "a", 9: "b"})[0].rows(np.array([3, missing, 99]))
    assert str(caught.value) == str(SegmentNotFound(missing))


def test_the_least_bias_is_of_any_segment() -> None:
    """It bounds how high a cosine may have to be."""
    assert table({8: "a", 2: "b", 24: "a"})[0].least_bias == 0.25


@pytest.mark.parametrize("ids", [[5, 3], [3, 3]], ids=["descending", "twice"])
def test_ids_that_do_not_ascend_are_refused(ids: list[int]) -> None:
    """A damaged snapshot is not searched: places are found by halving."""
    found, _ = table({3: "a", 5: "b"})
    with pytest.raises(ValueError, match=r"^ids must be ascending and distinct$"):
        replace(found, ids=np.array(ids, np.int64))


@pytest.mark.parametrize("owner", [-1, 2], ids=["below", "beyond"])
def test_an_owner_that_is_no_video_is_refused(owner: int) -> None:
    """A segment of a damaged snapshot is not given to another video."""
    found, _ = table({3: "a", 5: "b"})
    with pytest.raises(ValueError, match=r"^owners must be rows of 2 videos$"):
        replace(found, owners=np.array([0, owner], np.int32))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        pytest.param("owners", np.zeros(3, np.int32), id="owners"),
        pytest.param("spans", np.zeros((1, 2)), id="spans"),
        pytest.param("spans", np.zeros((2, 3)), id="spans of three"),
        pytest.param("best_times", np.zeros(1), id="best times"),
        pytest.param("biases", np.zeros(3, np.float32), id="biases"),
    ],
)
def test_columns_of_other_lengths_are_refused(column: str, value: NDArray[np.float64]) -> None:
    """The refusal says how many ids there are, and the shapes of the columns."""
    found, _ = table({3: "a", 5: "b"})
    columns: dict[str, Any] = {column: value}
    with pytest.raises(ValueError, match=r"^2 ids, but rows of \[\(") as caught:
        replace(found, **columns)
    assert str(value.shape) in str(caught.value)


@given(st.data())
def test_segments_between_two_times_are_those_that_are_shown(data: st.DataObject) -> None:
    """Of each video its own, whatever the order of ids; agrees with looking at each segment."""
    counts = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    owners = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
    starts = np.concatenate([2.0 * np.arange(count) for count in counts])
    order = np.array(data.draw(st.permutations(range(len(owners)))))
    table = SegmentTable(
        ids=np.arange(len(owners)) * 3,
        videos=np.array([f"v{number}" for number in range(len(counts))]),
        owners=owners[order],
        spans=np.stack([starts, starts + 2], axis=1)[order],
        best_times=starts[order],
        biases=np.zeros(len(owners), np.float32),
    )
    times = st.tuples(
        st.integers(0, len(counts) - 1), st.floats(-3, 14, width=16), st.floats(0.5, 9, width=16)
    )
    asked = data.draw(st.lists(times, max_size=5))
    videos, begins, lengths = (np.array([each[at] for each in asked]) for at in range(3))
    shown = [
        int(table.ids[row])
        for row in range(len(owners))
        for video, begin, length in asked
        if table.owners[row] == video
        and table.spans[row, 0] < begin + length
        and (table.spans[row, 1] > begin)
    ]
    past = [
        int(table.ids[row])
        for row in range(len(owners))
        for video, begin, _ in asked
        if table.owners[row] == video
        and table.spans[row, 0] == 2.0 * (counts[video] - 1)
        and table.spans[row, 1] <= begin
    ]
    found = table.between(videos.astype(np.int64), begins, begins + lengths, 1000)
    assert found.tolist() == sorted({*shown, *past})


def test_no_more_segments_are_taken_than_asked_for() -> None:
    """Those of the first stretches."""
    rows = np.arange(6)
    table = SegmentTable(
        ids=rows,
        videos=np.array(["a"]),
        owners=np.zeros(6, np.int32),
        spans=np.stack([rows, rows + 1], axis=1).astype(np.float64),
        best_times=rows.astype(np.float64),
        biases=np.zeros(6, np.float32),
    )
    none = np.zeros(2, np.int64)
    assert table.between(none, np.array([4.0, 0.0]), np.array([6.0, 9.0]), 3).tolist() == [0, 4, 5]
