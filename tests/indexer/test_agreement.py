"""How alike two collections answer: which moments are the same, and what the means are of."""

from collections.abc import Sequence

import pytest

from clipseek.errors import ServiceUnavailable
from clipseek.query import Query
from clipseek.search import Answer
from clipseek.types import Hit, Named, SearchResult, Span
from indexer.agreement import agreement

Moments = Sequence[tuple[str, float, float]]


def hits(moments: Moments, relevance: float) -> list[Hit]:
    """Return moments of videos, the best of which has a relevance."""
    return [
        Hit(Named(video, video, f"/{video}.mp4", 60.0), 1, Span(start, end), start, 0.3, relevance)
        for video, start, end in moments
    ]


class Library:
    """Two collections, and what each of them answers to a query."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], Answer] = {}

    def answer(self, text: str, old: Moments, new: Moments) -> None:
        """Let both collections answer a query, with a relevance of 0.5 and of 0.8."""
        for name, moments, relevance in (("old", old, 0.5), ("new", new, 0.8)):
            found = hits(moments, relevance)
            self.answers[name, text] = SearchResult(text, found, name, "toy", 1)

    def search(self, queries: Sequence[Query]) -> list[Answer]:
        """Answer each query."""
        return [self.answers[query.collection, query.text] for query in queries]

    def overlap(self, *texts: str) -> float | None:
        """Return the mean overlap of queries."""
        return agreement(self.search, "old", "new", texts).overlap


@pytest.mark.parametrize(
    ("other", "overlap"),
    [
        pytest.param(("a", 0, 10), 1.0, id="equal"),
        pytest.param(("a", 9, 20), 1.0, id="a second is shared"),
        pytest.param(("a", 9.1, 20), 0.0, id="less than a second"),
        pytest.param(("a", 9.6, 10.4), 1.0, id="half of a short one"),
        pytest.param(("a", 9.7, 10.5), 0.0, id="less than half of a short one"),
        pytest.param(("b", 0, 10), 0.0, id="another video"),
    ],
)
def test_which_moments_are_the_same(other: tuple[str, float, float], overlap: float) -> None:
    """They are of one video, and share a second or half of the shorter one."""
    library = Library()
    library.answer("q", [("a", 0, 10)], [other])
    assert library.overlap("q") == overlap


def test_the_least_alike_come_first() -> None:
    """The means are of all queries; the order of moments does not count."""
    library = Library()
    library.answer("same", [("a", 0, 9), ("b", 0, 9)], [("b", 0, 9), ("a", 0, 9)])
    library.answer("half", [("a", 0, 9), ("b", 0, 9)], [("c", 0, 9), ("a", 0, 9)])
    library.answer("none", [("a", 0, 9)], [])

    agreed = agreement(library.search, "old", "new", ["same", "half", "none"])

    assert [each.query for each in agreed.examples] == ["none", "half", "same"]
    assert agreed.overlap == pytest.approx(0.5)
    assert [each.shift for each in agreed.examples] == pytest.approx([-0.5, 0.3, 0.3])
    assert agreed.shift == pytest.approx(0.1 / 3)


def test_what_was_not_answered_has_no_mean() -> None:
    """An error of one model is not a disagreement, and nor is a query without an answer before."""
    library = Library()
    library.answer("failed", [("a", 0, 9)], [("a", 0, 9)])
    library.answers["old", "failed"] = ServiceUnavailable("the model is gone")
    library.answer("nothing", [], [("a", 0, 9)])

    agreed = agreement(library.search, "old", "new", ["failed", "nothing"])

    assert agreed.examples == ()
    assert (agreed.overlap, agreed.shift) == (None, None)
