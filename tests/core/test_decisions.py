"""Decisions of several people: what counts as agreeing, and what stays disputed."""

from dataclasses import replace

import pytest

from clipseek.curating import SegmentTag
from clipseek.decisions import Decision, disputed, settled
from clipseek.testing.curating import nearest_first

ACCEPTED = Decision("s", "v", 10.0, 20.0, "cat", "accept", "ann")
REJECTED = replace(ACCEPTED, verdict="reject")
AS_DOG = replace(ACCEPTED, verdict="correct", label="dog")


def moved(start: float, end: float, of: Decision = ACCEPTED) -> Decision:
    """Return a correction of the span."""
    return replace(of, verdict="correct", new_start=start, new_end=end)


@pytest.mark.parametrize(
    ("one", "two", "agree"),
    [
        pytest.param(ACCEPTED, ACCEPTED, True, id="both accept"),
        pytest.param(ACCEPTED, REJECTED, False, id="one rejects"),
        pytest.param(REJECTED, REJECTED, True, id="both reject"),
        pytest.param(AS_DOG, AS_DOG, True, id="the same label"),
        pytest.param(AS_DOG, replace(AS_DOG, label="fox"), False, id="two labels"),
        pytest.param(AS_DOG, ACCEPTED, False, id="a label against the rule"),
        pytest.param(AS_DOG, REJECTED, False, id="a label against none"),
        pytest.param(ACCEPTED, replace(AS_DOG, label="cat"), True, id="the label of the rule"),
        pytest.param(moved(30, 40), moved(30, 40), True, id="equal spans"),
        pytest.param(moved(10, 20), moved(10, 15), True, id="half of the span"),
        pytest.param(moved(10, 20), moved(10, 14.9), False, id="less than half of the span"),
        pytest.param(ACCEPTED, moved(10, 14), False, id="accepted against a short span"),
        pytest.param(moved(0, 1), moved(5, 6), False, id="spans apart"),
        pytest.param(moved(0, 5, AS_DOG), moved(6, 9, AS_DOG), False, id="a label in two spans"),
    ],
)
def test_annotators_agree_on_label_and_span(one: Decision, two: Decision, *, agree: bool) -> None:
    """In either order; else the sample is disputed, and the last one does not win."""
    for first, second in ((one, two), (two, one)):
        said = [replace(first, number=1), replace(second, number=2, annotator="bob")]
        outcome = settled(said).get("s")
        assert (outcome is not None) == agree
        assert disputed(said) == (set() if agree else {"s"})
        if outcome is not None:
            assert outcome.decision == said[1]


def test_each_two_of_several_annotators_must_agree() -> None:
    """A span between two that do not overlap well does not bring these together."""
    spans = [moved(0, 10), moved(3, 13), moved(6, 16)]
    said = [
        replace(each, number=number, annotator=str(number)) for number, each in enumerate(spans, 1)
    ]
    assert settled(said[:2]) != {}
    assert settled(said[1:]) != {}
    assert disputed(said) == {"s"}
    assert settled([*said, replace(spans[0], number=9, annotator="eve", by_reviewer=True)]) != {}


def test_what_a_rule_is_least_sure_of_comes_first() -> None:
    """Each by the threshold of its own rule: 0.9 is sure for one from 0.5 on, not from 0.88 on."""

    def tag(number: str, rule: str, relevance: float) -> SegmentTag:
        return SegmentTag(number, "film", 0.0, 2.0, rule, "v1", relevance)

    tags = [tag("a", "cat", 0.9), tag("b", "dog", 0.9), tag("c", "cat", 0.55), tag("d", "dog", 0.6)]
    first = nearest_first(tags, {"cat": 0.5, "dog": 0.88})
    assert [each.id for each in first] == ["b", "c", "d", "a"]
    assert [each.rule for each in first] == ["dog", "cat", "dog", "cat"]
