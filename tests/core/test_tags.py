"""The tags of a part's videos pass a filter as a dictionary of sets does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from clipseek.library.tags import Tags

NAMES = np.array(["a", "b", "c", "d"])
tagged = st.lists(
    st.tuples(
        st.sampled_from(["x", "y", "z"]), st.lists(st.sampled_from("abcdef"), unique=True).map(list)
    ),
    max_size=8,
)
asked = st.lists(st.sampled_from(["x", "y", "z", "none"]), max_size=3)


def bearers(pairs: list[tuple[str, list[str]]], tags: list[str], names: list[str]) -> list[bool]:
    """Say of each name whether it has all of the tags."""
    return [
        all(any(tag == one and name in ids for one, ids in pairs) for tag in tags) for name in names
    ]


@given(tagged, asked)
def test_a_mask_has_the_videos_with_all_tags(
    pairs: list[tuple[str, list[str]]], tags: list[str]
) -> None:
    """However often a tag comes; other videos and unknown tags count for nothing."""
    found = Tags.of(pairs, NAMES).mask(tags)
    assert found.tolist() == bearers(pairs, tags, NAMES.tolist())


@given(tagged, tagged, st.lists(st.booleans(), min_size=4, max_size=4), asked)
def test_joined_tags_are_those_of_the_videos_that_were_taken(
    one: list[tuple[str, list[str]]],
    other: list[tuple[str, list[str]]],
    taken: list[bool],
    tags: list[str],
) -> None:
    """Each part gives those of its own; a video that is in both has those of the taken one."""
    first = np.array(taken)
    rows = np.arange(4)
    parts = [(Tags.of(one, NAMES), rows, first), (Tags.of(other, NAMES), rows, ~first)]
    found = Tags.joined(parts, 4).mask(tags)
    names = NAMES.tolist()
    expected = np.where(first, bearers(one, tags, names), bearers(other, tags, names))
    assert found.tolist() == expected.tolist()


def test_videos_get_other_rows_when_they_are_joined() -> None:
    """Between the videos of a part are those of another."""
    every, none = np.ones(2, np.bool_), np.zeros(2, np.bool_)
    tags = Tags.of([("x", ["a", "b"])], NAMES[:2])
    parts: list[tuple[Tags, NDArray[np.int64], NDArray[np.bool_]]]
    parts = [(tags, np.array([1, 4]), every), (tags, np.array([0, 2]), none)]
    assert Tags.joined(parts, 5).mask(["x"]).tolist() == [False, True, False, False, True]


@pytest.mark.parametrize("form", ["\u00e9t\u00e9", "e\u0301te\u0301"], ids=["composed", "apart"])
def test_a_tag_is_found_in_every_normal_form(form: str) -> None:
    """The catalog stores it composed."""
    tags = Tags.of([("\u00e9t\u00e9", ["b"])], NAMES)
    assert tags.mask([form]).tolist() == [False, True, False, False]


def test_a_tag_of_a_video_takes_four_bytes() -> None:
    """A library of 100 000 videos with three tags each has 1.2 MB of them."""
    names = np.array([f"{number:06}" for number in range(10_000)])
    tags = Tags.of([(tag, names.tolist()) for tag in "xyz"], names)
    assert tags.rows.nbytes + tags.begins.nbytes == 4 * 30_000 + 8 * 4
