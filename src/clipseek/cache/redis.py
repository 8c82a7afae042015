"""RedisCache: entries that all replicas share. The only file that imports redis."""

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry

from clipseek.breaker import Breaker
from clipseek.cache.envelope import seal, unseal
from clipseek.cache.tally import Tally
from clipseek.errors import ConfigError
from clipseek.protocols import CacheFailure, CacheStats

PREFIX = "clipseek:2:"
"""Before every key. The number changes when keys or values get another meaning."""

# More than the threads that use it, because redis-py refuses when all connections are used.
_CONNECTIONS = 4096

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


class RedisCache:
    """A `Cache` in Redis 5 or newer. Thread-safe.

    A connection, a login or a command may each take `timeout_s`. After a few failures, Redis is not
    asked for a while (see `Breaker`), so that a search does not wait for it. `timeout_s` does not
    limit the look-up of the host's name.

    Entries are sealed with `secret`, up to 64 bytes that all replicas share; an entry that was not
    sealed with it is a miss, and counted as damaged.

    Raises:
        ConfigError: it is not a URL of Redis; the message does not repeat it.
    """

    def __init__(
        self,
        url: str,
        *,
        secret: bytes,
        timeout_s: float = 0.05,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._secret = secret
        self._wall_clock = wall_clock
        self._client = _client(url, timeout_s)
        self._breaker = Breaker(clock)
        self._tally = Tally()

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the value under each key, or None, in one round trip."""
        names = [_name(key) for key in keys]
        stored = self._ask(lambda: self._client.mget(names)) if names else []
        values = self._unsealed(names, [None] * len(names) if stored is None else stored)
        self._tally.looked_up(values)
        return values

    def peek(self, key: str) -> bytes | None:  # noqa: ARG002
        """Return nothing, because Redis cannot answer without waiting."""
        return None

    def put_many(self, entries: Mapping[str, bytes], ttl_s: float) -> None:
        """Store each value under its key for `ttl_s` seconds, in one round trip."""
        if not entries or ttl_s <= 0:
            return
        ttl_ms = math.ceil(1000 * ttl_s)
        end_ms = self._now_ms() + ttl_ms
        pipeline = self._client.pipeline(transaction=False)
        for key, value in entries.items():
            name = _name(key)
            pipeline.set(name, seal(self._secret, name, value, end_ms=end_ms), px=ttl_ms)
        # Errors come as answers: raised ones would repeat the command, with the value in it.
        answers = self._ask(lambda: pipeline.execute(raise_on_error=False))
        refused = sum(isinstance(answer, redis.RedisError) for answer in answers or ())
        if refused:
            self._tally.failed("refused", refused)

    def stats(self) -> Mapping[str, CacheStats]:
        """Return the counts of this tier, "redis"; it is available unless it is left alone."""
        return {"redis": self._tally.stats(is_available=self._breaker.is_closed)}

    def close(self) -> None:
        """Close the connections."""
        # `Redis.close` leaves a pool that it was given as it is.
        self._client.connection_pool.disconnect()

    def _ask(self, command: Callable[[], Answer]) -> Answer | None:
        """Run a command; an outage is counted and gives None."""
        attempt = self._breaker.begin()
        if attempt is None:
            self._tally.failed("skipped")
            return None
        try:
            answer = command()
        except redis.ResponseError:
            # Redis is there and says no: that costs no waiting, so it is asked again.
            self._tally.failed("refused")
            self._answered(attempt)
            return None
        # OSError: what redis-py does not wrap. ValueError: answers of a server that is not Redis.
        except (redis.RedisError, OSError, ValueError) as error:
            self._tally.failed(_kind(error))
            if self._breaker.failed(attempt):
                log.warning("Redis is not asked for a while: %s", error)
            return None
        self._answered(attempt)
        return answer

    def _answered(self, attempt: int) -> None:
        if self._breaker.succeeded(attempt):
            log.warning("Redis answers again")

    def _unsealed(self, names: Sequence[bytes], stored: object) -> list[bytes | None]:
        """Return the values; an entry that is not ours is counted and gives None."""
        if not isinstance(stored, list) or len(stored) != len(names):
            self._tally.failed("damaged")
            return [None] * len(names)
        now_ms = self._now_ms()
        values = [
            unseal(self._secret, name, found, now_ms=now_ms) if isinstance(found, bytes) else None
            for name, found in zip(names, stored, strict=True)
        ]
        damaged = sum(
            value is None and found is not None for value, found in zip(values, stored, strict=True)
        )
        if damaged:
            self._tally.failed("damaged", damaged)
        return values

    def _now_ms(self) -> int:
        return round(1000 * self._wall_clock())


def _name(key: str) -> bytes:
    return (PREFIX + key).encode("utf-8", "surrogatepass")


def _kind(error: Exception) -> CacheFailure:
    if isinstance(error, redis.TimeoutError | TimeoutError):
        return "timeout"
    if isinstance(error, redis.AuthenticationError):
        return "refused"
    return "unreachable"


def _client(url: str, timeout_s: float) -> redis.Redis:
    """Return a client that connects when it is first asked."""
    options = {
        "max_connections": _CONNECTIONS,
        # No push messages and no opt-in features: two commands need nothing of RESP3.
        "protocol": 2,
        "decode_responses": False,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        # The breaker decides when to try again.
        "retry": Retry(NoBackoff(), 0),
    }
    scheme = url.partition("://")[0].lower()
    if "sentinel" in scheme or "cluster" in scheme:
        kind = "Sentinel" if "sentinel" in scheme else "Cluster"
        raise ConfigError(
            f"CLIPSEEK_REDIS_URL names Redis {kind}, which is not supported; name the Redis "
            "itself, or a proxy or a service that always leads to the primary, such as redis://host:port"
        )
    try:
        given = parse_url(url)  # type: ignore[no-untyped-call]  # redis-py leaves it so
        pool = redis.ConnectionPool(**{**given, **options})
        # Options in the URL are looked at only when a connection is made.
        pool.connection_class(**pool.connection_kwargs)
    except (TypeError, ValueError, redis.RedisError):
        # Not chained: the text of the error may contain part of the URL, and so of its password.
        raise ConfigError(
            "CLIPSEEK_REDIS_URL must be redis://[[user]:password@]host[:port][/database], "
            "rediss://... with TLS, or unix://[[user]:password@]/path; "
            "a character of the password that is not a letter or a digit is written as %XX"
        ) from None
    return redis.Redis(connection_pool=pool)
