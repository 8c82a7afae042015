"""Caches: what was computed already, in this process and in Redis.

`clipseek.cache.redis` is imported only where a URL asks for it.
"""

from clipseek.cache.local import LocalCache
from clipseek.cache.nothing import NoCache
from clipseek.cache.tiered import TieredCache

__all__ = ["LocalCache", "NoCache", "TieredCache"]
