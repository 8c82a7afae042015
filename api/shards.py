"""The internal endpoint by which replicas ask each other for shards, and what is counted of it.

It comes before the border: a question has a seal in the place of a key, is larger than the body of
a search may be, and is not in the OpenAPI document, because it may change with any release.
"""

from collections import Counter
from collections.abc import Iterator

import anyio
from anyio.to_thread import run_sync
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from clipseek.index import wire
from clipseek.index.peers import Peers
from clipseek.publishing.hosting import Hosting, Refused

AT_ONCE = 16
"""Questions that are answered at the same time; others wait."""


class Shards:
    """Answers questions of peers, and passes all else on."""

    def __init__(
        self, app: ASGIApp, hosting: Hosting, counted: "ShardMetrics", root_path: str = ""
    ) -> None:
        self.app = app
        self._hosting = hosting
        self._counted = counted
        self._path = root_path + wire.PATH
        self._limit: anyio.CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on one request."""
        if scope["type"] != "http" or scope["path"] != self._path or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        try:
            response = await self._answer(Headers(scope=scope), receive)
        except Refused as refusal:
            response = PlainTextResponse(str(refusal), refusal.status)
        self._counted.questions[str(response.status_code)] += 1
        await response(scope, receive, send)

    async def _answer(self, headers: Headers, receive: Receive) -> Response:
        sent, given = headers.get(wire.TIME, ""), headers.get(wire.SEAL, "")
        length = headers.get("content-length", "")
        self._hosting.require_pass(sent, length, headers.get(wire.PASS, ""))
        body = await _body(receive, int(length))
        self._limit = self._limit or anyio.CapacityLimiter(AT_ONCE)

        def answered() -> tuple[bytes, str]:
            self._hosting.require_seal(sent, given, body)
            return self._hosting.answer(given, body)

        content, seal = await run_sync(answered, limiter=self._limit)
        return Response(content, 200, {wire.SEAL: seal}, "application/octet-stream")


async def _body(receive: Receive, length: int) -> bytes:
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "the connection ended within the question")
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        more = message.get("more_body", False)
        if size > length:
            raise Refused(400, f"the question has more than {length} bytes")
    return b"".join(pieces)


class ShardMetrics(Collector):
    """Counts questions about shards, in both directions, and answers without all shards."""

    def __init__(self, peers: Peers | None) -> None:
        self._peers = peers
        self.questions: Counter[str] = Counter()
        self.incomplete = 0

    def collect(self) -> Iterator[Metric]:
        """Yield the counters."""
        asked = CounterMetricFamily(
            "clipseek_shard_requests",
            "Requests to the peers of a shard, attempts of one counted once, by outcome.",
            labels=["shard", "outcome"],
        )
        for shard, asking in ({} if self._peers is None else self._peers.asked).items():
            asked.add_metric([str(shard), "answered"], asking.answered)
            asked.add_metric([str(shard), "failed"], asking.failed)
        yield asked
        questions = CounterMetricFamily(
            "clipseek_shard_questions",
            "Requests of peers for a shard of this replica, by status.",
            labels=["status"],
        )
        for status, count in self.questions.items():
            questions.add_metric([status], count)
        yield questions
        incomplete = CounterMetricFamily(
            "clipseek_incomplete_answers",
            "Answers from some of the shards: who searches the others did not answer.",
        )
        incomplete.add_metric([], self.incomplete)
        yield incomplete
