"""The border of the application: what every request and every answer passes through once.

One middleware instead of one for each duty: each would cost every request a call and a wrapped
`send`.
"""

import logging
import math
import random
import re
import time
from collections.abc import MutableMapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import hosts, packing, problem_kinds, problems
from api.access import Access, is_uncounted
from api.auditing import Auditing
from api.error_handlers import refusal_of
from api.principal import Principal
from api.problems import Refused
from api.rates import Rates
from clipseek.errors import ServiceUnavailable
from clipseek.metrics import Metrics

MAX_BODY_BYTES = 1 << 20

MEDIA = "media-src 'self' blob:"
"""Where the page plays videos from: this server, and what it joins itself (Media Source)."""

SECURITY_HEADERS = {
    "Content-Security-Policy": f"default-src 'self'; {MEDIA}; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_SECURITY = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
_SECURITY_NAMES = frozenset(name for name, _ in _SECURITY)
_SANE_ID = re.compile(rb"[A-Za-z0-9_.-]{1,64}")

_PART = re.compile(r"/v1/uploads/[^/]+\Z")

log = logging.getLogger("clipseek.api")
access = logging.getLogger("clipseek.access")


class Border:
    """Gives each request an id and a principal, and each answer its headers; counts and logs both.

    A fault of the program is answered with a problem, and logged under the id of the request.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        access: Access,
        rates: Rates,
        auditing: Auditing,
        *,
        allowed_hosts: tuple[str, ...] = (),
        root_path: str = "",
    ) -> None:
        self.app = app
        self.metrics = metrics
        self.access = access
        self.rates = rates
        self.auditing = auditing
        self.allowed_hosts = allowed_hosts
        self.root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if self.root_path:
            scope["root_path"] = self.root_path
        passage = _Passage(scope, receive, send)
        self.metrics.begin_request()
        try:
            await self._answer(passage)
        finally:
            self.metrics.end_request()
            self._note(passage)

    async def _answer(self, passage: "_Passage") -> None:
        scope = passage.scope
        try:
            refusal = self._refusal(passage) or await self._too_often(scope)
            if refusal is not None:
                await refusal(scope, passage.receive, passage.send)
                return
            await self.app(scope, passage.receive, passage.send)
        except Exception:  # the border of the application: nothing may pass it unanswered
            log.exception("request %s failed", passage.id)
            if passage.status:
                # Only closing the connection tells the client that the rest is missing.
                raise
            response = problems.respond(Request(scope), problem_kinds.INTERNAL, problems.FAULT)
            await response(scope, passage.receive, passage.send)

    async def _too_often(self, scope: Scope) -> Response | None:
        """Return the answer to somebody who has asked too often, or None; count the request."""
        principal: Principal = scope["state"]["principal"]
        if principal.rate is None or is_uncounted(scope):
            return None
        try:
            await self.rates.spend(principal)
        except Refused as error:
            return refusal_of(Request(scope), error)
        return None

    def _refusal(self, passage: "_Passage") -> Response | None:
        """Return the answer to a request that must not reach the application, or None."""
        scope = passage.scope
        if len(passage.hosts) != 1 or (host := hosts.named(passage.hosts[0])) is None:
            detail = f"a request must have one header Host with a host's name, got {passage.said}"
            return problems.respond(Request(scope), problem_kinds.BAD_REQUEST, detail)
        if not hosts.is_allowed(host, self.allowed_hosts):
            detail = (
                f"this server is not known as {host}; ask by its address or localhost, or have "
                "the operator add the name to CLIPSEEK_ALLOWED_HOSTS"
            )
            return problems.respond(Request(scope), problem_kinds.HOST_NOT_ALLOWED, detail)
        root = scope.get("root_path", "")
        if root and scope["path"] == root:
            # Links of the page are relative to the folder that it is in.
            return RedirectResponse(f"{root}/", 308)
        if passage.announced > passage.limit:
            return problems.respond(Request(scope), problem_kinds.BODY_TOO_LARGE, _too_large())
        try:
            scope["state"]["principal"] = self.access.admit(scope, passage.authorization)
        except (Refused, ServiceUnavailable) as error:
            return refusal_of(Request(scope), error)
        return None

    def _note(self, passage: "_Passage") -> None:
        """Count and log one request, by the template of its route and to its last byte."""
        method, route = passage.scope["method"], _template(passage.scope)
        status, seconds = passage.status or 500, time.perf_counter() - passage.started
        self.metrics.count_request(method, route, status=status, seconds=seconds)
        self.auditing.request(passage.scope, route, status)
        if access.isEnabledFor(logging.INFO):
            noted = {
                "request_id": passage.id,
                "method": method,
                "route": route,
                "status": status,
                "ms": round(1000 * seconds, 3),
            }
            access.info("%s %s %s", method, route, status, extra=noted)


class _Passage:
    """One request on its way in, and its answer on its way out."""

    __slots__ = (
        "_held",
        "_receive",
        "_send",
        "_taken",
        "_takes_gzip",
        "announced",
        "authorization",
        "hosts",
        "id",
        "limit",
        "scope",
        "started",
        "status",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.started = time.perf_counter()
        self.scope = scope
        self.status = 0
        self._receive, self._send = receive, send
        self._taken = 0
        given, length, accepted = b"", b"", b""
        self._held: packing.Held | None = None
        self.authorization: bytes | None = None
        self.hosts: list[str] = []
        for name, value in scope["headers"]:
            if name == b"x-request-id":
                given = value
            elif name == b"content-length":
                length = value
            elif name == b"host":
                self.hosts.append(value.decode("latin-1"))
            elif name == b"authorization":
                self.authorization = value
            elif name == b"accept-encoding":
                accepted = b"%b,%b" % (accepted, value) if accepted else value
        self._takes_gzip = packing.takes_gzip(accepted)
        self.announced = int(length) if length.isdigit() else 0
        self.limit = math.inf if is_part(scope["method"], scope["path"]) else MAX_BODY_BYTES
        self.id = given.decode() if _SANE_ID.fullmatch(given) else f"{random.getrandbits(64):016x}"
        scope.setdefault("state", {})["request_id"] = self.id

    @property
    def said(self) -> str:
        """What the headers Host say, in few characters."""
        return ", ".join(repr(host[:80]) for host in self.hosts[:3]) or "none"

    async def receive(self) -> Message:
        """Count the bytes of the body while they come in, announced or not."""
        message = await self._receive()
        self._taken += len(message.get("body", b""))
        if self._taken > self.limit:
            # FastAPI lets an HTTPException through; another error would become a 400.
            raise HTTPException(problem_kinds.BODY_TOO_LARGE.status, _too_large())
        return message

    async def send(self, message: Message) -> None:
        """Add the headers that the answer lacks, and compress it if that is worth it."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", ()))
            present = dict(headers)
            if _SECURITY_NAMES.isdisjoint(present):
                headers += _SECURITY
            else:
                headers += [header for header in _SECURITY if header[0] not in present]
            headers.append((b"x-request-id", self.id.encode()))
            message = {**message, "headers": headers}
            if packing.is_worth(self.status, present):
                headers.append(packing.VARY)
                if self._takes_gzip:
                    self._held = packing.Held(message)
                    return
        elif self._held is not None:
            if not self._held.take(message):
                return
            start, body = await self._held.packed()
            await self._send(start)
            message = {"type": "http.response.body", "body": body}
        if self.scope["method"] == "HEAD" and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)


def is_part(method: str, path: str) -> bool:
    """Whether the body of a request is a part of an upload: its length was agreed before.

    The endpoint stores it as it comes, so its size and its time have no limit here.
    """
    return method == "PATCH" and _PART.search(path) is not None


def _too_large() -> str:
    return f"the body must have at most {MAX_BODY_BYTES} bytes (1 MiB); send fewer searches"


def _template(scope: MutableMapping[str, Any]) -> str:
    """Return the template of the route that was taken; a raw path would make labels endless."""
    return str(getattr(scope.get("route"), "path", "unmatched"))
