"""Documents of an issuer: read by one request, bounded in bytes and seconds, never redirected."""

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import closing, suppress
from time import monotonic
from typing import Any
from urllib.parse import urlencode, urlsplit

from clipseek.config.values import is_private_url
from clipseek.errors import ServiceUnavailable

TIMEOUT_S = 5.0
"""Seconds for one document, from the connection to the last byte."""
MAX_BYTES = 1 << 18
"""Bytes of one document. Those of large issuers have a few thousand."""


def read_json(
    url: str,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    timeout_s: float = TIMEOUT_S,
) -> tuple[int, dict[str, Any]]:
    """Return the status and the JSON object at a URL; with a form, send it by POST.

    Raises:
        ServiceUnavailable: it is not https, nobody answers in time, or the answer is a redirect,
            too large, or not a JSON object.
    """
    if not is_private_url(url):
        raise ServiceUnavailable(
            f"the issuer names {url[:200]!r}, which is not an https:// URL (http:// is allowed for "
            "a loopback address); correct the issuer"
        )
    try:
        status, body = _answer(url, form, headers or {}, timeout_s)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ServiceUnavailable(f"{url} cannot be read: {error!r}") from error
    if 300 <= status < 400:
        raise ServiceUnavailable(f"{url} redirects, which is not followed; correct the issuer")
    if len(body) > MAX_BYTES:
        raise ServiceUnavailable(f"{url} has more than {MAX_BYTES} bytes; correct the issuer")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ServiceUnavailable(f"{url} answers {status} with text that is not JSON") from error
    if not isinstance(found, dict):
        raise ServiceUnavailable(f"{url} answers {status} with JSON that is not an object")
    return status, found


def _answer(
    url: str, form: Mapping[str, str] | None, headers: Mapping[str, str], timeout_s: float
) -> tuple[int, bytes]:
    """Ask once; return the status and at most one byte more than a document may have."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    sent = {"Accept": "application/json", "User-Agent": "clipseek", "Connection": "close"}
    deadline = monotonic() + timeout_s
    connection = _connection(parts.scheme, parts.hostname, parts.port, timeout_s)
    with closing(connection):
        connection.connect()
        # A server that sends a byte now and then would never exceed the limit of the socket.
        watch = threading.Timer(max(0.0, deadline - monotonic()), _cut, (connection.sock,))
        watch.start()
        try:
            if form is None:
                connection.request("GET", path, headers={**sent, **headers})
            else:
                sent["Content-Type"] = "application/x-www-form-urlencoded"
                connection.request("POST", path, urlencode(form), headers={**sent, **headers})
            with connection.getresponse() as answer:
                body = answer.read(MAX_BYTES + 1)
        finally:
            watch.cancel()
    if monotonic() > deadline:  # what was cut looks like the end
        raise TimeoutError(f"no whole answer within {timeout_s:g} s")
    return answer.status, body


def _connection(
    scheme: str, host: str, port: int | None, timeout_s: float
) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=timeout_s)
    context = ssl.create_default_context()
    return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)


def _cut(connected: socket.socket) -> None:
    """End whatever waits for the server."""
    with suppress(OSError):
        socket.socket.shutdown(connected, socket.SHUT_RDWR)
