"""A mapping whose next state shares all but what has changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.layers import Layers

KEYS = st.integers(0, 12)
STEPS = st.lists(st.tuples(st.sets(KEYS), st.dictionaries(KEYS, st.integers())), max_size=30)


@given(STEPS)
def test_it_agrees_with_a_dictionary(steps: list[tuple[set[int], dict[int, int]]]) -> None:
    """After every change, and so does each state before it."""
    now, plain = Layers[int, int](), dict[int, int]()
    states = [(now, dict(plain))]
    for gone, added in steps:
        now = now.changed(gone, added)
        plain = {key: value for key, value in plain.items() if key not in gone} | added
        states.append((now, plain))
    for layers, expected in states:
        assert dict(layers) == expected
        assert len(layers) == len(expected) == len(list(layers))
        assert [layers.get(key) for key in range(13)] == [expected.get(key) for key in range(13)]


def test_nothing_changed_is_the_same() -> None:
    """A key that is not there is not removed."""
    some = Layers({1: "a"})
    assert some.changed([2], {}) is some


@pytest.mark.parametrize("size", [1_000, 100_000])
def test_one_more_copies_a_few_keys_whatever_the_size(size: int) -> None:
    """A thousand changes copy the logarithm of their number of keys each, in the mean."""
    now, copied = Layers(dict.fromkeys(range(size), "")), 0
    for turn in range(400):
        now = now.changed([turn], {size + turn: "new"})
        copied += now.copied
    assert len(now) == size
    assert copied < 400 * 2 * 12


def test_what_is_gone_takes_no_place_for_ever() -> None:
    """A mapping that was emptied is as small as an empty one."""
    now = Layers(dict.fromkeys(range(100), ""))
    for key in range(100):
        now = now.changed([key], {})
    assert now.copied == len(now) == 0
