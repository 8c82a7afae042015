"""Answers that are ready to be sent: JSON in bytes, whole but for what differs between requests."""

import json
from dataclasses import dataclass
from hashlib import blake2b
from typing import Self

from api.schemas import SearchAnswer
from clipseek.types import SearchResult

_TAG_BYTES = 12


@dataclass(frozen=True, slots=True)
class Ready:
    """The answer to one search, as it is for everyone who asks the same of the same version.

    common: a JSON object without its first field, `query`, and its last, `took_ms`. Queries that
    differ only in white space share it.
    """

    query: str
    common: bytes

    @classmethod
    def of(cls, result: SearchResult) -> Self:
        """Write a result of the core."""
        answer = SearchAnswer.of(result, took_ms=0.0)
        common = answer.model_dump_json(exclude={"query", "took_ms"})
        return cls(result.query, common.encode())

    @property
    def etag(self) -> str:
        """The strong entity tag; answers with the same differ in nothing but `took_ms`."""
        digest = blake2b(self.common, digest_size=_TAG_BYTES, key=_digest(self.query))
        return f'"{digest.hexdigest()}"'

    def json(self, took_ms: float) -> bytes:
        """Return the whole JSON object."""
        query = json.dumps(self.query, ensure_ascii=False).encode()
        return b'{"query":%b,%b,"took_ms":%.3f}' % (query, self.common[1:-1], took_ms)


def _digest(query: str) -> bytes:
    return blake2b(query.encode(), digest_size=_TAG_BYTES).digest()
