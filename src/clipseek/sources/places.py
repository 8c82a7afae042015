"""Places: all kinds of places that videos are read from, by the schemes of their uris."""

import errno
import re
from collections.abc import Iterator, Mapping

from clipseek.sources.source import Place, Shelf, Source

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://")
LOCAL = ""
"""The scheme of local files, whose uris are absolute paths."""


class Places:
    """Finds the Place of a uri."""

    def __init__(self, by_scheme: Mapping[str, Place]) -> None:
        """Take the places by their schemes, such as `s3`; `LOCAL` is the disk's."""
        self._by_scheme = by_scheme

    def look(self, uri: str) -> Source:
        """Return the source at a uri as it is now; raise OSError if there is none."""
        return self._of(uri).look(uri)

    def remote(self, name: str) -> Place | None:
        """Return the place of a name that a user gave; None for a name on the local disk."""
        scheme = scheme_of(name)
        return None if scheme == LOCAL else self._by_scheme.get(scheme)

    def beside(self, uri: str) -> Iterator[Source]:
        """Yield what is in the folder of a source; nothing where a kind of place has no folders.

        Raises:
            OSError: the folder cannot be listed.
        """
        place = self._of(uri)
        if isinstance(place, Shelf):
            yield from place.beside(uri)

    def _of(self, uri: str) -> Place:
        place = self._by_scheme.get(scheme_of(uri))
        if place is None:
            reason = f"videos cannot be read from {scheme_of(uri)}:// here"
            raise OSError(errno.EPROTONOSUPPORT, reason, uri)
        return place


def scheme_of(uri: str) -> str:
    """Return what is before `://`, or `LOCAL` for a path."""
    found = _SCHEME.match(uri)
    return found[1] if found else LOCAL
