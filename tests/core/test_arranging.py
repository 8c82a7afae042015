"""In which order hits are given, and which of them stand for others."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.arranging import GROUPS, SORTS, Found, Group, Sort, arranged
from clipseek.types import Named

VIDEOS = {
    "a": Named("a", "Zoo", "/a.mp4", 9.0, "2026-01-02T00:00:00Z"),
    "b": Named("b", "apple", "/b.mp4", 9.0, "2026-01-01T00:00:00Z"),
    "c": Named("c", "zoo", "/c.mp4", 9.0, "2026-01-02T00:00:00Z"),
}
BEST_FIRST = ["a5", "b7", "a1", "c3", "b2", "a9?", "c1?"]
"""Hits: the video, the second at which they start, and `?` if they do not match."""


def order(
    hits: Sequence[str],
    sort: Sort = "relevance",
    group_by: Group | None = None,
    videos: Mapping[str, Named] = VIDEOS,
) -> tuple[list[str], list[int] | None]:
    """Return the hits in order, and how many others of their videos match."""
    found = Found(
        np.arange(len(hits)),
        [hit[0] for hit in hits],
        np.array([float(hit[1]) for hit in hits]),
        np.array([float(hit[1]) + 1 for hit in hits]),
        np.array([len(hit) == 2 for hit in hits], np.bool_),
    )
    made = arranged(found, videos, sort, group_by)
    others = None if made.others is None else made.others.tolist()
    return [hits[place] for place in made.places.tolist()], others


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        pytest.param("relevance", BEST_FIRST, id="as they are"),
        pytest.param("time", ["b2", "b7", "a1", "a5", "c3", "a9?", "c1?"], id="titles, then time"),
        pytest.param("newest", ["a1", "a5", "c3", "b2", "b7", "a9?", "c1?"], id="newest"),
    ],
)
def test_hits_are_sorted(sort: Sort, expected: list[str]) -> None:
    """Those that match before the others; titles in upper or lower case, then ids."""
    assert order(BEST_FIRST, sort) == (expected, None)


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        pytest.param("relevance", (["a5", "b7", "c3"], [1, 1, 0]), id="relevance"),
        pytest.param("time", (["b7", "a5", "c3"], [1, 1, 0]), id="time"),
    ],
)
def test_the_best_hit_of_a_video_is_given(
    sort: Sort, expected: tuple[list[str], list[int]]
) -> None:
    """It says how many others match; those that do not are not counted."""
    assert order(BEST_FIRST, sort, "video") == expected


def test_a_hit_that_matches_is_given_for_its_video() -> None:
    """Even if one with a better score does not match; without any, the best one is given."""
    assert order(["a5?", "b7?", "a1", "b2?"], group_by="video") == (["b7?", "a1"], [0, 0])
    assert order(["a5?", "b7?", "a1", "b2?"], "time", "video") == (["a1", "b7?"], [0, 0])


def test_hits_of_videos_that_are_gone_are_left_out() -> None:
    """They are in no group."""
    there = {"b": VIDEOS["b"]}
    assert order(BEST_FIRST, videos=there) == (["b7", "b2"], None)
    assert order(BEST_FIRST, "newest", "video", there) == (["b7"], [1])
    assert order([], "time", "video") == ([], [])


hits = st.lists(
    st.builds(
        "{}{}{}".format, st.sampled_from("abc"), st.integers(0, 9), st.sampled_from(["", "?"])
    ),
    unique=True,
    max_size=12,
)


@given(hits, st.sampled_from(SORTS))
def test_sorting_neither_adds_nor_loses_a_hit(best_first: list[str], sort: Sort) -> None:
    """What matches comes first, unless the order is that of relevance."""
    found, _ = order(best_first, sort)
    assert sorted(found) == sorted(best_first)
    assert sort == "relevance" or found == sorted(found, key=lambda hit: hit.endswith("?"))


@given(hits, st.sampled_from(SORTS), st.sampled_from(GROUPS))
def test_a_group_counts_all_hits_that_match(
    best_first: list[str], sort: Sort, group_by: Group
) -> None:
    """Those that stand for others and the others together are all that match."""
    found, others = order(best_first, sort, group_by)
    assert sorted(hit[0] for hit in found) == sorted({hit[0] for hit in best_first})
    shown = sum(not hit.endswith("?") for hit in found)
    assert shown + sum(others or ()) == sum(not hit.endswith("?") for hit in best_first)
