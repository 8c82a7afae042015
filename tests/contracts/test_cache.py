"""Every Cache keeps the same promises."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from clipseek.cache import LocalCache, NoCache, TieredCache
from clipseek.cache.redis import RedisCache
from clipseek.protocols import Cache
from clipseek.testing import DictCache
from tests.caching import get, put
from tests.contracts.polling import eventually

HOUR_S = 3600.0
# Far more than an answer takes, so that a busy machine is not taken for an outage.
PATIENT_S = 20.0

VALUES = {
    "text": b"a value",
    "nothing": b"",
    "zeros": bytes(9),
    "every byte": bytes(range(256)),
    "large": bytes(range(256)) * 4096,
}
KEYS = ["", "a", "A", "a b", "a\nb", "é", "e\u0301", "\x00", "\ud83d\ude00", "😀", "k" * 4096]


def _local() -> Cache:
    return LocalCache(10_000, 64 * 2**20)


Maker = Callable[[pytest.FixtureRequest], Cache]
KEEPERS: dict[str, Maker] = {
    "local": lambda _: _local(),
    "dict": lambda _: DictCache(),
    "redis": lambda request: _redis(request),
    "tiered": lambda request: TieredCache(_local(), _redis(request)),
}


def _redis(request: pytest.FixtureRequest) -> Cache:
    return RedisCache(
        request.getfixturevalue("redis_url"), secret=b"what all replicas know", timeout_s=PATIENT_S
    )


@pytest.fixture(params=[*KEEPERS, "none"])
def cache(request: pytest.FixtureRequest) -> Iterator[Cache]:
    """Return each cache in turn, empty, also the one that keeps nothing."""
    yield from _opened(request)


@pytest.fixture(params=KEEPERS)
def keeper(request: pytest.FixtureRequest) -> Iterator[Cache]:
    """Return each cache in turn that keeps what it is given."""
    yield from _opened(request)


def _opened(request: pytest.FixtureRequest) -> Iterator[Cache]:
    made = KEEPERS[request.param](request) if request.param in KEEPERS else NoCache()
    yield made
    made.close()


def test_what_was_not_put_is_not_there(cache: Cache) -> None:
    """An unknown key gives None."""
    assert get(cache, "unknown") is None
    assert cache.get_many(["unknown", "other"]) == [None, None]


def test_nothing_can_be_asked_and_put(cache: Cache) -> None:
    """No keys, no entries."""
    cache.put_many({}, HOUR_S)
    assert cache.get_many([]) == []


def test_nothing_raises_after_the_end(cache: Cache) -> None:
    """A search under way may come later than the end of the service."""
    cache.close()
    put(cache, "key", b"value", HOUR_S)
    assert get(cache, "key") in (b"value", None)
    cache.close()


@pytest.mark.parametrize("value", VALUES.values(), ids=list(VALUES))
def test_what_was_put_is_there(keeper: Cache, value: bytes) -> None:
    """Byte for byte."""
    put(keeper, "key", value, HOUR_S)
    assert get(keeper, "key") == value


def test_the_last_value_counts(keeper: Cache) -> None:
    """A second one replaces the first."""
    put(keeper, "key", b"first", HOUR_S)
    put(keeper, "key", b"second", HOUR_S)
    assert get(keeper, "key") == b"second"


def test_keys_do_not_mix(keeper: Cache) -> None:
    """Whatever characters they are of."""
    entries = {key: str(i).encode() for i, key in enumerate(KEYS)}
    keeper.put_many(entries, HOUR_S)
    assert keeper.get_many(KEYS) == list(entries.values())
    assert [get(keeper, key) for key in KEYS] == list(entries.values())


def test_many_keys_are_answered_in_their_order(keeper: Cache) -> None:
    """Known, unknown and repeated ones."""
    keeper.put_many({"a": b"1", "b": b"2"}, HOUR_S)
    assert keeper.get_many(["b", "none", "a", "b"]) == [b"2", None, b"1", b"2"]


def test_an_entry_without_time_is_not_kept(keeper: Cache) -> None:
    """Zero seconds and less are over at once."""
    put(keeper, "zero", b"value", 0)
    put(keeper, "less", b"value", -1)
    assert keeper.get_many(["zero", "less"]) == [None, None]


def test_a_peek_gives_what_is_at_hand(cache: Cache) -> None:
    """A value that is available without waiting, otherwise None, which is not a miss."""
    put(cache, "key", b"value", HOUR_S)
    assert cache.peek("key") in (b"value", None)
    assert cache.peek("unknown") is None
    assert all(tier.misses == 0 for tier in cache.stats().values())


@pytest.mark.parametrize("keeper", ["local", "dict", "tiered"], indirect=True)
def test_what_lies_in_the_process_is_at_hand(keeper: Cache) -> None:
    """And a peek that finds it is a hit."""
    put(keeper, "key", b"value", HOUR_S)
    assert keeper.peek("key") == b"value"
    first = next(iter(keeper.stats().values()))
    assert (first.hits, first.misses) == (1, 0)


@pytest.mark.parametrize("keeper", ["local", "dict", "redis"], indirect=True)
def test_an_entry_ends(keeper: Cache) -> None:
    """When its seconds are over, and no other with it."""
    put(keeper, "long", b"value", HOUR_S)
    put(keeper, "short", b"value", 0.01)
    eventually(lambda: get(keeper, "short") is None)
    assert get(keeper, "long") == b"value"


def test_hits_and_misses_are_counted(keeper: Cache) -> None:
    """By key, and by the tier that was asked."""
    put(keeper, "a", b"1", HOUR_S)
    keeper.get_many(["a", "none", "a"])
    get(keeper, "a")
    stats = keeper.stats()
    first = next(iter(stats.values()))
    assert (first.hits, first.misses) == (3, 1)
    assert [dict(tier.failures) for tier in stats.values()] == [{}] * len(stats)
    assert all(tier.is_available for tier in stats.values())


def test_threads_do_not_disturb_each_other(keeper: Cache) -> None:
    """A key gives its own value or nothing, even if other threads put and get."""

    def work(worker: int) -> None:
        for i in range(50):
            key = f"{(worker + i) % 7}"
            put(keeper, key, key.encode() * 100, HOUR_S)
            assert get(keeper, key) == key.encode() * 100

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work, worker) for worker in range(8)]:
            done.result()
