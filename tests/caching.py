"""One key of a cache at a time."""

from clipseek.protocols import Cache


def get(cache: Cache, key: str) -> bytes | None:
    """Return the value under a key, or None."""
    return cache.get_many([key])[0]


def put(cache: Cache, key: str, value: bytes, ttl_s: float) -> None:
    """Store a value under a key for `ttl_s` seconds."""
    cache.put_many({key: value}, ttl_s)
