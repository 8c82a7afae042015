"""Caches of computed values, in this process and in Redis.

`clipseek.cache.redis` is imported only if a URL asks for it.
"""

from clipseek.cache.flight import SingleFlight
from clipseek.cache.local import LocalCache
from clipseek.cache.nothing import NoCache
from clipseek.cache.text import Embedded, TextVectors
from clipseek.cache.tiered import TieredCache

__all__ = ["Embedded", "LocalCache", "NoCache", "SingleFlight", "TextVectors", "TieredCache"]
