"""The lines of waiting searches: whose turn it is."""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from api.lines import Lines
from clipseek.query import Query


def of(collection: str, number: int) -> Query:
    """Return a search."""
    return Query.of(f"{number}", collection=collection)


def filled(**counts: int) -> Lines[int]:
    """Return lines of so many searches, numbered in their order."""
    lines: Lines[int] = Lines()
    for collection, count in counts.items():
        for number in range(count):
            lines.add(of(collection, number), number)
    return lines


def names(taken: list[tuple[Query, int]]) -> str:
    """Return the collections of what was taken."""
    return "".join(query.collection for query, _ in taken)


def test_collections_take_turns() -> None:
    """Also across batches: who was served last comes last."""
    lines = filled(a=4, b=1, c=2)
    assert names(lines.take(2)) == "ab"
    assert names(lines.take(3)) == "cac"
    assert names(lines.take(9)) == "aa"
    assert (len(lines), list(lines)) == (0, [])


def test_the_searches_of_a_collection_keep_their_order() -> None:
    """The first that came is the first that is taken."""
    assert [number for _, number in filled(a=4).take(3)] == [0, 1, 2]


def test_some_collections_may_have_to_wait() -> None:
    """They keep their turn."""
    lines = filled(a=2, b=2)
    assert names(lines.take(9, but={"a"})) == "bb"
    assert names(lines.take(9)) == "aa"


def test_a_search_that_is_removed_is_not_taken() -> None:
    """A collection without searches does not wait."""
    lines = filled(a=1, b=2)
    lines.remove(of("a", 0))
    lines.remove(of("b", 0))
    assert (len(lines), list(lines.collections), lines.waiting("b")) == (1, ["b"], 1)
    assert lines.get(of("a", 0)) is None
    assert lines.get(of("b", 1)) == 1


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 9)), st.integers(1, 12))
def test_no_collection_gets_more_than_one_ahead_of_another(
    counts: dict[str, int], size: int
) -> None:
    """Of those that have something left; and everything is taken once."""
    lines = filled(**counts)
    served: Counter[str] = Counter()
    while lines:
        batch = lines.take(random.Random(size).randint(1, size))
        served.update(query.collection for query, _ in batch)
        left = [served[name] for name in counts if served[name] < counts[name]]
        assert not left or max(served.values()) <= min(left) + 1
    assert served == counts
