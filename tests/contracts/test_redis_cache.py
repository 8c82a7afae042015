"""What happens to servers: a Redis that is slow, gone, full, closed to us, or none at all."""

import logging
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from clipseek.breaker import FAILURES, LONGEST_PAUSE_S
from clipseek.cache import LocalCache, TieredCache
from clipseek.cache.envelope import seal
from clipseek.cache.redis import PREFIX, RedisCache
from clipseek.errors import ConfigError
from clipseek.protocols import CacheStats
from tests.caching import get, put
from tests.clock import Clock
from tests.contracts.polling import eventually
from tests.contracts.redis import NewRedis

HOUR_S = 3600.0
SECRET = b"what all replicas know"
PATIENT_S = 20.0
HURRIED_S = 0.05


def counted(cache: RedisCache) -> CacheStats:
    """Return the counts of the one tier there is."""
    return cache.stats()["redis"]


def test_one_that_stands_still_is_a_miss(new_redis: NewRedis) -> None:
    """It takes the connection and says nothing; the timeout ends the waiting."""
    server = new_redis()
    cache = RedisCache(server.url, secret=SECRET, timeout_s=HURRIED_S)
    server.pause()
    assert get(cache, "key") is None
    put(cache, "key", b"value", HOUR_S)
    assert (counted(cache).misses, counted(cache).failures) == (1, {"timeout": 2})
    cache.close()


def test_one_that_stands_still_is_left_alone(new_redis: NewRedis) -> None:
    """After a few failures no search waits for it, until a trial is answered."""
    clock = Clock()
    server = new_redis()
    cache = RedisCache(server.url, secret=SECRET, timeout_s=HURRIED_S, clock=clock)
    server.pause()
    for _ in range(FAILURES + 10):
        assert get(cache, "key") is None
    assert counted(cache).failures == {"timeout": FAILURES, "skipped": 10}
    assert not counted(cache).is_available
    server.resume()
    _try_until_answered(cache, clock)
    put(cache, "key", b"value", HOUR_S)
    assert get(cache, "key") == b"value"
    assert counted(cache).is_available
    cache.close()


def _try_until_answered(cache: RedisCache, clock: Clock) -> None:
    """Let pauses pass until a trial is answered in time, on however busy a machine."""
    for _ in range(100):
        clock.now += LONGEST_PAUSE_S
        get(cache, "trial")
        if counted(cache).is_available:
            return
    pytest.fail("no trial was answered")


def test_many_threads_before_a_dead_server(new_redis: NewRedis) -> None:
    """Each has its answer, and each failure is counted."""
    server = new_redis()
    cache = RedisCache(server.url, secret=SECRET, timeout_s=HURRIED_S)
    server.pause()
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(partial(get, cache), ["key"] * 200))
    assert answers == [None] * 200
    assert sum(counted(cache).failures.values()) == 200
    cache.close()


def test_one_that_is_gone_is_a_miss(new_redis: NewRedis) -> None:
    """Whether there was a connection before or not."""
    server = new_redis()
    known = RedisCache(server.url, secret=SECRET, timeout_s=PATIENT_S)
    put(known, "key", b"value", HOUR_S)
    server.kill()
    for cache in (known, RedisCache(server.url, secret=SECRET, timeout_s=PATIENT_S)):
        assert get(cache, "key") is None
        assert counted(cache).failures == {"unreachable": 1}
        cache.close()


def test_one_that_comes_back_is_used_again(new_redis: NewRedis) -> None:
    """Killed, started on the same port, and asked after a pause."""
    clock = Clock()
    server = new_redis()
    cache = RedisCache(server.url, secret=SECRET, timeout_s=PATIENT_S, clock=clock)
    put(cache, "key", b"value", HOUR_S)
    server.kill()
    for _ in range(FAILURES):
        get(cache, "key")
    server.start()
    clock.now += LONGEST_PAUSE_S
    assert get(cache, "key") is None
    put(cache, "key", b"new", HOUR_S)
    assert get(cache, "key") == b"new"
    assert counted(cache).failures == {"unreachable": FAILURES}
    cache.close()


def test_a_restart_between_two_searches_is_no_failure(new_redis: NewRedis) -> None:
    """The connection that died meanwhile is made again."""
    server = new_redis()
    cache = RedisCache(server.url, secret=SECRET, timeout_s=PATIENT_S)
    put(cache, "key", b"value", HOUR_S)
    server.kill()
    server.start()
    assert get(cache, "key") is None
    put(cache, "key", b"new", HOUR_S)
    assert get(cache, "key") == b"new"
    assert counted(cache).failures == {}
    cache.close()


def test_a_full_one_keeps_what_it_has(new_redis: NewRedis) -> None:
    """What it refuses is counted, and it is still asked."""
    server = new_redis()
    cache = RedisCache(server.url, secret=SECRET, timeout_s=PATIENT_S)
    put(cache, "old", b"value", HOUR_S)
    with server.client() as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1mb")
    for i in range(2 * FAILURES):
        cache.put_many({f"{i}": bytes(2**20), f"also {i}": b""}, HOUR_S)
    assert get(cache, "old") == b"value"
    assert get(cache, "0") is None
    assert counted(cache) == CacheStats(1, 1, {"refused": 4 * FAILURES}, is_available=True)
    cache.close()


def test_one_that_may_not_be_read_is_a_miss(new_redis: NewRedis) -> None:
    """A user without permission is refused, not cut off."""
    server = new_redis()
    with server.client() as client:
        client.acl_setuser("guest", enabled=True, nopass=True, commands=["+set"], keys=["*"])
    cache = RedisCache(server.url.replace("//", "//guest:any@"), secret=SECRET, timeout_s=PATIENT_S)
    assert get(cache, "key") is None
    assert counted(cache) == CacheStats(0, 1, {"refused": 1}, is_available=True)
    cache.close()


def test_the_password_of_the_url_opens(new_redis: NewRedis) -> None:
    """Also one with characters that a URL must escape."""
    server = new_redis("--requirepass", "hush/@:")
    cache = RedisCache(
        server.url.replace("//", "//:hush%2F%40%3A@"), secret=SECRET, timeout_s=PATIENT_S
    )
    put(cache, "key", b"value", HOUR_S)
    assert get(cache, "key") == b"value"
    cache.close()


@pytest.mark.parametrize("login", ["", ":wrong-hush@", "nobody:wrong-hush@"], ids=repr)
def test_a_wrong_password_is_a_miss(
    new_redis: NewRedis, caplog: pytest.LogCaptureFixture, login: str
) -> None:
    """The log says so once, without the password."""
    server = new_redis("--requirepass", "right-hush")
    cache = RedisCache(server.url.replace("//", f"//{login}"), secret=SECRET, timeout_s=PATIENT_S)
    with caplog.at_level(logging.WARNING):
        for _ in range(FAILURES + 1):
            assert get(cache, "key") is None
    assert counted(cache).failures == {"refused": FAILURES, "skipped": 1}
    assert len(caplog.messages) == 1
    assert "hush" not in caplog.text + repr(vars(cache))
    cache.close()


NAME = f"{PREFIX}key".encode()
NOW_MS = round(1000 * time.time())
LATER_MS = NOW_MS + 3_600_000
SEALED = seal(SECRET, NAME, b"value", end_ms=LATER_MS)
OTHER = f"{PREFIX}other".encode()


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"value", id="not sealed"),
        pytest.param(b"\x02" * 8, id="half an end"),
        pytest.param(SEALED[:20], id="half a seal"),
        pytest.param(SEALED[:-1], id="cut short"),
        pytest.param(SEALED + b"!", id="longer"),
        pytest.param(b"\x01" + SEALED[1:], id="another format"),
        pytest.param(SEALED[:1] + b"\xff" + SEALED[2:], id="a later end"),
        pytest.param(seal(SECRET, OTHER, b"value", end_ms=LATER_MS), id="of another key"),
        pytest.param(seal(b"guessed", NAME, b"value", end_ms=LATER_MS), id="another secret"),
        pytest.param(seal(b"", NAME, b"value", end_ms=LATER_MS), id="no secret"),
        pytest.param(seal(SECRET, NAME, b"old", end_ms=NOW_MS - 120_000), id="ended"),
    ],
)
def test_what_others_put_there_is_a_miss(redis_url: str, stored: bytes) -> None:
    """It is counted, and replaced by the next value."""
    cache = RedisCache(redis_url, secret=SECRET, timeout_s=PATIENT_S)
    cache._client.set(f"{PREFIX}key", stored)
    assert get(cache, "key") is None
    assert counted(cache).failures == {"damaged": 1}
    put(cache, "key", b"value", HOUR_S)
    assert get(cache, "key") == b"value"
    cache.close()


def test_a_value_of_another_type_is_a_miss(redis_url: str) -> None:
    """A list, for example, under a key of ours."""
    cache = RedisCache(redis_url, secret=SECRET, timeout_s=PATIENT_S)
    cache._client.rpush(f"{PREFIX}key", "item")
    assert get(cache, "key") is None
    put(cache, "key", b"value", HOUR_S)
    assert get(cache, "key") == b"value"
    cache.close()


def test_entries_end_in_redis(redis_url: str) -> None:
    """Nothing is left behind that no one asks for."""
    cache = RedisCache(redis_url, secret=SECRET, timeout_s=PATIENT_S)
    put(cache, "key", b"value", HOUR_S)
    keys = cache._client.keys()
    assert keys == [f"{PREFIX}key".encode()]
    assert 0 < cache._client.pttl(keys[0]) <= 1000 * HOUR_S
    cache.close()


def test_the_end_closes_the_connections(new_redis: NewRedis) -> None:
    """All that its threads have opened."""
    server = new_redis()
    cache = RedisCache(server.url, secret=SECRET, timeout_s=PATIENT_S)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(partial(get, cache), ["key"] * 20))
    cache.close()
    with server.client() as client:
        eventually(lambda: len(client.client_list()) == 1)


Server = Callable[[bytes], str]
HANG_UP = b"\x04"
"""At the end of what a server says: it then closes the connection."""


@pytest.fixture
def answering() -> Iterator[Server]:
    """Return what starts a server that takes greetings and says one thing to all questions."""
    started: list[socketserver.ThreadingTCPServer] = []

    def start(said: bytes) -> str:
        class Answer(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                while asked := self.request.recv(65536):
                    greetings = asked.count(b"SETINFO")
                    self.request.sendall(b"+OK\r\n" * greetings or said.removesuffix(HANG_UP))
                    if not greetings and said.endswith(HANG_UP):
                        return

        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answer)
        server.daemon_threads = True
        started.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        return f"redis://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(HANG_UP, id="nothing"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="http"),
        pytest.param(b"*1\r\n$9\r\ncut" + HANG_UP, id="cut short"),
        pytest.param(b"*x\r\n", id="no number"),
        pytest.param(b"-\xff\xff\r\n", id="no text"),
        pytest.param(b"+OK\r\n", id="no list"),
        pytest.param(b":7\r\n", id="a number"),
        pytest.param(b"*0\r\n", id="too few"),
        pytest.param(b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", id="too many"),
        pytest.param(b"*1\r\n:7\r\n", id="a number for a value"),
        pytest.param(b"*1\r\n*1\r\n$1\r\na\r\n", id="a list for a value"),
    ],
)
def test_what_is_no_redis_is_a_miss(answering: Server, said: bytes) -> None:
    """Another program may listen on the port."""
    cache = RedisCache(answering(said), secret=SECRET, timeout_s=PATIENT_S)
    assert get(cache, "key") is None
    put(cache, "key", b"value", HOUR_S)
    assert counted(cache).misses == 1
    assert sum(counted(cache).failures.values()) > 0
    cache.close()


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("localhost:6379", id="no scheme"),
        pytest.param("http://:hush@localhost", id="http"),
        pytest.param("redis://:hush#@localhost:x", id="unescaped"),
        pytest.param("redis://user:pass@hush@localhost:port", id="no port"),
        pytest.param("redis://:hush@localhost?colour=red", id="unknown option"),
        pytest.param("redis://:hush@localhost?db=hush", id="wrong option"),
    ],
)
def test_a_wrong_url_is_a_configuration_error(url: str) -> None:
    """The message says what is expected and not what was given."""
    with pytest.raises(ConfigError, match=r"CLIPSEEK_REDIS_URL must be redis://") as caught:
        RedisCache(url, secret=SECRET)
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_without_redis_the_near_cache_works_alone(new_redis: NewRedis) -> None:
    """What was put while it was gone, and what was taken from it before, is there."""
    server = new_redis()
    shared = RedisCache(server.url, secret=SECRET, timeout_s=PATIENT_S)
    put(shared, "before", b"1", HOUR_S)
    cache = TieredCache(LocalCache(10, 10_000), shared)
    assert get(cache, "before") == b"1"
    server.kill()
    put(cache, "after", b"2", HOUR_S)
    assert cache.get_many(["before", "none", "after"]) == [b"1", None, b"2"]
    assert sum(cache.stats()["redis"].failures.values()) == 2
    assert cache.stats()["local"].failures == {}
    cache.close()


def test_replicas_share_what_one_computed(redis_url: str) -> None:
    """What one puts, the other finds, and then keeps near."""
    one, other = (
        TieredCache(
            LocalCache(10, 10_000), RedisCache(redis_url, secret=SECRET, timeout_s=PATIENT_S)
        )
        for _ in range(2)
    )
    put(one, "key", b"value", HOUR_S)
    assert get(other, "key") == b"value"
    assert get(other, "key") == b"value"
    assert (other.stats()["local"].hits, other.stats()["redis"].hits) == (1, 1)
    one.close()
    other.close()


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("redis+sentinel://:hush@h:26379/mymaster", "Sentinel"),
        ("sentinel://h", "Sentinel"),
        ("rediss+sentinel://h/m/0", "Sentinel"),
        ("redis+cluster://:hush@h:1", "Cluster"),
        ("rediss-cluster://h:1", "Cluster"),
    ],
)
def test_what_is_not_one_redis_is_refused_by_name(url: str, kind: str) -> None:
    """The message says what to name instead, and repeats no password."""
    with pytest.raises(ConfigError, match=f"names Redis {kind}, which is not supported") as caught:
        RedisCache(url, secret=b"secret")
    assert "hush" not in str(caught.value)
