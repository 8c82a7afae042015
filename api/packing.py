"""Answers that are sent compressed: which ones, to whom, and what changes in their headers."""

import struct
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

STEADY = "clipseek.steady"
"""Key of a message: how many of the first bytes of its body are the same in equal answers.

They are compressed once and remembered: for a cached search of 10 hits that takes 3 us, not 66.
"""

REMEMBERED = 256
"""Beginnings of answers that are remembered, plain and compressed; one of 24 hits needs 15 kB."""

_GZIP = 16 + zlib.MAX_WBITS
_HEADER = b"\x1f\x8b\x08" + 6 * b"\0" + b"\xff"
"""Of gzip, without a file's name and time, from an unknown system (RFC 1952, section 2.3)."""

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
_OF_BYTES = frozenset((b"content-length", b"accept-ranges"))
"""Headers that are not true of the compressed bytes: ranges are those of the plain ones."""


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

    __slots__ = ("_parts", "_start", "_steady")

    def __init__(self, start: Message) -> None:
        self._start = start
        self._parts: list[bytes] = []
        self._steady = 0

    def take(self, part: Message) -> bool:
        """Keep a part of the body; say whether it was the last one."""
        if not self._parts:
            self._steady = part.get(STEADY, 0)
        self._parts.append(part.get("body", b""))
        return not part.get("more_body", False)

    async def packed(self) -> tuple[Message, bytes]:
        """Return how the answer starts, and its compressed body.

        Without a body, as after HEAD, the compressed length is unknown, and is not sent.
        """
        whole = b"".join(self._parts)
        if len(whole) > OFF_LOOP_BYTES:
            body = await run_in_threadpool(compressed, whole, self._steady)
        else:
            body = compressed(whole, self._steady) if whole else b""
        length = [(b"content-length", b"%d" % len(body))] if whole else []
        headers = [
            *(_weak(header) for header in self._start["headers"] if header[0] not in _OF_BYTES),
            *length,
            (b"content-encoding", b"gzip"),
        ]
        return {**self._start, "headers": headers}, body


def compressed(body: bytes, steady: int = 0) -> bytes:
    """Return bytes as gzip; the compressed form of the first `steady` ones is remembered.

    What follows those, at most 65535 bytes, is stored as it is: preparing zlib takes 45 us.
    """
    if not steady:
        return zlib.compress(body, LEVEL, _GZIP)
    start, crc = begun(body[:steady])
    rest = body[steady:]
    block = struct.pack("<BHH", 1, len(rest), len(rest) ^ 0xFFFF)  # RFC 1951, section 3.2.4
    end = struct.pack("<LL", zlib.crc32(rest, crc), len(body) & 0xFFFFFFFF)
    return b"".join((_HEADER, start, block, rest, end))


@lru_cache(maxsize=REMEMBERED)
def begun(body: bytes) -> tuple[bytes, int]:
    """Return compressed bytes, which a last block must follow, and their checksum.

    The flush ends them at a whole byte.
    """
    packer = zlib.compressobj(LEVEL, wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush(zlib.Z_SYNC_FLUSH), zlib.crc32(body)


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
