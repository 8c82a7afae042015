"""Keys of cached entries: pure functions of all that an entry depends on.

A key holds everything that decides the value, so an entry never becomes wrong and nothing is ever
invalidated. Keys are BLAKE2b-256 (RFC 7693) of JSON, in which no two inputs look alike.
"""

import json
import unicodedata
from bisect import bisect_right
from dataclasses import fields
from hashlib import blake2b

from clipseek.types import SearchRequest

_ASKED = tuple(field.name for field in fields(SearchRequest))
# Made once: `json.dumps` makes an encoder for each call.
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def normalised(text: str) -> str:
    """Return a query without the differences that no one means.

    White space at the ends goes, runs of it become one space, and letters are composed (NFC,
    Unicode Standard Annex 15). Case stays: some tokenizers tell it apart.
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


def cut_at(text: str, length: int) -> int:
    """Return how many characters of a query make the first `length` of what it is normalised to."""
    longer = bisect_right(range(len(text) + 1), length, key=lambda end: len(normalised(text[:end])))
    return len(text[: longer - 1].rstrip())


def vector_key(fingerprint: str, text: str) -> str:
    """Return the key of a sentence's vector by the model of this fingerprint."""
    return _key("vector", [fingerprint, normalised(text)])


def result_key(collection: str, version: int, fingerprint: str, request: SearchRequest) -> str:
    """Return the key of the answer to a request by a collection at a version.

    Queries that are equal when normalised share a key: an answer that repeats the query must be
    given the one that was asked.
    """
    asked = {name: getattr(request, name) for name in _ASKED}
    asked["query"] = normalised(request.query)
    return _key("result", [collection, version, fingerprint, asked])


def _key(kind: str, parts: list[object]) -> str:
    # Not ASCII: as escapes, a surrogate pair and the character that it stands for look alike.
    digest = blake2b(_encode(parts).encode("utf-8", "surrogatepass"), digest_size=32)
    return f"{kind}:{digest.hexdigest()}"
