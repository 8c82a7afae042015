"""What a connection may do before the application sees a request: how much it sends, and how long.

uvicorn's own reader bounds neither: a header without an end took 120 MiB in 15 s, and a body that
was half sent stayed for ever. What is refused here is answered with a problem document too.
"""

import logging
import random
from collections.abc import Iterable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api import problem_kinds, problems
from api.feed_sockets import SOCKET
from api.middleware import SECURITY_HEADERS, is_part
from api.upload_kinds import Kind

MAX_HEAD_BYTES = 64 * 1024
"""Bytes of a request line and its headers."""

MAX_TARGET_BYTES = 8 * 1024
"""Bytes of what is asked for, path and query: as much as nginx takes by default."""

MIN_PART_BYTES = 4096
"""Bytes of a part of an upload that must come within the time that other bodies have in all."""

STALL_S = 60.0
"""Seconds after which a client that takes nothing of its answer is let go."""

_REQUEST_TARGET = 'the target of the request must be a path, as in "GET /docs HTTP/1.1"'

log = logging.getLogger("clipseek.api")


class _Refusal(Exception):
    """Raised within the parser, to end a request."""

    def __init__(self, kind: Kind, detail: str) -> None:
        self.kind = kind
        self.detail = detail
        super().__init__(detail)


class Connection(HttpToolsProtocol):
    """One connection, bounded. `sweep` ends those that are too slow."""

    _unused_bytes = 0
    """Bytes since the last that was part of a body: of a head, of a chunk's size or a trailer."""
    _in_head = False
    _in_body = False
    _is_part = False
    _fresh_bytes = 0
    """Bytes of a part of an upload since its time was extended."""
    _refused = False
    _waits_since: float | None = None
    _stalled_since: float | None = None
    _unsent_bytes = 0

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._waits_since = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """Read what came; refuse what is not a request or too large."""
        self._unset_keepalive_if_required()
        if self._refused:
            return
        if self._waits_since is None and self._is_idle():
            self._waits_since = self.loop.time()
        within = self._in_head or self._in_body
        self._unused_bytes = self._unused_bytes + len(data) if within else len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
            else:
                self._ignore_upgrade()
        except httptools.HttpParserError as error:
            cause = error.__context__
            known = isinstance(cause, _Refusal)
            self._refuse(
                cause if known else _Refusal(problem_kinds.BAD_REQUEST, _unreadable(error))
            )
            return
        if (self._in_head or self._in_body) and self._unused_bytes > MAX_HEAD_BYTES:
            self._refuse(_too_large())

    def on_message_begin(self) -> None:
        """Begin to read a request line."""
        super().on_message_begin()
        self._in_head = True
        self._waits_since = self.loop.time()

    def on_headers_complete(self) -> None:
        """Refuse a head that is too large or cannot be read, else start the application."""
        self._in_head, self._in_body = False, True
        self._unused_bytes = 0
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if len(self.url) > MAX_TARGET_BYTES:
            raise _Refusal(
                problem_kinds.TARGET_TOO_LONG,
                f"path and query have {len(self.url)} bytes; at most {MAX_TARGET_BYTES} are read",
            )
        if size > MAX_HEAD_BYTES:
            raise _too_large()
        if not self.url.startswith(b"/"):
            self._take_absolute()
        if self.parser.get_http_version() not in ("1.0", "1.1"):
            raise _Refusal(problem_kinds.BAD_REQUEST, "the version of HTTP must be 1.0 or 1.1")
        path = self.url.partition(b"?")[0].decode("latin-1")
        self._is_part = is_part(self.parser.get_method().decode("latin-1"), path)
        # The time for the body starts again.
        self._waits_since = self.loop.time()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body; a refused request has none."""
        self._unused_bytes = 0
        if self._is_part:
            self._extend(len(body))
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for nothing more of this request."""
        self._in_body = False
        self._waits_since = None
        if not self._refused:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Continue with the next request; one that waited behind this one gets its full time."""
        super().on_response_complete()
        if self._waits_since is not None:
            self._waits_since = self.loop.time()

    def pause_writing(self) -> None:
        """Note that the client takes less than there is."""
        self._stalled_since = self.loop.time()
        self._unsent_bytes = self.transport.get_write_buffer_size()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that the client has taken nearly all."""
        self._stalled_since = None
        super().resume_writing()

    def end_if_late(self, now: float, limit_s: float) -> None:
        """Close the connection if it has waited too long for the client."""
        if self.transport is None:
            return
        # Also while it is closing, because it does not close before everything was read.
        if self._is_stalled(now):
            self.transport.abort()
        elif self.transport.is_closing():
            return
        elif self._waits_since is None:
            return  # nothing is expected
        elif self.flow.read_paused:
            if self._is_part:
                self._waits_since = now  # this side does not read: the disk is slower
        elif now - self._waits_since > limit_s:
            what = "headers" if self._in_head or self._is_idle() else "body"
            detail = f"the {what} of the request did not arrive within {limit_s:g} s"
            self._refuse(_Refusal(problem_kinds.REQUEST_TIMEOUT, detail))

    def _is_stalled(self, now: float) -> bool:
        """Whether the client has taken nothing for too long; a slow one takes a little."""
        if self._stalled_since is None:
            return False
        unsent = self.transport.get_write_buffer_size()
        if unsent < self._unsent_bytes:
            self._stalled_since, self._unsent_bytes = now, unsent
        return now - self._stalled_since > STALL_S

    def _extend(self, size_bytes: int) -> None:
        """Give a part of an upload more time for each few bytes that came, until it is answered."""
        self._fresh_bytes += size_bytes
        if self._fresh_bytes >= MIN_PART_BYTES and not self._is_idle():
            self._fresh_bytes = 0
            self._waits_since = self.loop.time()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _take_absolute(self) -> None:
        """Take the host from a target in absolute form (RFC 9112, section 3.2.2)."""
        try:
            target = httptools.parse_url(self.url)
        except httptools.HttpParserInvalidURLError as error:
            raise _Refusal(problem_kinds.BAD_REQUEST, _REQUEST_TARGET) from error
        is_http = target.schema in (b"http", b"https")
        if not is_http or target.userinfo or not target.host or not target.path:
            raise _Refusal(problem_kinds.BAD_REQUEST, _REQUEST_TARGET)
        host = b"[%b]" % target.host if b":" in target.host else target.host
        port = b"" if target.port is None else b":%d" % target.port
        self.headers[:] = [header for header in self.headers if header[0] != b"host"]
        self.headers.append((b"host", host + port))

    def _should_upgrade(self) -> bool:
        """Whether another protocol begins: a WebSocket, at the one path that has them."""
        path = self.url.partition(b"?")[0]
        return path.endswith(SOCKET.encode()) and super()._should_upgrade()

    def _ignore_upgrade(self) -> None:
        """Answer as if no other protocol had been asked for, and close: the rest is not read."""
        if self.cycle is not None:
            self.cycle.keep_alive = False
            self.cycle.more_body = False
            self.cycle.message_event.set()
        self._waits_since = None

    def _refuse(self, refusal: "_Refusal | BaseException | None") -> None:
        """Answer with a problem, unless an answer has begun, and close."""
        assert isinstance(refusal, _Refusal)
        self._refused = True
        self._waits_since = None
        cycle = self.cycle
        has_begun = cycle is not None and cycle.response_started and not cycle.response_complete
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        if not has_begun:
            self.transport.write(_answer(refusal, bytes(getattr(self, "url", b""))))
        self.transport.close()


def sweep(connections: Iterable[object], now: float, limit_s: float) -> None:
    """End the connections whose request has not arrived within `limit_s` seconds."""
    for connection in list(connections):
        if isinstance(connection, Connection):
            connection.end_if_late(now, limit_s)


def _unreadable(error: httptools.HttpParserError) -> str:
    return f"the HTTP request cannot be read: {str(error)[:200]}"


def _too_large() -> _Refusal:
    return _Refusal(
        problem_kinds.HEAD_TOO_LARGE,
        f"request line and headers must have at most {MAX_HEAD_BYTES} bytes (64 KiB)",
    )


def _answer(refusal: _Refusal, target: bytes) -> bytes:
    """Write a whole response with a problem document."""
    identity = f"{random.getrandbits(64):016x}"
    path = target.partition(b"?")[0].decode("ascii", "replace") or "/"
    document = problems.problem(
        refusal.kind, refusal.detail, instance=path, request_id=identity
    ).model_dump_json(exclude_none=True)
    body = document.encode()
    log.info("request %s refused: %s", identity, refusal.detail)
    headers = {
        "content-type": problems.MEDIA_TYPE,
        "content-length": str(len(body)),
        "connection": "close",
        "x-request-id": identity,
        **{name.lower(): value for name, value in SECURITY_HEADERS.items()},
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return STATUS_LINE[refusal.kind.status] + lines.encode() + b"\r\n" + body


__all__ = ["MAX_HEAD_BYTES", "MAX_TARGET_BYTES", "MIN_PART_BYTES", "Connection", "sweep"]
