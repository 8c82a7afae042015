"""Pictures and words become one order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.fusion import Group, Place, fused, heard_in, shown_by
from clipseek.timed import Span

SHARES = st.lists(st.floats(0, 1), max_size=6)


def test_a_passage_joins_the_moment_that_it_is_in() -> None:
    """The hit has the relevance of the better one."""
    pictures = [Place("a", 0, 4), Place("b", 0, 4)]
    texts = [Place("b", 2, 4)]
    assert fused(pictures, [0.9, 0.2], texts, [0.6], [7]) == [
        Group(0, (), 0.9),
        Group(1, (0,), 0.6),
    ]


def test_passages_of_one_segment_are_one_hit() -> None:
    """If no picture was found there; the best one comes first."""
    texts = [Place("a", 4, 9), Place("a", 4, 9), Place("a", 9, 12), Place("b", 4, 9)]
    groups = fused([Place("a", 0, 4)], [0.1], texts, [0.9, 0.5, 0.4, 0.3], [7, 7, 8, 9])
    assert groups == [
        Group(None, (0, 1), 0.9),
        Group(None, (2,), 0.4),
        Group(None, (3,), 0.3),
        Group(0, (), 0.1),
    ]


def test_pictures_stay_in_their_own_order() -> None:
    """It is that of scores, and a later one does not overtake by its relevance."""
    pictures = [Place("a", 0, 1), Place("b", 0, 1), Place("c", 0, 1)]
    groups = fused(pictures, [0.5, 0.9, 0.7], [Place("d", 0, 1)], [0.6], [7])
    assert [(group.picture, group.texts) for group in groups] == [
        (None, (0,)),
        (0, ()),
        (1, ()),
        (2, ()),
    ]


SPANS = [Span(0, 4), Span(4, 20), Span(20, 30)]
BEST = [1.0, 14.0, 20.5]


@pytest.mark.parametrize(
    ("passage", "expected"),
    [
        pytest.param(Span(12, 16), (1, 14.0), id="its frame is there"),
        pytest.param(Span(16, 21), (2, 20.5), id="that of a shorter one is there"),
        pytest.param(Span(5, 9), (1, 7.0), id="its frame is before or after"),
        pytest.param(Span(3, 9), (1, 6.5), id="the middle of what both share"),
        pytest.param(Span(0, 15), (1, 14.0), id="the longest of two"),
        pytest.param(Span(50, 51), (2, 50.5), id="past the end"),
    ],
)
def test_a_passage_is_shown_by_a_segment_that_is_there(
    passage: Span, expected: tuple[int, float]
) -> None:
    """At a time in the passage, at its best frame if that is there."""
    first = 2 if passage.start >= 30 else 0
    which, time = shown_by(passage, SPANS[first:], BEST[first:])
    assert (which + first, time) == expected


@given(SHARES, SHARES)
def test_everything_is_in_one_hit_and_the_best_comes_first(
    seen: list[float], said: list[float]
) -> None:
    """Whatever meets."""
    said = sorted(said, reverse=True)
    pictures = [Place("a", 2 * i, 2 * i + 2) for i in range(len(seen))]
    texts = [Place("a", 3 * i, 3 * i + 3) for i in range(len(said))]
    groups = fused(pictures, seen, texts, said, list(range(len(said))))
    assert sorted(g.picture for g in groups if g.picture is not None) == list(range(len(seen)))
    assert sorted(i for group in groups for i in group.texts) == list(range(len(said)))
    assert [g.relevance for g in groups] == sorted((g.relevance for g in groups), reverse=True)


@pytest.mark.parametrize(
    ("passage", "expected"),
    [
        pytest.param(Span(1, 3), [0], id="inside"),
        pytest.param(Span(3.5, 8), [1], id="begins before a cut"),
        pytest.param(Span(2, 6), [0, 1], id="half of it in each"),
        pytest.param(Span(0, 30), [0, 1, 2], id="longer than all"),
        pytest.param(Span(50, 51), [0], id="past the end"),
        pytest.param(Span(1, 20.1), [0, 1], id="ends after a cut"),
    ],
)
def test_a_passage_is_in_what_has_half_of_it(passage: Span, expected: list[int]) -> None:
    """Or of which it has half; and in none that it barely touches."""
    assert heard_in(passage, SPANS) == expected


def test_a_passage_without_half_anywhere_is_where_most_of_it_is() -> None:
    """The parts of a passage over three shots are less than a half each."""
    spans = [Span(0, 10), Span(10, 13), Span(13, 30)]
    assert heard_in(Span(8, 15), [spans[0], spans[2]]) == [0]
    assert heard_in(Span(8, 15), []) == []
