"""Redacting: blurs pictures of collections that are redacted, before they are sent."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Self

from clipseek.cache.local import LocalCache
from clipseek.catalog.redactions import SqlRedactionReader
from clipseek.config import Settings
from clipseek.errors import ClipseekError
from clipseek.redaction import Redactor
from clipseek.redaction.opening import kinds_of, open_redactor
from clipseek.redaction.setting import chosen_of

KEPT, KEPT_BYTES = 10_000, 64 << 20
"""The most pictures and bytes of them that are kept, some 3000 of 20 kB."""
KEPT_S = 86_400.0
AT_ONCE = 2
"""Pictures that are looked at at the same time in a process. Each takes about 60 ms of a core."""

Opener = Callable[[Sequence[str]], Redactor]


class Redacting:
    """Says what is redacted, and redacts pictures. Thread-safe.

    The setting is read from the catalog for each request, so that a change is in force at once in
    every replica. A model is loaded when it is first needed; one that cannot be loaded is tried
    again with the next picture, and nothing is sent.
    """

    def __init__(
        self, reader: SqlRedactionReader, opener: Opener, also: tuple[str, ...] = ()
    ) -> None:
        """`also`: What is redacted in each collection that redacts something."""
        self._reader, self._opener, self._also = reader, opener, also
        self._lock = threading.Lock()
        self._opened: dict[tuple[str, ...], Redactor] = {}
        self._turns = threading.Semaphore(AT_ONCE)
        self._kept = LocalCache(KEPT, KEPT_BYTES)

    @classmethod
    def opened(cls, settings: Settings) -> Self:
        """Return what reads the catalog of the settings; it connects when it is used.

        Raises:
            ConfigError: the detector of the settings cannot be read.
        """
        chosen = chosen_of(settings)
        also, opener = kinds_of(chosen), partial(open_redactor, chosen=chosen)
        return cls(SqlRedactionReader.open(settings.catalog_url), opener, also)

    def kinds(self, collection: str) -> tuple[str, ...]:
        """Return what is redacted in a collection, given by its name or an alias.

        Ask this before what is shown is read; see `SqlRedactionReader.of`.

        Raises:
            ServiceUnavailable: the catalog cannot be read.
        """
        kinds = self._reader.of(collection)
        return (*kinds, *self._also) if kinds else ()

    def ready(self, collection: str) -> tuple[str, ...]:
        """Return what is redacted in a collection, once it is sure that it can be found.

        Raises:
            RedactionUnavailable: a model is missing.
            ServiceUnavailable: see `kinds`.
        """
        kinds = self.kinds(collection)
        if kinds:
            self._redactor(kinds)
        return kinds

    def is_still(self, kinds: tuple[str, ...], collection: str) -> bool:
        """Whether it is sure that these kinds are redacted in a collection, and no others."""
        try:
            return self.kinds(collection) == kinds
        except ClipseekError:
            return False

    def all(self) -> dict[str, tuple[str, ...]]:
        """Return what is redacted in each collection that redacts something."""
        return self._reader.all()

    def picture(self, name: str, jpeg: bytes, kinds: tuple[str, ...]) -> bytes:
        """Return a stored picture as it may be sent; its name says what it shows.

        Raises:
            RedactionUnavailable: a model is missing, or this is not a picture.
        """
        key = f"{' '.join(kinds)} {name}"
        (kept,) = self._kept.get_many([key])
        if kept is not None:
            return kept
        redactor = self._redactor(kinds)
        with self._turns:
            made = redactor.redacted_jpeg(jpeg)
        self._kept.put_many({key: made}, KEPT_S)
        return made

    def close(self) -> None:
        """Close the connections to the catalog."""
        self._reader.close()

    def _redactor(self, kinds: tuple[str, ...]) -> Redactor:
        with self._lock:
            if kinds not in self._opened:
                self._opened[kinds] = self._opener(kinds)
            return self._opened[kinds]
