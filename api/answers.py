"""Answers that are ready to be sent: JSON in bytes, whole but for the time that they took."""

import hashlib
from dataclasses import dataclass
from typing import Self

from api.schemas import SearchAnswer
from clipseek.types import SearchResult

_TAG_BYTES = 12
_TAG = 2 * _TAG_BYTES


@dataclass(frozen=True, slots=True)
class Ready:
    """The answer to one search, as it is for everyone who asks the same of the same version.

    packed: the hexadecimal digest of the JSON, then the JSON object without its last field,
    `took_ms`.
    """

    packed: bytes

    @classmethod
    def of(cls, result: SearchResult) -> Self:
        """Write a result of the core."""
        answer = SearchAnswer.of(result, took_ms=0.0)
        body = answer.model_dump_json(exclude={"took_ms"}).encode()
        digest = hashlib.blake2b(body, digest_size=_TAG_BYTES)
        return cls(digest.hexdigest().encode() + body)

    @property
    def etag(self) -> bytes:
        """The strong entity tag of the answer; equal answers differ in nothing but `took_ms`."""
        return b'"%b"' % self.packed[:_TAG]

    def json(self, took_ms: float) -> bytes:
        """Return the whole JSON object."""
        return b'%b,"took_ms":%.3f}' % (self.packed[_TAG:-1], took_ms)

    def named_by(self, if_none_match: str) -> bool:
        """Say whether an If-None-Match header names this answer (RFC 9110, 13.1.2)."""
        etag = self.etag.decode()
        listed = (part.strip().removeprefix("W/") for part in if_none_match.split(","))
        return any(part in (etag, "*") for part in listed)
