"""LocalCache: its bounds, its order, its clock."""

from hypothesis import given
from hypothesis import strategies as st

from clipseek.cache import LocalCache, TieredCache
from clipseek.cache.local import ENTRY_BYTES
from clipseek.cache.tiered import NEAR_S
from clipseek.testing import DictCache
from tests.caching import get, put
from tests.clock import Clock

MUCH = 2**30
HOUR_S = 3600.0


def test_the_entry_not_used_longest_goes_first() -> None:
    """Getting and putting are uses."""
    cache = LocalCache(3, MUCH)
    cache.put_many({"a": b"1", "b": b"2", "c": b"3"}, HOUR_S)
    get(cache, "a")
    put(cache, "b", b"2", HOUR_S)
    put(cache, "d", b"4", HOUR_S)
    assert cache.get_many(["a", "b", "c", "d"]) == [b"1", b"2", None, b"4"]


def test_bytes_are_bounded() -> None:
    """Room for three of these, with what an entry takes besides."""
    cache = LocalCache(1000, 3 * (ENTRY_BYTES + 1 + 100))
    for key in "abcd":
        put(cache, key, bytes(100), HOUR_S)
    assert [get(cache, key) is None for key in "abcd"] == [True, False, False, False]


def test_a_value_larger_than_the_cache_is_not_kept() -> None:
    """Nor is the value before it, which is no longer true."""
    cache = LocalCache(1000, 1000)
    put(cache, "key", b"small", HOUR_S)
    put(cache, "key", bytes(1001), HOUR_S)
    assert get(cache, "key") is None
    assert (cache.entries, cache.size_bytes) == (0, 0)


def test_no_entries_keep_nothing() -> None:
    """The setting that switches it off."""
    cache = LocalCache(0, MUCH)
    put(cache, "key", b"value", HOUR_S)
    assert get(cache, "key") is None


def test_an_entry_ends_by_the_clock() -> None:
    """At the end of its seconds, not before; getting does not lengthen them."""
    clock = Clock()
    cache = LocalCache(10, MUCH, clock=clock)
    put(cache, "key", b"value", 10)
    clock.now = 9.9
    assert get(cache, "key") == b"value"
    clock.now = 10
    assert get(cache, "key") is None
    assert (cache.entries, cache.size_bytes) == (0, 0)


OPERATIONS = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.none() | st.binary(max_size=200)), max_size=60
)


@given(operations=OPERATIONS, entries=st.integers(0, 6), room=st.integers(0, 3000))
def test_any_sequence_keeps_the_bounds_and_the_values(
    operations: list[tuple[str, bytes | None]], entries: int, room: int
) -> None:
    """What is found is what was put last; the last value put is there if it fits."""
    cache = LocalCache(entries, room)
    last: dict[str, bytes] = {}
    for key, value in operations:
        if value is None:
            assert get(cache, key) in (None, last.get(key))
            continue
        put(cache, key, value, HOUR_S)
        last[key] = value
        fits = entries > 0 and ENTRY_BYTES + len(key) + len(value) <= room
        assert get(cache, key) == (value if fits else None)
        assert cache.entries <= entries
        assert cache.size_bytes <= room
    kept = [key for key in last if get(cache, key) is not None]
    assert cache.size_bytes == sum(ENTRY_BYTES + len(key) + len(last[key]) for key in kept)


def test_of_two_tiers_both_end_an_entry() -> None:
    """When its seconds are over, neither has it."""
    clock = Clock()
    cache = TieredCache(LocalCache(10, MUCH, clock=clock), DictCache(clock=clock))
    put(cache, "key", b"value", 10)
    clock.now = 10
    assert get(cache, "key") is None


def test_what_is_taken_near_stays_a_minute_at_most() -> None:
    """It may end sooner in the shared cache, which is then asked again."""
    clock = Clock()
    shared = DictCache(clock=clock)
    cache = TieredCache(LocalCache(10, MUCH, clock=clock), shared)
    put(shared, "key", b"value", HOUR_S)
    assert get(cache, "key") == b"value"
    shared.entries.clear()
    clock.now = NEAR_S - 1
    assert get(cache, "key") == b"value"
    clock.now = NEAR_S
    assert get(cache, "key") is None


def test_only_what_is_not_near_is_asked_of_the_shared_one() -> None:
    """Each key once."""
    shared = DictCache()
    cache = TieredCache(LocalCache(10, MUCH), shared)
    put(cache, "a", b"1", HOUR_S)
    put(shared, "b", b"2", HOUR_S)
    assert cache.get_many(["a", "b", "c", "b", "a"]) == [b"1", b"2", None, b"2", b"1"]
    assert (shared.stats()["dict"].hits, shared.stats()["dict"].misses) == (1, 1)
