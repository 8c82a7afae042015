"""The order of the videos of a collection, and those that a name finds."""

import pytest

from clipseek.listing import Order, listed
from clipseek.types import Named

VIDEOS = [
    Named("a", "Zoo", "/a.mp4", 5.0, "2026-01-02T00:00:00Z"),
    Named("b", "apple CAFE\u0301 take 2", "/b.mp4", 9.0, "2026-01-01T00:00:00Z"),
    Named("c", "Mill", "/c.mp4", 5.0, "2026-01-03T00:00:00Z"),
    Named("d", "zoo", "/d.mp4", 1.0, "2026-01-03T00:00:00Z"),
]


def _pages(order: Order, query: str, size: int) -> list[str]:
    """Return the ids of all pages, each of which begins after the last video of the one before."""
    found: list[str] = []
    after: Named | None = None
    while page := listed(VIDEOS, order, query, after=after, most=size):
        found += page
        after = next(each for each in VIDEOS if each.id == page[-1])
    return found


@pytest.mark.parametrize("size", [1, 2, 10])
@pytest.mark.parametrize(
    ("order", "ids"),
    [
        pytest.param("id", "abcd", id="by id"),
        pytest.param("newest", "dcab", id="newest first"),
        pytest.param("title", "bcad", id="whatever the case of letters"),
        pytest.param("length", "bcad", id="longest first"),
    ],
)
def test_pages_follow_the_order(order: Order, ids: str, size: int) -> None:
    """Videos that are equal come once each, whatever the size of pages is."""
    assert _pages(order, "", size) == list(ids)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        pytest.param("ZOO", "ad", id="case"),
        pytest.param("caf\u00e9", "b", id="another form of the same letter"),
        pytest.param("take apple", "b", id="words in any order"),
        pytest.param("take mill", "", id="every word"),
        pytest.param("  ", "abcd", id="no word"),
    ],
)
def test_titles_have_every_word(query: str, ids: str) -> None:
    """A word may be a part of one of the title."""
    assert _pages("id", query, 2) == list(ids)
