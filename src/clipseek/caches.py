"""Caches, and what replicas share in Redis, opened by the settings."""

import hashlib
import logging
import os

from clipseek.cache import LocalCache, TieredCache
from clipseek.cache.recent import FolderQueries, RecentQueries, SharedQueries
from clipseek.catalog.database import password_of
from clipseek.config import Settings
from clipseek.protocols import Cache

_PATIENT_S = 2.0
"""Seconds that work in the background waits for Redis."""

log = logging.getLogger(__name__)


def open_cache(settings: Settings) -> Cache:
    """Return a cache in the process, in front of Redis if the settings name one.

    Raises:
        ConfigError: the URL of Redis is wrong.
    """
    local = LocalCache(settings.cache_entries, settings.cache_bytes)
    if settings.redis_url is None:
        return local
    # redis-py takes 0.1 s to import, which is not needed without Redis.
    from clipseek.cache.redis import RedisCache

    url = settings.redis_url.get_secret_value()
    redis = RedisCache(url, secret=_cache_secret(settings), timeout_s=settings.redis_timeout_s)
    return TieredCache(local, redis)


def open_recent(settings: Settings) -> RecentQueries:
    """Return what keeps the recent queries of collections: in Redis, or in the data folder.

    Raises:
        ConfigError: the URL of Redis is wrong.
    """
    if settings.redis_url is None:
        return RecentQueries(FolderQueries(settings.data_dir / "queries"), settings.keep_queries)
    from clipseek.cache.redis import RedisCache

    url = settings.redis_url.get_secret_value()
    # No search waits for it.
    timeout_s = max(_PATIENT_S, settings.redis_timeout_s)
    redis = RedisCache(url, secret=_cache_secret(settings), timeout_s=timeout_s)
    return RecentQueries(SharedQueries(redis), settings.keep_queries)


def _cache_secret(settings: Settings) -> bytes:
    """Return what seals entries in Redis: 64 bytes that others who write there cannot know.

    Without a separate secret, it is derived from the password of the database, which replicas share
    too; slowly, because a password may be guessed (scrypt, RFC 7914: 16 MB, some 50 ms).
    """
    if settings.cache_secret is not None:
        return hashlib.blake2b(settings.cache_secret.get_secret_value().encode()).digest()
    password = password_of(settings.catalog_url)
    if password:
        return hashlib.scrypt(
            password.encode(), salt=b"clipseek cache", n=2**14, r=8, p=1, dklen=64
        )
    log.warning(
        "replicas do not share answers in Redis, because anybody who can write there could forge "
        "them: set CLIPSEEK_CACHE_SECRET to the same random text for all replicas"
    )
    return os.urandom(64)
