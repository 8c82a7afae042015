"""The seam between the ingest and where videos are kept; one contract test runs over each Place."""

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable


class Descriptor(Protocol):
    """What has a descriptor, such as a file and a socket."""

    def fileno(self) -> int:
        """Return the descriptor."""
        ...


class Source(Protocol):
    """The bytes of one video, in the state that they had when they were looked at.

    Picklable. Two sources are equal if they have the same uri and are known to have the same bytes.
    """

    @property
    def uri(self) -> str:
        """What people see and filters match: the absolute path of a local file, otherwise a URL.

        Credentials are never part of it. A path may contain bytes that are not UTF-8, as
        surrogates.
        """
        ...

    @property
    def size_bytes(self) -> int:
        """Length of the content."""
        ...

    @property
    def stamp(self) -> str:
        """The state of the bytes, found without reading them: equal stamps, unchanged bytes."""
        ...

    def open(self) -> AbstractContextManager[io.FileIO]:
        """Open the bytes as a regular local file, at its start; fetch remote bytes first.

        Hashing and decoding read this one file by its descriptor, so what was hashed is what was
        decoded.

        Raises:
            OSError: the bytes are gone, cannot be read, or have changed since the look.
        """
        ...

    def parts(self) -> AbstractContextManager[Descriptor]:
        """Open the bytes to read a few of them, by the functions of `clipseek.ranged`.

        That is a regular file as in `open`, or a socket, and then only what is read is fetched.
        A copy of the descriptor can be read after the block.

        Raises:
            OSError: as for `open`; behind a socket the reader is told.
        """
        ...

    def stream(self, first: int, last: int) -> Iterator[bytes]:
        """Yield the bytes from position `first` to `last`, both included, in blocks.

        Raises:
            OSError: as for `open`, before the first block or at any later one.
        """
        ...


@runtime_checkable
class Signing(Protocol):
    """A Source that others can read for a while by a URL, without credentials of their own."""

    def signed(self, life_s: float) -> str:
        """Return a URL that is valid for so many seconds; it is a secret.

        Raises:
            OSError: there are no credentials to sign by.
        """
        ...


@runtime_checkable
class Shelf(Protocol):
    """A Place that tells what is beside a source, without all that is below it."""

    def beside(self, uri: str) -> Iterator[Source]:
        """Yield what is in the folder of a source, itself included.

        Raises:
            OSError: the folder cannot be listed.
        """
        ...


class Place(Protocol):
    """A kind of place in which videos are kept: the disk, an object store, an archive. Thread-safe.

    The scheme of a uri says which place it belongs to (see `Places`).
    """

    def look(self, uri: str) -> Source:
        """Return the source at a uri as it is now.

        Raises:
            OSError: it does not exist, or cannot be read.
        """
        ...

    def list(self, uri: str) -> Iterator[Source]:
        """Yield what is at a uri and below it, in the order of names, whatever kind of file it is.

        Raises:
            OSError: there is nothing of this name, or it cannot be listed.
        """
        ...
