"""Peers: the replicas that search the shards that this process does not."""

import http.client
import ssl
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from clipseek.breaker import Breaker
from clipseek.index import wire
from clipseek.index.sharded import ShardsMissing
from clipseek.index.wire import Asked, Question
from clipseek.nearest import checked, rows_of
from clipseek.types import Neighbours

_THREADS = 32
"""Questions to peers that wait at the same time."""
# uvicorn closes a connection that was idle for 5 s.
_IDLE_S = 3.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 0.5
# What another attempt may change: the peer does not have this version yet, or is busy or starts.
_AGAIN = (409, 429, 502, 503, 504)


class Failed(Exception):
    """A peer gave no answer; `status` is that of HTTP, or 0."""

    def __init__(self, reason: str, status: int = 0) -> None:
        self.status = status
        super().__init__(reason)


@dataclass(slots=True)
class Asking:
    """How many questions about a shard were answered, and how many were not."""

    answered: int = 0
    failed: int = 0


class Peer:
    """The replicas of one group, at one URL. Thread-safe.

    A question is asked again until `deadline_s`, and not at all while the last ones were not
    answered (see `Breaker`).
    """

    def __init__(self, url: str, secret: str, deadline_s: float) -> None:
        self.url = url
        self._secret = secret.encode()
        self._deadline_s = deadline_s
        self._breaker = Breaker()
        self._idle: list[tuple[float, http.client.HTTPConnection]] = []
        self._lock = threading.Lock()

    def ask(self, question: Question, *, once: bool = False) -> dict[str, NDArray[Any]]:
        """Return the arrays of the answer; raise Failed. With `once`, it is asked one time."""
        attempt = self._breaker.begin()
        if attempt is None:
            raise Failed(f"{self.url} has not answered the last times")
        body, until, pause_s = question.written(), time.monotonic() + self._deadline_s, 0.0
        while True:
            try:
                arrays = self._asked(body, max(0.01, until - time.monotonic()))
            except Failed as error:
                pause_s = min(max(_FIRST_PAUSE_S, 2 * pause_s), _LONGEST_PAUSE_S)
                is_last = once or time.monotonic() + pause_s >= until
                if error.status and error.status not in _AGAIN:
                    is_last = True
                if is_last:
                    if not once or not error.status:
                        self._breaker.failed(attempt)
                    raise
                time.sleep(pause_s)
                continue
            self._breaker.succeeded(attempt)
            return arrays

    def _asked(self, body: bytes, timeout_s: float) -> dict[str, NDArray[Any]]:
        """Ask one time, over a connection that is kept open."""
        now = f"{time.time():.3f}"
        sealed = wire.seal(self._secret, [now.encode(), body])
        headers = {
            "content-type": "application/octet-stream",
            wire.TIME: now,
            wire.PASS: wire.seal(self._secret, [now.encode(), str(len(body)).encode()]),
            wire.SEAL: sealed,
        }
        until = time.monotonic() + timeout_s
        connection = self._connection(timeout_s)
        try:
            connection.request("POST", urlsplit(self.url).path + wire.PATH, body, headers)
            response = connection.getresponse()
            content = _read(response, until)
            response.close()  # which `read1` does not, and a connection waits for
            status, given = response.status, response.getheader(wire.SEAL, "")
        except BaseException as error:
            connection.close()
            if isinstance(error, (OSError, http.client.HTTPException)):
                raise Failed(f"{self.url}: {str(error) or type(error).__name__}") from error
            raise
        self._give_back(connection)
        if status != 200:
            said = content[:500].decode("utf-8", "replace") or "no reason"
            raise Failed(f"{self.url} answered {status}: {said}", status)
        if not wire.is_sealed(self._secret, [sealed.encode(), content], given):
            raise Failed(f"{self.url} answered without knowing CLIPSEEK_SHARD_SECRET", 401)
        try:
            return wire.read(content)[1]
        except wire.Unreadable as error:
            raise Failed(f"{self.url} answered what cannot be read: {error}", 400) from error

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        """Return one that was used a moment ago, or a new one."""
        since = time.monotonic() - _IDLE_S
        with self._lock:
            late = [each for at, each in self._idle if at < since]
            self._idle = [(at, each) for at, each in self._idle if at >= since]
            kept = self._idle.pop()[1] if self._idle else None
        for each in late:
            each.close()
        connection = kept or _new(self.url)
        connection.timeout = timeout_s
        if connection.sock is not None:
            connection.sock.settimeout(timeout_s)
        return connection

    def _give_back(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._idle.append((time.monotonic(), connection))

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()


class Peers:
    """The peers of all shards that are searched elsewhere, and how often they were asked."""

    def __init__(self, addresses: Mapping[int, str], *, secret: str, deadline_s: float) -> None:
        """Take a URL for each shard; nothing is sent."""
        peers = {url: Peer(url, secret, deadline_s) for url in dict.fromkeys(addresses.values())}
        self._peers = {number: peers[url] for number, url in addresses.items()}
        self.threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="peer")
        self.asked = {number: Asking() for number in addresses}
        self._lock = threading.Lock()

    def of(self, shard: int) -> "Counted | None":
        """Return who searches a shard, or None."""
        peer = self._peers.get(shard)
        return None if peer is None else Counted(peer, self.asked[shard], self._lock)

    def close(self) -> None:
        """End the threads and close the connections."""
        self.threads.shutdown()
        for peer in set(self._peers.values()):
            peer.close()


@dataclass(frozen=True, slots=True)
class Counted:
    """The peer of one shard, whose answers are counted."""

    peer: Peer
    asking: Asking
    lock: threading.Lock

    def ask(self, question: Question, *, once: bool = False) -> dict[str, NDArray[Any]]:
        """Ask, and count whether there was an answer; raise Failed."""
        try:
            arrays = self.peer.ask(question, once=once)
        except Failed:
            with self.lock:
                self.asking.failed += 1
            raise
        with self.lock:
            self.asking.answered += 1
        return arrays


class PeerIndex:
    """One shard of one published index, which a peer searches."""

    def __init__(
        self,
        peer: Counted,
        number: int,
        *,
        key: str,
        digest: str,
        ids: NDArray[np.int64],
        dim: int,
        recall: float,
    ) -> None:
        """Take the ids of the shard, int64 (N,) ascending, and the check sum of its file."""
        self.ids = ids
        self.dim = dim
        self.recall = recall
        self._peer = peer
        self._number = number
        self._key = key
        self._digest = digest

    def __len__(self) -> int:
        return len(self.ids)

    def search(
        self, queries: NDArray[np.float32], k: int, *, allow: NDArray[np.int64] | None = None
    ) -> Neighbours:
        """Find the k nearest rows of each query; see `protocols.VectorIndex`.

        Raises:
            ShardsMissing: the peer did not answer.
        """
        return self._nearest("search", queries, k, allow)

    def truth(
        self, queries: NDArray[np.float32], k: int, *, allow: NDArray[np.int64] | None = None
    ) -> Neighbours:
        """Find what recall is judged by, as the peer does; raise ShardsMissing."""
        return self._nearest("exact", queries, k, allow)

    def vectors_of(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of int64 (K,) ids, which are all there; raise ShardsMissing."""
        rows, places = np.unique(np.searchsorted(self.ids, ids), return_inverse=True)
        if not len(rows):
            return np.empty((0, self.dim), np.float32)
        question = self._question("vectors", rows=rows.astype(np.int64))
        vectors = self._ask(question).get("vectors")
        if vectors is None or vectors.shape != (len(rows), self.dim):
            raise self._missing(f"{self._peer.peer.url} returned other vectors than were asked for")
        return np.asarray(vectors[places], np.float32)

    def holds(self, digest: str) -> bool:
        """Whether the peer has a file of this shard, or does not say, because it may be gone."""
        question = Question("holds", self._key, self._number, digest, len(self.ids))
        try:
            self._peer.peer.ask(question, once=True)
        except Failed as error:
            return error.status != 409
        return True

    def _nearest(
        self, asked: Asked, queries: NDArray[np.float32], k: int, allow: NDArray[np.int64] | None
    ) -> Neighbours:
        queries = checked(queries, k, self.dim)
        rows = None if allow is None else rows_of(self.ids, allow)
        k = min(k, len(self) if rows is None else len(rows))
        shape = (len(queries), k)
        if not k or not len(queries):
            return Neighbours(np.empty(shape, np.int64), np.empty(shape, np.float32))
        found = self._ask(self._question(asked, k=k, queries=queries, rows=rows))
        places, scores = found.get("places"), found.get("scores")
        is_whole = places is not None and scores is not None
        if places is None or scores is None or not is_whole or not _fits(places, scores, shape):
            raise self._missing(f"{self._peer.peer.url} returned another number of neighbours")
        if places.max() >= len(self):
            raise self._missing(f"{self._peer.peer.url} returned segments that do not exist")
        return Neighbours(self.ids[places], np.array(scores, np.float32))

    def _question(
        self,
        asked: Asked,
        *,
        k: int = 0,
        queries: NDArray[np.float32] | None = None,
        rows: NDArray[np.int64] | None = None,
    ) -> Question:
        count = len(self.ids)
        return Question(asked, self._key, self._number, self._digest, count, k, queries, rows)

    def _ask(self, question: Question) -> dict[str, NDArray[Any]]:
        try:
            return self._peer.ask(question)
        except Failed as error:
            raise self._missing(str(error)) from error

    def _missing(self, reason: str) -> ShardsMissing:
        return ShardsMissing({self._number}, reason)


def _new(url: str) -> http.client.HTTPConnection:
    """Return a connection to the server of a URL, which is opened when it is used."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, port, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port)


def _fits(places: NDArray[Any], scores: NDArray[Any], shape: tuple[int, int]) -> bool:
    return places.shape == shape == scores.shape and places.dtype.kind in "ui"


def _read(response: http.client.HTTPResponse, until: float) -> bytes:
    """Read a body; a peer that sends it drop by drop has no more time than any other."""
    pieces, size = [], 0
    while piece := response.read1(1 << 20):
        size += len(piece)
        if size > wire.MOST_BYTES:
            raise http.client.HTTPException(f"more than {wire.MOST_BYTES} bytes")
        if time.monotonic() > until:
            raise TimeoutError("the answer took too long")
        pieces.append(piece)
    return b"".join(pieces)
