"""Which of several sources of the same content is read, and what becomes of the others."""

import threading
from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Claim:
    """One content: the source that is read for it, and copies that wait for how that ends."""

    first: str
    is_indexed: bool = False
    copies: deque[str] = field(default_factory=deque)


@dataclass(frozen=True, slots=True)
class Taken:
    """The source that has claimed a content, and whether the content is in the catalog by now."""

    first: str
    is_indexed: bool


class Claims:
    """The contents of one run. Thread-safe.

    A copy is "unchanged" only once the first source is indexed. If that fails, the next copy is
    read instead: the first one may have been removed, replaced or cut off meanwhile.
    """

    def __init__(self) -> None:
        self._claims: dict[str, _Claim] = {}
        self._again: dict[str, str] = {}
        self._rereading: dict[str, str] = {}
        self._lock = threading.Lock()

    def begin(self, uri: str) -> None:
        """Note that a source is being read from now on.

        A copy can be called up while it is still being left as one. Only a source that is read
        because it was called up gives way when it is left.
        """
        with self._lock:
            if uri in self._again:
                self._rereading[uri] = self._again.pop(uri)

    def take(self, content_id: str, uri: str) -> "Taken | None":
        """Claim a content for a source; return None if this is the source to read.

        Otherwise the source is a copy. It waits, unless the content is indexed already.
        """
        with self._lock:
            expected = self._rereading.pop(uri, content_id)
            if expected != content_id:
                self._give_back(expected)  # the copy has changed since it was hashed
            claim = self._claims.setdefault(content_id, _Claim(uri))
            if claim.first == uri:
                return None
            if not claim.is_indexed:
                claim.copies.append(uri)
            return Taken(claim.first, claim.is_indexed)

    def indexed(self, content_id: str) -> list[str]:
        """Note that a content is in the catalog; return the copies that waited for it."""
        with self._lock:
            claim = self._claims[content_id]
            claim.is_indexed = True
            waited, claim.copies = list(claim.copies), deque()
            return waited

    def give_back(self, content_id: str) -> None:
        """Note that a source could not be indexed: the next copy is to be read."""
        with self._lock:
            self._give_back(content_id)

    def leave(self, uri: str) -> None:
        """Note that a source is not read further; a copy that was to be hashed again gives way."""
        with self._lock:
            content_id = self._rereading.pop(uri, None)
            if content_id is not None:
                self._give_back(content_id)

    def _give_back(self, content_id: str) -> None:
        claim = self._claims.pop(content_id)
        if claim.copies:
            claim.first = claim.copies.popleft()
            self._claims[content_id] = claim
            self._again[claim.first] = content_id

    def to_read(self) -> list[str]:
        """Return the copies that are to be read because a source before them failed."""
        with self._lock:
            return list(self._again)
