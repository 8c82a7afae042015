"""Answers that are sent compressed: which ones, to whom, and what changes in their headers."""

import zlib
from collections.abc import Mapping
from functools import lru_cache

from starlette.concurrency import run_in_threadpool
from starlette.types import Message

LEAST_BYTES = 1024
"""Shorter answers fit a packet or two as they are; the template of nginx has the same bound."""

MOST_BYTES = 16 << 20
"""Longer answers are sent as they come, because a compressed one is in memory as a whole."""

OFF_LOOP_BYTES = 1 << 15
"""Longer answers are compressed in a thread, because others would wait for over 0.7 ms."""

LEVEL = 4
"""24 hits, 11.3 kB, become 2.7 kB in 0.3 ms, and the scripts of the page 95 kB of 325 kB in 8 ms.
Level 6 needs twice as long for 5 % less, and level 1 leaves 16 % more."""

_GZIP = 16 + zlib.MAX_WBITS

TYPES = frozenset(
    (
        b"application/json",
        b"application/problem+json",
        b"application/javascript",
        b"image/svg+xml",
        b"text/css",
        b"text/html",
        b"text/javascript",
    )
)
"""Videos, pictures and streams of events are not among them."""

VARY = (b"vary", b"Accept-Encoding")

_KEPT_WHOLE = frozenset((204, 206, 304))


def is_worth(status: int, headers: Mapping[bytes, bytes]) -> bool:
    """Say whether an answer shrinks enough; names of headers are in lower case."""
    length = headers.get(b"content-length", b"")
    if not length.isdigit() or not LEAST_BYTES < int(length) <= MOST_BYTES:
        return False
    if status in _KEPT_WHOLE or b"content-encoding" in headers:
        return False
    return _is_text(headers.get(b"content-type", b""))


@lru_cache(maxsize=64)
def takes_gzip(accepted: bytes) -> bool:
    """Say whether a header Accept-Encoding allows gzip (RFC 9110, section 12.5.3)."""
    weights: dict[str, float] = {}
    for each in accepted.decode("latin-1").lower().split(","):
        name, _, parameter = each.partition(";")
        weights[name.strip()] = _weight(parameter)
    named = max((weights[name] for name in ("gzip", "x-gzip") if name in weights), default=None)
    return (weights.get("*", 0.0) if named is None else named) > 0


class Held:
    """One answer that waits for its last byte, because its compressed length is sent first."""

    __slots__ = ("_parts", "_start")

    def __init__(self, start: Message) -> None:
        self._start = start
        self._parts: list[bytes] = []

    def take(self, part: Message) -> bool:
        """Keep a part of the body; say whether it was the last one."""
        self._parts.append(part.get("body", b""))
        return not part.get("more_body", False)

    async def packed(self) -> tuple[Message, bytes]:
        """Return how the answer starts, and its compressed body.

        Without a body, as after HEAD, the compressed length is unknown, and is not sent.
        """
        whole = b"".join(self._parts)
        if len(whole) > OFF_LOOP_BYTES:
            body = await run_in_threadpool(compressed, whole)
        else:
            body = compressed(whole) if whole else b""
        length = [(b"content-length", b"%d" % len(body))] if whole else []
        headers = [
            *(_weak(header) for header in self._start["headers"] if header[0] != b"content-length"),
            *length,
            (b"content-encoding", b"gzip"),
        ]
        return {**self._start, "headers": headers}, body


def compressed(body: bytes) -> bytes:
    """Return bytes as gzip."""
    return zlib.compress(body, LEVEL, _GZIP)


@lru_cache(maxsize=64)
def _is_text(content_type: bytes) -> bool:
    return content_type.partition(b";")[0].strip().lower() in TYPES


def _weak(header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """Make an entity tag weak: a strong one stands for the same bytes (RFC 9110, 8.8.1)."""
    name, value = header
    if name == b"etag" and not value.startswith(b"W/"):
        return name, b"W/" + value
    return header


def _weight(parameter: str) -> float:
    """Return the weight that `q=` gives, 1 without one, and 0 if it is not a number."""
    name, _, value = parameter.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
