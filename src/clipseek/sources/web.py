"""Videos at URLs of HTTP and HTTPS, of hosts that the operator has listed."""

import errno
import http.client
import io
import ssl
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from clipseek.errors import NotFetched, UrlNotAllowed
from clipseek.files import open_regular
from clipseek.ranged import served
from clipseek.sources.fetching import (
    RANGE,
    REDIRECTED,
    REDIRECTS,
    TRIES,
    Fetch,
    FetchLimits,
    Pinned,
    redirected,
)
from clipseek.sources.guard import Guard
from clipseek.sources.keeping import OFF, Keeping
from clipseek.sources.local import BLOCK_BYTES, Changed, require_space
from clipseek.sources.source import Descriptor
from clipseek.urls import shown

SCHEMES = ("http", "https")
_GONE, _REFUSED = (404, 410), (401, 403)


@dataclass(frozen=True, slots=True)
class WebFile:
    """A Source at a URL. `stamp` is a strong ETag, or the time of its last change."""

    uri: str
    size_bytes: int
    stamp: str
    site: "Web" = field(repr=False, compare=False)
    has_ranges: bool = field(default=False, compare=False)

    def open(self) -> AbstractContextManager[io.FileIO]:
        """Open the copy of the video that is kept; fetch it if there is none."""
        return self.site.keeping.opened(self, self.site.look, self._fetched)

    @contextmanager
    def _fetched(self) -> Iterator[io.FileIO]:
        """Fetch the video into a file that is gone when it is closed."""
        require_space(self.size_bytes, self.uri)
        with tempfile.TemporaryDirectory(prefix="clipseek-") as folder:
            path = Path(folder) / "video"
            with _told(self.uri):
                Fetch(self.site.guard, self.site.limits, context=self.site.context).into(
                    path, self.uri
                )
            if self.site.look(self.uri) != self or path.stat().st_size != self.size_bytes:
                raise Changed(self.uri)
            with open_regular(str(path)) as file:
                yield file

    def parts(self) -> AbstractContextManager[Descriptor]:
        """Give a copy that is kept, a socket, or the whole if a server gives no ranges."""
        if (copy := self.site.keeping.copy(self)) is not None:
            return copy
        return served(self.stream, self.size_bytes) if self.has_ranges else self._fetched()

    def stream(self, first: int, last: int) -> Iterator[bytes]:
        """Yield a range, continued where a connection breaks."""
        failures = 0
        while first <= last:
            try:
                with self.site.answer(self.uri, first, last) as answer:
                    if self.site.told(self.uri, answer) != self:
                        raise Changed(self.uri)
                    _skip(answer, 0 if answer.status == 206 else first)
                    while first <= last:
                        block = answer.read(min(BLOCK_BYTES, last + 1 - first))
                        if not block:
                            break
                        first, failures = first + len(block), 0
                        yield block
            except (http.client.HTTPException, ConnectionError, TimeoutError):
                pass
            failures += 1
            if first <= last and failures >= TRIES:
                raise OSError(errno.EIO, "the connection to the server broke", self.uri)
            if first <= last:
                time.sleep(0.1 * 2**failures)


@dataclass(frozen=True, slots=True)
class Web:
    """The Place of URLs. Servers list nothing, so each video is named by its own URL.

    guard: Which hosts may be read. context: What TLS trusts, by default what the system does.
    keeping: Where fetched videos are kept.
    """

    guard: Guard
    limits: FetchLimits
    context: ssl.SSLContext | None = None
    keeping: Keeping = OFF

    def look(self, uri: str) -> WebFile:
        """Ask for one byte, because servers answer that more often than HEAD."""
        try:
            with self.answer(uri, 0, 0) as answer:
                return self.told(uri, answer)
        except http.client.HTTPException as error:
            raise OSError(errno.EIO, "the server does not speak HTTP", uri) from error

    def list(self, uri: str) -> Iterator[WebFile]:
        """Yield the one video."""
        yield self.look(uri)

    @contextmanager
    def answer(self, uri: str, first: int, last: int) -> Iterator[http.client.HTTPResponse]:
        """Ask for a range, and follow redirects; each address is checked before it is asked.

        Raises:
            OSError: the URL may not be read, or the server does not give it.
        """
        if "?" in uri or "#" in uri:
            reason = (
                "a URL that is indexed must have no `?` and no `#`, because all who search are "
                "shown it, and what follows may be a secret; download the video, and index the file"
            )
            raise PermissionError(errno.EACCES, reason, shown(uri))
        with _told(uri):
            target = self.guard.check(uri)
        for _ in range(REDIRECTS + 1):
            with _told(uri):
                addresses = self.guard.addresses(target)
            connection = Pinned(target, addresses, self.limits.stall_s, self.context)
            try:
                asked = {"Range": f"bytes={first}-{last}", "Accept-Encoding": "identity"}
                connection.request("GET", target.path, headers=asked | {"User-Agent": "clipseek"})
                with connection.getresponse() as answer:
                    if answer.status not in REDIRECTED:
                        _require_given(uri, answer.status)
                        yield answer
                        return
                    with _told(uri):
                        target = redirected(self.guard, target, answer.headers.get("Location", ""))
            finally:
                connection.close()
        raise OSError(errno.EIO, f"the server redirects more than {REDIRECTS} times", uri)

    def told(self, uri: str, answer: http.client.HTTPResponse) -> WebFile:
        """Return what an answer says of a video.

        Raises:
            OSError: it does not say how long it is, or nothing that changes with it.
        """
        found = RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        size = found[2] if found else answer.headers.get("Content-Length", "")
        if not size.isdigit():
            raise OSError(errno.EIO, "the server does not say how long the video is", uri)
        tag = answer.headers.get("ETag", "")
        stamp = tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")
        if not stamp:
            reason = (
                "the server says neither an ETag nor a time of change, so a change of the video "
                "could not be seen; download it, and index the file"
            )
            raise OSError(errno.EIO, reason, uri)
        return WebFile(uri, int(size), f"{stamp}-{size}", self, answer.status == 206)


def _require_given(uri: str, status: int) -> None:
    if status in _GONE:
        raise FileNotFoundError(errno.ENOENT, f"the server answered {status}: no such video", uri)
    if status in _REFUSED:
        raise PermissionError(errno.EACCES, f"the server answered {status}: it is not allowed", uri)
    if status not in (200, 206):
        raise OSError(errno.EIO, f"the server answered {status}; check the URL", uri)


def _skip(answer: http.client.HTTPResponse, count: int) -> None:
    """Read what is before a range, from a server that has sent the whole."""
    while count > 0 and (block := answer.read(min(BLOCK_BYTES, count))):
        count -= len(block)


@contextmanager
def _told(uri: str) -> Iterator[None]:
    """Turn what the guard and a fetch say into an OSError."""
    try:
        yield
    except UrlNotAllowed as error:
        raise PermissionError(errno.EACCES, str(error), uri) from error
    except NotFetched as error:
        raise OSError(errno.EIO, error.reason, uri) from error
