"""RecentQueries: what was asked of each collection lately, in Redis or in a folder."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Protocol

from clipseek import asked, files
from clipseek.errors import ServiceUnavailable
from clipseek.protocols import Cache
from clipseek.query import digest
from clipseek.threads import Worker
from clipseek.types import Collection

STORED_EVERY_S = 5.0


class QueryStore(Protocol):
    """Bytes under names that are hexadecimal digits."""

    def change(self, name: str, change: Callable[[bytes | None], bytes]) -> None:
        """Replace what is stored by what `change` makes of it; raise ServiceUnavailable."""
        ...

    def get(self, name: str) -> bytes | None:
        """Return what is stored, or None; raise ServiceUnavailable."""
        ...

    def forget(self, name: str) -> None:
        """Delete what is stored."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


class FolderQueries:
    """A file for each name, in a folder that only its owner reads. Processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def change(self, name: str, change: Callable[[bytes | None], bytes]) -> None:
        """Replace a file while no other process does."""
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            with files.locked(self._folder / "lock"):
                files.replace(self._path(name), change(self.get(name)))
        except OSError as error:
            raise ServiceUnavailable(
                f"recent queries cannot be stored in {self._folder}: {error.strerror}; let this "
                "user write there, set CLIPSEEK_REDIS_URL, or set CLIPSEEK_KEEP_QUERIES to 0"
            ) from error

    def get(self, name: str) -> bytes | None:
        """Return the content of a file."""
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ServiceUnavailable(
                f"recent queries in {self._folder} cannot be read: {error.strerror}"
            ) from error

    def forget(self, name: str) -> None:
        """Delete a file."""
        with suppress(OSError):  # the queries of no collection are read by nobody
            self._path(name).unlink()

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"


class SharedQueries:
    """Entries of a cache that replicas share, which seals them. Of two writers at once one wins."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def change(self, name: str, change: Callable[[bytes | None], bytes]) -> None:
        """Replace an entry."""
        content = change(self.get(name))
        before = self._failures()
        self._cache.put_many({_key(name): content}, asked.KEPT_S)
        self._require(before)

    def get(self, name: str) -> bytes | None:
        """Return an entry."""
        before = self._failures()
        (found,) = self._cache.get_many([_key(name)])
        self._require(before)
        return found

    def forget(self, name: str) -> None:
        """Let an entry expire now."""
        self._cache.put_many({_key(name): b"[]"}, 0.001)

    def close(self) -> None:
        """Close the connections."""
        self._cache.close()

    def _failures(self) -> int:
        return sum(sum(tier.failures.values()) for tier in self._cache.stats().values())

    def _require(self, before: int) -> None:
        if self._failures() > before:
            raise ServiceUnavailable(
                "recent queries in Redis cannot be used: it does not answer, or its entries have "
                "another CLIPSEEK_CACHE_SECRET"
            )


class RecentQueries:
    """The last `most` queries of each collection. Thread-safe.

    They belong to its key and its epoch, so a new collection of the same name has none of another
    one's. `storing` is the thread that stores what was noted.
    """

    def __init__(
        self, store: QueryStore, most: int, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.storing = Worker("recent queries", self.store, pause_s=STORED_EVERY_S)
        self._store = store
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._noted: dict[tuple[str, str], dict[str, float]] = {}

    def note(self, collection: Collection, text: str) -> None:
        """Note a query in memory, without waiting."""
        with self._lock:
            noted = self._noted.setdefault((collection.key, collection.epoch), {})
            noted.pop(text, None)
            noted[text] = self._clock()
            if len(noted) > self._most:
                del noted[next(iter(noted))]

    def store(self) -> None:
        """Add what was noted to what is stored; raise ServiceUnavailable and note it again."""
        with self._lock:
            noted, self._noted = self._noted, {}
        try:
            while noted:
                owner = next(iter(noted))
                self._store.change(_name(*owner), partial(self._with, noted[owner]))
                del noted[owner]
        finally:
            with self._lock:
                for owner, new in noted.items():
                    self._noted[owner] = self._merged(new, self._noted.get(owner, {}))

    def of(self, collection: Collection) -> list[str]:
        """Return the stored queries of a collection, the latest first; raise ServiceUnavailable."""
        kept = asked.decoded(self._store.get(_name(collection.key, collection.epoch)))
        return list(reversed(asked.merged(kept, {}, most=asked.MOST, now=self._clock())))

    def forget(self, collection: Collection) -> None:
        """Delete the queries of a collection that is removed."""
        self._store.forget(_name(collection.key, collection.epoch))

    def close(self) -> None:
        """Stop the thread, store what was noted last, and give back connections."""
        is_storing = self.storing.age_s is not None
        self.storing.close()
        try:
            if is_storing:
                self.store()
        finally:
            self._store.close()

    def _with(self, new: asked.Asked, kept: bytes | None) -> bytes:
        return asked.encoded(self._merged(asked.decoded(kept), new))

    def _merged(self, kept: asked.Asked, new: asked.Asked) -> dict[str, float]:
        return asked.merged(kept, new, most=self._most, now=self._clock())


def _name(key: str, epoch: str) -> str:
    return digest("asked", [key, epoch]).partition(":")[2]


def _key(name: str) -> str:
    return f"asked:{name}"
