"""What every answer has in common: an id, security headers, a count, a size limit, no crash."""

import logging
import re
import secrets
import time
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems
from clipseek.metrics import Metrics

MAX_BODY_BYTES = 1 << 20

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_SANE_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")

log = logging.getLogger("clipseek.api")


class Stamp:
    """Gives each request an id, the client's own if it is sane, and each answer the headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stamp one request and its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _SANE_ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, stamped)


class Measure:
    """Counts each answer by its route template and times it to its last byte."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            seconds = time.perf_counter() - started
            route = _template(scope)
            self.metrics.count_request(scope["method"], route, status=status, seconds=seconds)


class Crashes:
    """Answers a fault of the program with a problem, and logs it with the request's id."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in the place of a handler that failed."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except Exception:  # the border of the application: nothing may pass it unanswered
            request = Request(scope)
            log.exception("request %s failed", problems.request_id(request))
            if started:
                # Only closing the connection tells the client that the rest is missing.
                raise
            detail = "the server failed; its log has the traceback under this request id"
            await problems.respond(request, problems.INTERNAL, detail)(scope, receive, send)


class BodyLimit:
    """Refuses bodies over `MAX_BODY_BYTES`, whether or not their length is announced."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the bytes of one request while they come in."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > MAX_BODY_BYTES:
            response = problems.respond(Request(scope), problems.BODY_TOO_LARGE, _too_large())
            await response(scope, receive, send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MAX_BODY_BYTES:
                # FastAPI lets an HTTPException through; another error would become a 400.
                raise HTTPException(problems.BODY_TOO_LARGE.status, _too_large())
            return message

        await self.app(scope, counted, send)


def _too_large() -> str:
    return f"the body must have at most {MAX_BODY_BYTES} bytes (1 MiB); send fewer searches"


def _template(scope: MutableMapping[str, Any]) -> str:
    """Return the template of the route that was taken; a raw path would make labels endless."""
    return str(getattr(scope.get("route"), "path", "unmatched"))
