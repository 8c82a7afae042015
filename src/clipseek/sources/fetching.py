"""Fetching a video by its URL into a file: bounded, and continued where a connection has broken."""

import http.client
import json
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

from clipseek.errors import NotFetched, ServiceUnavailable, UrlNotAllowed
from clipseek.sources.guard import Guard, Target

BLOCK_BYTES = 1 << 20
REDIRECTS = 5
"""Redirects that are followed, each checked as the first URL is."""

TRIES = 5
"""Connections that may break before the fetch fails; one that brought bytes does not count."""

VIDEOS = re.compile(
    r"video/.+|(?:application|binary)/octet-stream|application/(?:mp4|mxf|ogg|x-matroska)|image/gif"
)
PICTURES = re.compile(r"image/.+|(?:application|binary)/octet-stream")
"""The media types that a server may say of what is fetched; it may also say none."""
RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
REDIRECTED = (301, 302, 303, 307, 308)
_LASTING = (408, 425, 429)


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How much is fetched and how long: bytes, seconds in all, and seconds without a byte."""

    size_bytes: int
    total_s: float
    stall_s: float = 30.0


@dataclass(slots=True)
class Fetch:
    """One fetch. `go_on` is asked with the bytes so far and in all (None: not said).

    `require_space` raises if so many bytes more do not fit onto the disk. `context` is what TLS
    trusts, by default what the system does. `types` are `VIDEOS` or `PICTURES`.
    """

    guard: Guard
    limits: FetchLimits
    go_on: Callable[[int, int | None], bool] = lambda _so_far, _size: True
    require_space: Callable[[int], None] = lambda _size_bytes: None
    context: ssl.SSLContext | None = None
    types: re.Pattern[str] = VIDEOS
    pause: Callable[[float], object] = time.sleep
    _deadline: float = field(default=0.0, init=False)

    def into(self, path: Path, url: str) -> str:
        """Fetch a URL into a file, continuing what is there of it; return the name in the URL.

        Raises:
            UrlNotAllowed: the URL, or one that it redirects to, may not be read.
            NotFetched: the server does not give it, it is too large or not a video, time is up, or
                `go_on` says no.
            DiskFull: as `require_space` raises.
        """
        self._deadline = time.monotonic() + self.limits.total_s
        failures = 0
        while True:
            before = _size(path)
            try:
                return self._once(path, url)
            except (OSError, http.client.HTTPException, EOFError) as error:
                failures = 1 if _size(path) > before else failures + 1
                self._require_time(error)
                if failures >= TRIES:
                    raise NotFetched(_said(error), again=True) from error
                self.pause(min(2.0**failures, 10.0))

    def _once(self, path: Path, url: str) -> str:
        """Follow redirects, and fetch what one connection gives."""
        target = self.guard.check(url)
        for _ in range(REDIRECTS + 1):
            with self._answer(target, _Kept.of(path, url)) as (answer, kept):
                if answer.status not in REDIRECTED:
                    self._take(answer, path, kept)
                    return target.name
                target = redirected(self.guard, target, answer.headers.get("Location", ""))
        raise NotFetched(f"the server redirects more than {REDIRECTS} times; check the URL")

    @contextmanager
    def _answer(
        self, target: Target, kept: "_Kept"
    ) -> Iterator[tuple[http.client.HTTPResponse, "_Kept"]]:
        """Ask for what is missing; the connection ends with the block, or when time is up."""
        connection = Pinned(target, self.guard.addresses(target), self.limits.stall_s, self.context)
        left_s = max(0.0, self._deadline - time.monotonic())
        watch = threading.Timer(left_s, connection.cut)
        watch.start()
        try:
            headers = {"Accept-Encoding": "identity", "User-Agent": "clipseek"}
            if kept.size and kept.validator:
                headers |= {"Range": f"bytes={kept.size}-", "If-Range": kept.validator}
            connection.request("GET", target.path, headers=headers)
            with connection.getresponse() as answer:
                yield answer, kept
        finally:
            watch.cancel()
            connection.close()

    def _take(self, answer: http.client.HTTPResponse, path: Path, kept: "_Kept") -> None:
        """Write the body of an answer, after what is there or in its place."""
        size, begin = self._announced(answer, kept)
        self.require_space(0 if size is None else size - begin)
        with _written(path):
            if begin == 0:
                path.write_bytes(b"")
                kept.note(answer)
            file = path.open("ab", buffering=0)
        with file:
            reached = begin
            while block := answer.read1(BLOCK_BYTES):
                reached += len(block)
                self._require_size(reached)
                self.require_space(len(block))
                left = memoryview(block)
                with _written(path):
                    while left:
                        left = left[file.write(left) :]
                if not self.go_on(reached, size):
                    raise NotFetched("it was cancelled")
                self._require_time()
            # Without a length, a connection that was cut when time was up looks like the end.
            self._require_time()
            with _written(path):
                os.fsync(file.fileno())
        if size is not None and reached != size:
            raise EOFError(f"{reached} of {size} bytes came")
        kept.forget()

    def _announced(self, answer: http.client.HTTPResponse, kept: "_Kept") -> tuple[int | None, int]:
        """Return how large the whole is, if the server says so, and where its answer begins."""
        if answer.status == 206:
            found = RANGE.fullmatch(answer.headers.get("Content-Range", ""))
            if found is None or int(found[1]) != kept.size:
                kept.forget()
                raise EOFError("the server sent another range than was asked for")
            size: int | None = int(found[2])
            begin = kept.size
        elif answer.status == 200:
            length = answer.headers.get("Content-Length", "")
            size, begin = int(length) if length.isdigit() else None, 0
        elif answer.status == 416 and kept.size:
            kept.forget()
            raise EOFError("the file has changed on the server")
        else:
            again = answer.status >= 500 or answer.status in _LASTING
            raise NotFetched(f"the server answered {answer.status}; check the URL", again=again)
        self._require_type(answer)
        if size is not None:
            self._require_size(size)
        return size, begin

    def _require_type(self, answer: http.client.HTTPResponse) -> None:
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind and not self.types.fullmatch(kind):
            wanted = "video" if self.types is VIDEOS else "picture"
            raise NotFetched(f"it is not a {wanted}: the server says that it is {kind[:60]}")
        coded = answer.headers.get("Content-Encoding", "identity").strip().lower()
        if coded != "identity":
            raise NotFetched(
                f"the server sends it encoded as {coded[:20]}, which was not asked for"
            )

    def _require_size(self, size_bytes: int) -> None:
        limit = self.limits.size_bytes
        if size_bytes > limit:
            raise NotFetched(f"it must have at most {limit} bytes, and has at least {size_bytes}")

    def _require_time(self, error: BaseException | None = None) -> None:
        if time.monotonic() > self._deadline:
            raise NotFetched(f"it was not fetched within {self.limits.total_s:g} s") from error


def redirected(guard: Guard, target: Target, location: str) -> Target:
    """Return where a server redirects to; raise UrlNotAllowed unless that may be read, too."""
    found = guard.check(urljoin(target.url, location))
    if target.scheme == "https" and found.scheme == "http":
        raise UrlNotAllowed(found.host, "the server redirects from https:// to http://")
    return found


class Pinned(http.client.HTTPConnection):
    """A connection to the addresses that were checked; TLS checks the name of the host."""

    def __init__(
        self,
        target: Target,
        addresses: list[str],
        stall_s: float,
        context: ssl.SSLContext | None,
    ) -> None:
        super().__init__(target.host, target.port, timeout=stall_s)
        self._target = target
        self._addresses = addresses
        self._context = context
        self._connected: socket.socket | None = None
        self.default_port = 443 if target.scheme == "https" else 80  # not named in Host

    def connect(self) -> None:
        """Connect to the first address that answers."""
        for address in self._addresses:
            try:
                self._connected = socket.create_connection((address, self.port), self.timeout)
                break
            except OSError:
                if address == self._addresses[-1]:
                    raise
        assert self._connected is not None
        if self._target.scheme == "https":
            context = self._context or ssl.create_default_context()
            self._connected = context.wrap_socket(self._connected, server_hostname=self.host)
        self.sock = self._connected

    def cut(self) -> None:
        """End whatever waits for the server."""
        if self._connected is not None:
            with suppress(OSError):
                self._connected.shutdown(socket.SHUT_RDWR)


@dataclass(slots=True)
class _Kept:
    """What is there of a file already, and what the server called that state of it.

    It is in a file beside, so that a fetch continues after a kill too.
    """

    path: Path
    url: str
    size: int
    validator: str

    @classmethod
    def of(cls, path: Path, url: str) -> "_Kept":
        kept = cls(path, url, _size(path), "")
        with suppress(OSError, ValueError, KeyError, TypeError):
            noted = json.loads(kept.beside.read_text("utf-8"))
            kept.validator = noted["validator"] if noted["url"] == url else ""
        return kept

    @property
    def beside(self) -> Path:
        return self.path.with_suffix(".tmp")

    def note(self, answer: http.client.HTTPResponse) -> None:
        """Keep a strong tag, or the date (RFC 9110, 13.1.5)."""
        tag = answer.headers.get("ETag", "")
        validator = tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")
        self.beside.write_text(json.dumps({"url": self.url, "validator": validator}), "utf-8")

    def forget(self) -> None:
        self.beside.unlink(missing_ok=True)


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """Distinguish a disk that fails from a server that does."""
    try:
        yield
    except OSError as error:
        raise ServiceUnavailable(f"{path} cannot be written: {error.strerror}") from error


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _said(error: BaseException) -> str:
    """Say what broke; no address, because it would tell a stranger what is inside."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of the server is not valid: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return "the host has no address; check the URL"
    if isinstance(error, TimeoutError):
        return "the server does not answer"
    return "the connection to the server broke"
