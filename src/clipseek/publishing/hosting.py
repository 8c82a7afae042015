"""Hosting: answers what peers ask of the shards that this process serves."""

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipseek.errors import ClipseekError
from clipseek.index import wire
from clipseek.index.wire import Question
from clipseek.publishing.serving import Held, Serving
from clipseek.publishing.store import ShardStore

_MOST_FOUND = 2**24
"""Neighbours or rows in one answer."""

_NOT_SEALED = "the question is not sealed with the CLIPSEEK_SHARD_SECRET of this replica"


class Refused(Exception):
    """A question is not answered; `status` is that of HTTP."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        super().__init__(reason)


class Hosting:
    """Answers questions of peers that know the secret. Thread-safe.

    keys: Returns the keys of the collections that there are; no other is looked for in the store.
    """

    def __init__(
        self,
        store: ShardStore,
        serving: Serving,
        secret: str,
        keys: Callable[[], set[str]],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._serving = serving
        self._secret = secret.encode()
        self._keys = keys
        self._clock = clock
        self._opening = threading.Lock()

    def require_pass(self, sent: str, length: str, given: str) -> None:
        """Raise Refused unless who wants to send so many bytes knows the secret."""
        parts = [sent.encode("latin-1", "replace"), length.encode("latin-1", "replace")]
        if not wire.is_sealed(self._secret, parts, given):
            raise Refused(401, _NOT_SEALED)
        if not length.isdigit() or int(length) > wire.MOST_BYTES:
            raise Refused(413, f"a question has at most {wire.MOST_BYTES} bytes, got {length}")

    def require_seal(self, sent: str, given: str, body: bytes) -> None:
        """Raise Refused unless who has sent a body knows the secret, and has sent it just now."""
        if not wire.is_sealed(self._secret, [sent.encode("latin-1", "replace"), body], given):
            raise Refused(401, _NOT_SEALED)
        apart_s = abs(self._clock() - float(sent))
        if not apart_s <= wire.SKEW_S:
            raise Refused(
                401, f"the question was sealed {apart_s:.0f} s from now; compare the two clocks"
            )

    def answer(self, given: str, body: bytes) -> tuple[bytes, str]:
        """Answer a question with a seal that is right; return the answer and its own seal.

        Raises:
            Refused: the question cannot be read, or the shard is not here.
        """
        try:
            question = wire.Question.read(body)
        except wire.Unreadable as error:
            raise Refused(400, str(error)) from error
        try:
            held = self._held(question)
            arrays = _answered(held, question)
        except ValueError as error:
            raise Refused(400, str(error)) from error
        except ClipseekError as error:
            raise Refused(503, str(error)) from error
        content = wire.written({}, arrays)
        return content, wire.seal(self._secret, [given.encode("latin-1"), content])

    def _held(self, question: Question) -> Held:
        only = self._serving.only
        if only is not None and question.shard not in only:
            served = ", ".join(map(str, sorted(only)))
            raise Refused(404, f"shard {question.shard} is asked for, and {served} is served here")
        held = self._serving.held(question.key, question.digest)
        if held is None:
            with self._opening:
                held = self._opened(question)
        if held.number != question.shard or len(held.index) != question.count:
            raise Refused(400, f"shard {question.shard} has {len(held.index)} segments here")
        return held

    def _opened(self, question: Question) -> Held:
        """Open what is published, as no search here may have needed it yet."""
        held = None
        if question.key in self._keys():
            held = self._store.shard(question.key, question.digest)
        if held is None:
            raise Refused(409, f"another version of shard {question.shard} is here")
        return held


def _answered(held: Held, question: Question) -> dict[str, NDArray[Any]]:
    """Return places in the shard and scores, or vectors; raise ValueError."""
    index, rows = held.index, question.rows
    if rows is not None and len(rows) and not 0 <= rows.min() <= rows.max() < len(index):
        raise ValueError(f"rows must be below {len(index)}")
    if question.asked == "holds":
        return {}
    ids = None if rows is None else index.ids[rows]
    if question.asked == "vectors":
        if ids is None or len(ids) > _MOST_FOUND:
            raise ValueError(f"at most {_MOST_FOUND} vectors are sent at once")
        return {"vectors": index.vectors_of(ids).astype("<f4", copy=False)}
    queries = question.queries
    if queries is None or len(queries) * question.k > _MOST_FOUND:
        raise ValueError(f"at most {_MOST_FOUND} neighbours are sent at once")
    search = index.search if question.asked == "search" else index.truth
    near = search(queries, question.k, allow=ids)
    places = np.searchsorted(index.ids, near.ids).astype("<u4")
    return {"places": places, "scores": near.scores.astype("<f4", copy=False)}
