"""Cursor: where the next page of an answer begins, as opaque text that is bound to its search."""

import base64
import binascii
import math
import struct
from dataclasses import dataclass
from typing import Self

from clipseek.errors import InvalidQuery

DEEPEST = 1000
"""The last hit of an answer that pages lead to."""
_DIGEST_BYTES = 8
# Number of the format, version of the collection, what was asked, what answered, hits asked for so
# far, score and segment of the last hit.
_LAYOUT = struct.Struct(f">Bq{_DIGEST_BYTES}s{_DIGEST_BYTES}sHfq")
_FORMAT = 1
CURSOR_CHARACTERS = 4 * math.ceil(_LAYOUT.size / 3)
"""How long a cursor is as text."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the ranked moments of one search at one version.

    asked: Digest of what is asked for. state: Digest of the collection that answered, with its
    version. reach: How many hits the pages so far could have, 1 to `DEEPEST` - 1. score,
    segment_id: Those of the last hit; infinity and 0 if there was no hit.
    """

    version: int
    asked: bytes
    state: bytes
    reach: int
    score: float = math.inf
    segment_id: int = 0

    @property
    def is_first(self) -> bool:
        """Whether no page so far had a hit."""
        return self.score == math.inf

    def text(self) -> str:
        """Return it as text for a URL or JSON."""
        packed = _LAYOUT.pack(
            _FORMAT,
            self.version,
            self.asked,
            self.state,
            self.reach,
            self.score,
            self.segment_id,
        )
        return base64.urlsafe_b64encode(packed).decode()

    @classmethod
    def of(cls, text: str) -> Self:
        """Read a cursor; raise InvalidQuery."""
        try:
            packed = base64.b64decode(text, altchars=b"-_", validate=True)
            number, version, asked, state, reach, score, segment_id = _LAYOUT.unpack(packed)
        except (binascii.Error, struct.error, ValueError) as error:
            raise InvalidQuery(_unread(text)) from error
        if number != _FORMAT or not 1 <= reach < DEEPEST or math.isnan(score) or segment_id < 0:
            raise InvalidQuery(_unread(text))
        return cls(version, asked, state, reach, score, segment_id)


def digest_of(key: str) -> bytes:
    """Return the first bytes of a hexadecimal digest, as much of it as a cursor has."""
    return bytes.fromhex(key.rpartition(":")[2])[:_DIGEST_BYTES]


def _unread(text: str) -> str:
    shown = repr(text) if len(text) <= 80 else f"{len(text)} characters"
    return f"cursor must be the next_cursor of an answer, got {shown}; search again without it"
