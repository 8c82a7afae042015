"""Rates: how often the holder of a key may ask; replicas share the count through Redis."""

import asyncio
import logging
import math
from time import time
from typing import Self

import limits
from limits.aio.storage import RedisStorage, Storage
from limits.aio.storage.redis.redispy import RedispyBridge
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string

from api.principal import Principal
from api.problem_kinds import TOO_MANY_REQUESTS
from api.problems import Refused
from clipseek.breaker import Breaker
from clipseek.config import Settings
from clipseek.keys import Rate

PREFIX = "clipseek-rate"
_SCHEMES = {"redis": "async+redis", "rediss": "async+rediss", "unix": "async+redis+unix"}

log = logging.getLogger("clipseek.api")


class Rates:
    """Counts what each key asks for, in a window that slides; on the event loop.

    With Redis, replicas share the counts. While it does not answer, each counts by itself, and
    after a few failures it is not asked for a while (`Breaker`).
    """

    def __init__(self, redis_url: str | None = None, *, timeout_s: float = 0.05) -> None:
        self._own = SlidingWindowCounterRateLimiter(_storage("async+memory://"))
        self._shared: SlidingWindowCounterRateLimiter | None = None
        if redis_url is not None:
            scheme, _, rest = redis_url.partition("://")
            shared = _storage(
                f"{_SCHEMES.get(scheme, scheme)}://{rest}",
                socket_timeout=timeout_s,
                socket_connect_timeout=timeout_s,
                implementation="redispy",
            )
            self._shared = SlidingWindowCounterRateLimiter(shared)
        self._breaker = Breaker()
        self._timeout_s = timeout_s

    @classmethod
    def opened(cls, settings: Settings) -> Self:
        """Return what counts with the Redis of the settings, if they name one."""
        url = settings.redis_url
        return cls(
            None if url is None else url.get_secret_value(), timeout_s=settings.redis_timeout_s
        )

    async def close(self) -> None:
        """Close the connections to Redis."""
        storage = None if self._shared is None else self._shared.storage
        if isinstance(storage, RedisStorage) and isinstance(storage.bridge, RedispyBridge):
            await storage.bridge.storage.aclose()

    async def spend(self, principal: Principal, cost: int = 1) -> None:
        """Count `cost` requests of a principal; those that are refused do not count.

        Raises:
            Refused: the principal has asked too often, or asks for more than it ever may at once.
        """
        rate = principal.rate
        if rate is None or cost == 0:
            return
        if cost > rate.count:
            raise _refused(
                rate,
                0,
                f"these are {cost} searches, and {_called(principal)} may ask {rate}; send smaller "
                "batches",
                None,
            )
        item = limits.RateLimitItemPerSecond(rate.count, rate.seconds, namespace=PREFIX)
        limiter, is_allowed = await self._hit(item, principal.name, cost)
        if not is_allowed:
            raise await self._too_often(limiter, item, principal, rate)

    async def _hit(
        self, item: limits.RateLimitItem, name: str, cost: int
    ) -> tuple[SlidingWindowCounterRateLimiter, bool]:
        """Count, where replicas share the count if that is possible."""
        shared = self._shared
        attempt = None if shared is None else self._breaker.begin()
        if shared is not None and attempt is not None:
            try:
                # redis-py would try again for seconds.
                async with asyncio.timeout(self._timeout_s):
                    is_allowed = await shared.hit(item, name, cost=cost)
            except (StorageError, TimeoutError) as error:
                if self._breaker.failed(attempt):
                    log.warning(
                        "rates are counted by each replica for itself, because Redis does not "
                        "answer: %r",
                        getattr(error, "storage_error", error),
                    )
            else:
                self._breaker.succeeded(attempt)
                return shared, is_allowed
        return self._own, await self._own.hit(item, name, cost=cost)

    async def _too_often(
        self,
        limiter: SlidingWindowCounterRateLimiter,
        item: limits.RateLimitItem,
        principal: Principal,
        rate: Rate,
    ) -> Refused:
        try:
            async with asyncio.timeout(self._timeout_s):
                window = await limiter.get_window_stats(item, principal.name)
            wait_s = max(1, math.ceil(window.reset_time - time()))
            remaining = window.remaining
        except (StorageError, TimeoutError):  # Redis went away after it had counted
            wait_s, remaining = rate.seconds, 0
        detail = f"{_called(principal)} may ask {rate}; ask again in {wait_s} s"
        return _refused(rate, remaining, detail, wait_s)


def _called(principal: Principal) -> str:
    return "each member of your groups" if principal.is_person else "the key"


def _refused(rate: Rate, remaining: int, detail: str, wait_s: int | None) -> Refused:
    """Return the refusal, with the headers of draft-ietf-httpapi-ratelimit-headers-10."""
    headers = {"RateLimit-Policy": f'"key";q={rate.count};w={rate.seconds}'}
    if wait_s is not None:
        headers |= {"RateLimit": f'"key";r={remaining};t={wait_s}', "Retry-After": str(wait_s)}
    return Refused(TOO_MANY_REQUESTS, detail, headers)


def _storage(address: str, **options: float | str) -> Storage:
    """Return a storage whose errors are StorageError."""
    found = storage_from_string(address, wrap_exceptions=True, **options)
    assert isinstance(found, Storage)
    return found
