"""How a value is stored in a place where others can write: sealed with a secret, key and expiry.

Byte 0 is the format, 2. Bytes 1 to 8 are the end of the entry in milliseconds since 1970, bytes 9
to 24 keyed BLAKE2b-128 (RFC 7693) of the name's length (8 bytes), the name, the end and the value;
numbers are little-endian. The value follows. Without the secret nobody can make an entry, change
one, store one under another name, or restore one after its end.
"""

from hashlib import blake2b
from hmac import compare_digest

_FORMAT = b"\x02"
_END_BYTES = 8
_MAC_BYTES = 16
_END = slice(1, 1 + _END_BYTES)
_MAC = slice(_END.stop, _END.stop + _MAC_BYTES)

_SKEW_MS = 60_000
"""Clocks of replicas may differ by a minute: an entry is taken so long after its end."""


def seal(secret: bytes, name: bytes, value: bytes, *, end_ms: int) -> bytes:
    """Return the value as it is stored under a name; `secret` has up to 64 bytes."""
    end = end_ms.to_bytes(_END_BYTES, "little")
    return _FORMAT + end + _mac(secret, name, end, value) + value


def unseal(secret: bytes, name: bytes, stored: bytes, *, now_ms: int) -> bytes | None:
    """Return the value, or None if it was not stored under this name, or has expired."""
    end, value = stored[_END], stored[_MAC.stop :]
    if not stored.startswith(_FORMAT) or len(end) != _END_BYTES:
        return None
    if not compare_digest(stored[_MAC], _mac(secret, name, end, value)):
        return None
    return value if now_ms <= int.from_bytes(end, "little") + _SKEW_MS else None


def _mac(secret: bytes, name: bytes, end: bytes, value: bytes) -> bytes:
    content = blake2b(
        len(name).to_bytes(8, "little") + name + end, digest_size=_MAC_BYTES, key=secret
    )
    content.update(value)
    return content.digest()
