"""How a value lies in a store that others can write to: sealed with what it belongs to.

Byte 0 is the format, 1. Bytes 1 to 8 are BLAKE2b-64 (RFC 7693) of the key's length (8 bytes,
little-endian), the key and the value. The value follows.
"""

from hashlib import blake2b

_FORMAT = b"\x01"
_SUM_BYTES = 8
_HEAD_BYTES = len(_FORMAT) + _SUM_BYTES


def seal(key: bytes, value: bytes) -> bytes:
    """Return the value as it is stored under the key."""
    return _FORMAT + _sum(key, value) + value


def unseal(key: bytes, stored: bytes) -> bytes | None:
    """Return the value, or None where what was found is not what was stored under this key."""
    value = stored[_HEAD_BYTES:]
    return value if stored[:_HEAD_BYTES] == _FORMAT + _sum(key, value) else None


def _sum(key: bytes, value: bytes) -> bytes:
    content = blake2b(len(key).to_bytes(8, "little") + key, digest_size=_SUM_BYTES)
    content.update(value)
    return content.digest()
