"""How a shard is asked over HTTP: a short head in JSON, then arrays, and a seal over all.

A pass seals the time and the length of a question, so that nobody else sends much. The seal is a
keyed BLAKE2b (RFC 7693) with the secret that replicas share, over the time and the
body; that of an answer also covers the seal of its question. So the secret is not sent, and nobody
without it can ask, answer, or give an answer of before.
"""

import hashlib
import hmac
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

PATH = "/internal/shard"
SEAL, PASS, TIME = "x-clipseek-seal", "x-clipseek-pass", "x-clipseek-time"
SKEW_S = 300.0
"""How far the clocks of two replicas may differ."""
MOST_BYTES = 256 * 2**20
"""Bytes of a question or an answer: the marks of two thousand million segments."""

Asked = Literal["search", "exact", "vectors", "holds"]
_LENGTH = struct.Struct("<I")


class Unreadable(ValueError):
    """A message is not of this protocol."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a shard is asked.

    key, shard, digest: The collection, the number of the shard, and the check sum of its file, of
    which each version has another. queries: float32 (Q, dim). rows: int64 (R,), ascending: places
    in the shard, that are allowed or whose vectors are asked for; None for all. count: Segments of
    the shard.
    """

    asked: Asked
    key: str
    shard: int
    digest: str
    count: int
    k: int = 0
    queries: NDArray[np.float32] | None = None
    rows: NDArray[np.int64] | None = None

    def written(self) -> bytes:
        """Write it."""
        arrays: dict[str, NDArray[Any]] = {}
        if self.queries is not None:
            arrays["queries"] = self.queries.astype("<f4", copy=False)
        if self.rows is not None:
            arrays |= _packed(self.rows, self.count)
        head = {
            "asked": self.asked,
            "key": self.key,
            "shard": self.shard,
            "digest": self.digest,
            "count": self.count,
            "k": self.k,
        }
        return written(head, arrays)

    @classmethod
    def read(cls, body: bytes) -> "Question":
        """Read one; raise Unreadable."""
        head, arrays = read(body)
        try:
            asked, count, k = head["asked"], int(head["count"]), int(head["k"])
            question = cls(
                asked,
                str(head["key"]),
                int(head["shard"]),
                str(head["digest"]),
                count,
                k,
                arrays.get("queries"),
                _unpacked(arrays, count),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Unreadable(f"the head of the question cannot be read ({error})") from error
        if asked not in ("search", "exact", "vectors", "holds"):
            raise Unreadable("the question is of a kind that this release does not know")
        if asked in ("search", "exact") and (
            question.queries is None or question.queries.ndim != 2 or k < 1
        ):
            raise Unreadable("a search needs queries (Q, dim), and k of at least 1")
        if asked == "vectors" and question.rows is None:
            raise Unreadable("vectors need rows")
        return question


def written(head: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Write a head and arrays."""
    shapes = {name: [array.dtype.str, list(array.shape)] for name, array in arrays.items()}
    said = json.dumps({**head, "arrays": shapes}).encode()
    content = (np.ascontiguousarray(array).tobytes() for array in arrays.values())
    return b"".join((_LENGTH.pack(len(said)), said, *content))


def read(body: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read a head and its arrays, which are of a few kinds of numbers; raise Unreadable."""
    try:
        (length,) = _LENGTH.unpack_from(body)
        head = json.loads(body[_LENGTH.size : _LENGTH.size + length])
        start, arrays = _LENGTH.size + length, {}
        for name, (kind, shape) in head["arrays"].items():
            if kind not in ("<f4", "<i8", "<u4", "|u1") or any(side < 0 for side in shape):
                raise Unreadable(f"an array of {kind!r} {shape} is not sent")
            count = int(np.prod(shape, dtype=object))
            array = np.frombuffer(body, kind, count, start)
            arrays[name] = array.reshape(shape)
            start += array.nbytes
    except (struct.error, KeyError, TypeError, AttributeError, ValueError) as error:
        raise Unreadable(f"it is not a message of this protocol ({error})") from error
    if start != len(body):
        raise Unreadable(f"it has {len(body)} bytes, and its arrays {start}")
    return head, arrays


def seal(secret: bytes, parts: Sequence[bytes]) -> str:
    """Return the seal of some bytes."""
    key = hashlib.blake2b(secret, digest_size=32).digest()
    digest = hashlib.blake2b(key=key, digest_size=32)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


def is_sealed(secret: bytes, parts: Sequence[bytes], given: str) -> bool:
    """Whether a seal is that of some bytes, in a time that does not depend on where it differs."""
    return hmac.compare_digest(seal(secret, parts).encode(), given.encode("latin-1", "replace"))


def _packed(rows: NDArray[np.int64], count: int) -> dict[str, NDArray[Any]]:
    """Write places as numbers or, if that is shorter, as one bit for each segment."""
    if 32 * len(rows) <= count or count == 0:
        return {"rows": rows.astype("<u4")}
    marks = np.zeros(count, np.bool_)
    marks[rows] = True
    return {"bits": np.packbits(marks, bitorder="little")}


def _unpacked(arrays: Mapping[str, NDArray[Any]], count: int) -> NDArray[np.int64] | None:
    if "bits" in arrays:
        marks = np.unpackbits(arrays["bits"].ravel(), count=count, bitorder="little")
        return np.flatnonzero(marks).astype(np.int64)
    return None if "rows" not in arrays else arrays["rows"].ravel().astype(np.int64)
