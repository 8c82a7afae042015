"""Objects in S3, Google Cloud Storage and Azure Blob Storage, read by obstore (the extra `stores`).

The uri of an object is `s3://BUCKET/KEY`, `gs://BUCKET/KEY` or `az://CONTAINER/KEY`. Credentials
are those of the provider's own chain: environment variables, a workload identity, or the metadata
service of the machine. They are never part of a uri, of an error or of a log.
"""

import errno
import io
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from clipseek.ranged import served
from clipseek.sources.local import BLOCK_BYTES, Changed, require_space
from clipseek.sources.source import Descriptor

if TYPE_CHECKING:
    from obstore.store import ObjectStore, S3Store

SCHEMES = ("s3", "gs", "az")
ASKED_BYTES = 8 << 20
"""What one request asks for: an object is fetched block by block, and each block is tried again."""

TRIES = 4
"""How often a block is asked for. obstore itself repeats requests that got no answer."""

_URI = re.compile(r"(s3|gs|az)://([A-Za-z0-9][A-Za-z0-9._-]{1,254})(?:/(.*))?", re.DOTALL)
_STATUS = re.compile(r"\b(?:status|error)[^0-9]{0,20}([45]\d\d)\b", re.IGNORECASE)
_NOT_ALLOWED = "the object store does not allow it; check the credentials and their permissions"
_URL = re.compile(r"https?://\S+")
_METADATA = "//169.254."
"""Where the machines of clouds ask for credentials, which is the last place that is tried."""

_RETRIES: Any = {
    "max_retries": 4,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {"init_backoff": timedelta(seconds=0.2), "max_backoff": timedelta(seconds=5)},
}


@dataclass(frozen=True, slots=True)
class RemoteObject:
    """One object. `stamp` is its ETag, or its time of change if the store gives none."""

    uri: str
    size_bytes: int
    stamp: str

    @classmethod
    def of(cls, uri: str, told: Mapping[str, Any]) -> "RemoteObject":
        """Take what a store says of an object; the quotes of an ETag differ between its answers."""
        tag = (told["e_tag"] or "").removeprefix("W/").strip('"')
        state = tag or f"{told['last_modified']:%Y%m%dT%H%M%S%fZ}"
        return cls(uri, int(told["size"]), f"{state}-{told['size']}")

    @contextmanager
    def open(self) -> Iterator[io.FileIO]:
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
        """Give a socket; each block that is read is fetched, and is of the object as it was."""
        return served(self.stream, self.size_bytes)

    def stream(self, first: int, last: int) -> Iterator[bytes]:
        """Yield a range, each block only as long as the object is the one that was looked at."""
        while first <= last:
            end = min(first + ASKED_BYTES, last + 1)
            block = self._block(first, end)
            yield from (block[at : at + BLOCK_BYTES] for at in range(0, len(block), BLOCK_BYTES))
            first = end

    def signed(self, life_s: float) -> str:
        """Return a URL that the store answers to for so many seconds; nothing is asked for it."""
        from obstore import sign

        store, key = _store_of(self.uri)
        with _told(self.uri):
            return sign(cast("S3Store", store), "GET", key, timedelta(seconds=life_s))

    def _block(self, first: int, end: int) -> bytes:
        """Return the bytes [first, end); what was cut off on the way is asked for again."""
        store, key = _store_of(self.uri)
        for attempt in range(1, TRIES + 1):
            with _told(self.uri):
                try:
                    got = store.get(key, options={"range": (first, end)})
                    if RemoteObject.of(self.uri, dict(got.meta)) != self:
                        raise Changed(self.uri)
                    block = bytes(got.bytes())
                except _broken():
                    if attempt == TRIES:
                        raise
                else:
                    if len(block) == end - first:
                        return block
            time.sleep(0.1 * 2**attempt)
        raise OSError(
            errno.EIO, f"the object store sent {len(block)} of {end - first} bytes", self.uri
        )


class ObjectStores:
    """The Place of objects in buckets."""

    def look(self, uri: str) -> RemoteObject:
        """Return one object."""
        store, key = _store_of(uri)
        if not key:
            raise IsADirectoryError(errno.EISDIR, "it names a bucket and no object in it", uri)
        with _told(uri):
            return RemoteObject.of(uri, dict(store.head(key)))

    def list(self, uri: str) -> Iterator[RemoteObject]:
        """Yield the object, or all whose keys begin with the uri and a slash, as they come."""
        store, prefix = _store_of(uri)
        root = uri[: len(uri) - len(prefix)] if prefix else f"{uri.rstrip('/')}/"
        prefix = prefix.rstrip("/")
        if prefix and not uri.endswith("/"):
            with suppress(FileNotFoundError):
                yield self.look(uri)
                return
        is_empty = True
        with _told(uri):
            for chunk in store.list(prefix or None, chunk_size=1000):
                for told in chunk:
                    if not told["path"].endswith("/"):  # a mark of a folder, which holds nothing
                        is_empty = False
                        yield RemoteObject.of(f"{root}{told['path']}", dict(told))
        if is_empty:
            raise FileNotFoundError(errno.ENOENT, "no such object, and none below it", uri)


def is_installed() -> bool:
    """Whether obstore is there."""
    return find_spec("obstore") is not None


def _store_of(uri: str) -> tuple["ObjectStore", str]:
    """Return the bucket of a uri, opened, and the key in it."""
    found = _URI.fullmatch(uri)
    if found is None:
        said = "an object's uri must be s3://BUCKET/KEY, gs://BUCKET/KEY or az://CONTAINER/KEY"
        raise OSError(errno.EINVAL, f"{said}, without a user or a password", uri.rpartition("@")[2])
    if not is_installed():
        reason = "objects are read by obstore; install it: pip install 'clipseek[stores]'"
        raise OSError(errno.EPROTONOSUPPORT, reason, uri)
    scheme, bucket, key = found.groups()
    with _opening, _told(uri):
        return _opened(f"{scheme}://{bucket}", os.getpid()), key or ""


_opening = threading.Lock()


@cache
def _opened(bucket: str, _process: int) -> "ObjectStore":
    """Open a bucket once in each process: connections are not shared with a child."""
    from obstore.store import from_url

    return from_url(bucket, retry_config=_RETRIES)


def forget() -> None:
    """Open buckets again, by what the environment says now."""
    _opened.cache_clear()


def _broken() -> tuple[type[BaseException], ...]:
    """Return what a request raises that may succeed if it is repeated."""
    from obstore.exceptions import GenericError

    return (GenericError,)


@contextmanager
def _told(uri: str) -> Iterator[None]:
    """Turn what obstore raises into an OSError, without its text, which may contain a signature.

    A bucket that is not there, one that is not allowed and one that does not answer are told apart.
    """
    from obstore import exceptions

    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(errno.ENOENT, "no such object or bucket", uri) from None
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError):
        raise PermissionError(errno.EACCES, _NOT_ALLOWED, uri) from None
    except (exceptions.InvalidPathError, ValueError):
        reason = (
            "obstore cannot name this key: it has an empty part, `.`, `..` or control characters"
        )
        raise OSError(errno.EINVAL, reason, uri) from None
    except exceptions.BaseError as error:
        text = str(error)
        found = _STATUS.search(text)
        # So does Azure answer to a listing. What answers for credentials is something else.
        if found and found[1] in ("401", "403") and _METADATA not in text:
            raise PermissionError(errno.EACCES, _NOT_ALLOWED, uri) from None
        raise OSError(errno.EIO, _said(text), uri) from None


def _said(text: str) -> str:
    """Say what a store answered, by what is harmless in the text of obstore."""
    lowered = _URL.sub("", text).lower()
    if "nosuchbucket" in lowered or "containernotfound" in lowered:
        return "no such bucket; check its name"
    if _METADATA in text or "credential" in lowered or "account must be" in lowered:
        return "no credentials were found; set those of the provider, such as AWS_ACCESS_KEY_ID"
    if status := _STATUS.search(text):
        return f"the object store answered {status[1]}"
    return "the object store does not answer; check the network and the settings of the provider"
