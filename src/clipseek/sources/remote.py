"""Objects in S3, Google Cloud Storage and Azure Blob Storage, read by obstore (the extra `stores`).

The uri of an object is `s3://BUCKET/KEY`, `gs://BUCKET/KEY` or `az://CONTAINER/KEY`. Credentials
are those of the provider's own chain; see `clipseek.buckets`.
"""

import errno
import io
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from clipseek.buckets import broken, plain, store_of, told
from clipseek.ranged import served
from clipseek.sources.keeping import OFF, Keeping
from clipseek.sources.local import BLOCK_BYTES, Changed, require_space
from clipseek.sources.source import Descriptor

if TYPE_CHECKING:
    from obstore.store import S3Store

ASKED_BYTES = 8 << 20
"""What one request asks for: an object is fetched block by block, and each block is tried again."""

TRIES = 4
"""How often a block is asked for. obstore itself repeats requests that got no answer."""


@dataclass(frozen=True, slots=True)
class RemoteObject:
    """One object. `stamp` is its ETag, or its time of change if the store gives none."""

    uri: str
    size_bytes: int
    stamp: str
    keeping: Keeping = field(default=OFF, repr=False, compare=False)

    @classmethod
    def of(cls, uri: str, meta: Mapping[str, Any], keeping: Keeping = OFF) -> "RemoteObject":
        """Take what a store says of an object."""
        state = plain(meta["e_tag"]) or f"{meta['last_modified']:%Y%m%dT%H%M%S%fZ}"
        return cls(uri, int(meta["size"]), f"{state}-{meta['size']}", keeping)

    def open(self) -> AbstractContextManager[io.FileIO]:
        """Open the copy of the object that is kept; fetch it if there is none."""
        return self.keeping.opened(self, ObjectStores().look, self._fetched)

    @contextmanager
    def _fetched(self) -> Iterator[io.FileIO]:
        """Fetch the object into a file without a name, which is gone when it is closed."""
        require_space(self.size_bytes, self.uri)
        with tempfile.TemporaryFile(buffering=0) as file:
            assert isinstance(file, io.FileIO)
            for block in self.stream(0, self.size_bytes - 1):
                left = memoryview(block)
                while left:
                    left = left[file.write(left) :]
            file.seek(0)
            yield file

    def parts(self) -> AbstractContextManager[Descriptor]:
        """Give a copy that is kept, or a socket, whose blocks are of the object as it was."""
        return self.keeping.copy(self) or served(self.stream, self.size_bytes)

    def stream(self, first: int, last: int) -> Iterator[bytes]:
        """Yield a range, each block only as long as the object is the one that was looked at."""
        while first <= last:
            end = min(first + ASKED_BYTES, last + 1)
            block = self._block(first, end)
            yield from (block[at : at + BLOCK_BYTES] for at in range(0, len(block), BLOCK_BYTES))
            first = end

    def signed(self, life_s: float) -> str:
        """Return a URL that the store answers to for so many seconds, at most 604800.

        An identity without a key of its own, of Google or Azure, has the provider sign it.
        """
        from obstore import sign

        store, key = store_of(self.uri)
        with told(self.uri):
            return sign(cast("S3Store", store), "GET", key, timedelta(seconds=life_s))

    def _block(self, first: int, end: int) -> bytes:
        """Return the bytes [first, end); what was cut off on the way is asked for again."""
        store, key = store_of(self.uri)
        for attempt in range(1, TRIES + 1):
            with told(self.uri):
                try:
                    got = store.get(key, options={"range": (first, end)})
                    if RemoteObject.of(self.uri, dict(got.meta)) != self:
                        raise Changed(self.uri)
                    block = bytes(got.bytes())
                except broken():
                    if attempt == TRIES:
                        raise
                else:
                    if len(block) == end - first:
                        return block
            time.sleep(0.1 * 2**attempt)
        raise OSError(
            errno.EIO, f"the object store sent {len(block)} of {end - first} bytes", self.uri
        )


@dataclass(frozen=True, slots=True)
class ObjectStores:
    """The Place of objects in buckets. keeping: Where fetched ones are kept."""

    keeping: Keeping = OFF

    def look(self, uri: str) -> RemoteObject:
        """Return one object."""
        store, key = store_of(uri)
        if not key:
            raise IsADirectoryError(errno.EISDIR, "it names a bucket and no object in it", uri)
        with told(uri):
            return RemoteObject.of(uri, dict(store.head(key)), self.keeping)

    def beside(self, uri: str) -> Iterator[RemoteObject]:
        """Yield the objects of the folder of an object: their keys are as long up to a slash."""
        store, key = store_of(uri)
        with told(uri):
            listed = store.list_with_delimiter(key.rpartition("/")[0] or None)["objects"]
        root = uri[: len(uri) - len(key)]
        yield from (RemoteObject.of(f"{root}{one['path']}", dict(one)) for one in listed)

    def list(self, uri: str) -> Iterator[RemoteObject]:
        """Yield the object, or all whose keys begin with the uri and a slash, as they come."""
        store, prefix = store_of(uri)
        root = uri[: len(uri) - len(prefix)] if prefix else f"{uri.rstrip('/')}/"
        prefix = prefix.rstrip("/")
        if prefix and not uri.endswith("/"):
            with suppress(FileNotFoundError):
                yield self.look(uri)
                return
        is_empty = True
        with told(uri):
            for chunk in store.list(prefix or None, chunk_size=1000):
                for one in chunk:
                    if not one["path"].endswith("/"):  # a mark of a folder, which holds nothing
                        is_empty = False
                        yield RemoteObject.of(f"{root}{one['path']}", dict(one), self.keeping)
        if is_empty:
            raise FileNotFoundError(errno.ENOENT, "no such object, and none below it", uri)
