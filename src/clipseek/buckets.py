"""Buckets of S3, Google Cloud Storage and Azure Blob Storage, opened by obstore (extra `stores`).

Credentials are those of the provider's own chain: environment variables, a workload identity, or
the metadata service of the machine. They are never part of a uri, of an error or of a log.
"""

import errno
import os
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clipseek.urls import shown

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES = ("s3", "gs", "az")

_URI = re.compile(r"(s3|gs|az)://([A-Za-z0-9][A-Za-z0-9._-]{1,254})(?:/(.*))?", re.DOTALL)
_STATUS = re.compile(r"\b(?:status|error)[^0-9]{0,20}([45]\d\d)\b", re.IGNORECASE)
_NOT_ALLOWED = "the object store does not allow it; check the credentials and their permissions"
_NO_BUCKET = "no such bucket; check its name"
_URL = re.compile(r"https?://\S+")
_METADATA = "//169.254."
"""Where the machines of clouds ask for credentials, which is the last place that is tried."""

_RETRIES: Any = {
    "max_retries": 4,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {"init_backoff": timedelta(seconds=0.2), "max_backoff": timedelta(seconds=5)},
}


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a listing tells it; `tag` is that of its state, as `Folder.put` returns it."""

    name: str
    size_bytes: int
    changed: datetime
    tag: str


@dataclass(frozen=True, slots=True)
class Folder:
    """The objects of a bucket whose keys begin with a prefix. Every method raises OSError.

    url: `s3://BUCKET/PREFIX`, without a slash at its end.
    """

    url: str

    def get(self, name: str) -> bytes:
        """Return an object; raise FileNotFoundError if it is not there."""
        return self.tagged(name)[0]

    def tagged(self, name: str) -> tuple[bytes, str]:
        """Return an object with the tag of its state, for `replace`."""
        store, key = store_of(self._uri(name))
        with told(self._uri(name)):
            got = store.get(key)
            return bytes(got.bytes()), got.meta["e_tag"] or ""

    def blocks(self, name: str) -> Iterator[bytes]:
        """Yield an object in blocks of some megabytes."""
        store, key = store_of(self._uri(name))
        with told(self._uri(name)):
            yield from map(bytes, store.get(key).stream(min_chunk_size=4 << 20))

    def put(self, name: str, content: bytes | Path) -> str:
        """Write an object, and return its tag; readers see the whole of it or the one before."""
        store, key = store_of(self._uri(name))
        with told(self._uri(name)):
            return plain(store.put(key, content)["e_tag"])

    def replace(self, name: str, content: bytes, tag: str | None) -> bool:
        """Write an object if it still has a tag, or with None if it is not there; or say no."""
        from obstore import exceptions

        store, key = store_of(self._uri(name))
        with told(self._uri(name)):
            try:
                store.put(key, content, mode="create" if tag is None else {"e_tag": tag})
            except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
                return False
        return True

    def list(self, below: str) -> Iterator[Listed]:
        """Yield what is below a name and a slash, as it comes."""
        store, key = store_of(self._uri(below))
        start = len(key) - len(below)
        with told(self._uri(below)):
            for chunk in store.list(key, chunk_size=1000):
                for one in chunk:
                    name, tag = one["path"][start:], plain(one["e_tag"])
                    yield Listed(name, int(one["size"]), one["last_modified"], tag)

    def delete(self, names: Iterable[str]) -> None:
        """Delete some objects; one that is not there is no error."""
        for name in names:
            store, key = store_of(self._uri(name))
            try:
                with told(self._uri(name)):
                    store.delete(key)
            except FileNotFoundError:
                pass

    def _uri(self, name: str) -> str:
        return f"{self.url}/{name}"


def plain(tag: str | None) -> str:
    """Return an ETag without its quotes, which differ between the answers of a store."""
    return (tag or "").removeprefix("W/").strip('"')


def is_installed() -> bool:
    """Whether obstore is there."""
    return find_spec("obstore") is not None


def store_of(uri: str) -> tuple["ObjectStore", str]:
    """Return the bucket of a uri, opened, and the key in it."""
    found = _URI.fullmatch(uri)
    if found is None:
        said = "an object's uri must be s3://BUCKET/KEY, gs://BUCKET/KEY or az://CONTAINER/KEY"
        raise OSError(errno.EINVAL, f"{said}, without a user or a password", shown(uri))
    if not is_installed():
        reason = "objects are read by obstore; install it: pip install 'clipseek[stores]'"
        raise OSError(errno.EPROTONOSUPPORT, reason, uri)
    scheme, bucket, key = found.groups()
    with _opening, told(uri):
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


def broken() -> tuple[type[BaseException], ...]:
    """Return what a request raises that may succeed if it is repeated."""
    from obstore.exceptions import GenericError

    return (GenericError,)


@contextmanager
def told(uri: str) -> Iterator[None]:
    """Turn what obstore raises into an OSError, without its text, which may contain a signature.

    A bucket that is not there, one that is not allowed and one that does not answer are told apart.
    """
    from obstore import exceptions

    try:
        yield
    except FileNotFoundError as error:
        if said(str(error)) == _NO_BUCKET:
            raise OSError(errno.ENXIO, _NO_BUCKET, uri) from None
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
        raise OSError(errno.EIO, said(text), uri) from None


def said(text: str) -> str:
    """Say what a store answered, by what is harmless in the text of obstore."""
    lowered = _URL.sub("", text).lower()
    if "nosuchbucket" in lowered or "containernotfound" in lowered:
        return _NO_BUCKET
    if _METADATA in text or "credential" in lowered or "account must be" in lowered:
        return "no credentials were found; set those of the provider, such as AWS_ACCESS_KEY_ID"
    if status := _STATUS.search(text):
        return f"the object store answered {status[1]}"
    return "the object store does not answer; check the network and the settings of the provider"
