"""Streams of what cameras show now: the recordings while they are written, box by box."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from functools import partial
from time import monotonic, time

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api import problem_kinds
from api.problems import Refused
from clipseek.live.blurring import Blurred
from clipseek.live.playing import Tail

Recording = Tail | Blurred
"""What is sent: a recording as it grows, as it is or blurred."""

POLL_S = 0.1
SILENT_S = 8.0
"""A stream in which nothing is written for so long ends: nginx ends a connection after 10."""
STALE_S = 10.0
"""A recording in which nothing was written for so long has ended."""
LONGEST_S = 900.0
"""A stream ends after so many seconds, so that a key that was revoked follows no longer."""
LOOKED_S = 5.0
"""So often it is looked whether a stream may go on as it is."""
MAX_BLURRED = max(1, (os.cpu_count() or 1) - 1)
"""The most streams at the same time that are blurred: each takes some half of a core."""
MAX_STREAMS = 64
MAX_STREAMS_OF_ONE = 8
"""The most streams that are open at the same time, of everybody and of one principal."""


class LiveStreams:
    """The open streams of cameras. Used by the event loop alone."""

    def __init__(self, is_ending: Callable[[], bool]) -> None:
        self._is_ending = is_ending
        self._open: Counter[str] = Counter()
        self._blurred = 0

    async def open(
        self, principal: str, tail: Recording, may_go_on: Callable[[], bool]
    ) -> StreamingResponse:
        """Send what is recorded now, from the last keyframe on, as long as that may be sent.

        Raises:
            Refused: as many streams are open as may be, nothing is recorded now, or no browser
                plays what is.
            RedactionUnavailable: it cannot be blurred.
        """
        is_blurred = isinstance(tail, Blurred)
        if is_blurred and self._blurred >= MAX_BLURRED:
            raise Refused(
                problem_kinds.TOO_MANY_STREAMS,
                f"at most {MAX_BLURRED} live streams are blurred at the same time, because that "
                "takes much of this server; close one, or show /thumbnail",
                {"Retry-After": "5"},
            )
        if self._open.total() >= MAX_STREAMS or self._open[principal] >= MAX_STREAMS_OF_ONE:
            raise Refused(
                problem_kinds.TOO_MANY_STREAMS,
                f"at most {MAX_STREAMS_OF_ONE} cameras are watched with one key and {MAX_STREAMS} "
                "by all at the same time; close one",
                {"Retry-After": "5"},
            )
        self._open[principal] += 1
        self._blurred += is_blurred
        try:
            first = await run_in_threadpool(_first, tail)
            if not first:
                raise Refused(
                    problem_kinds.NOT_RECORDED,
                    "nothing is recorded of this camera now; GET /v1/cameras says how it does, and "
                    "its newest picture is at /thumbnail",
                )
            if tail.codecs is None:
                raise Refused(
                    problem_kinds.NOT_RECORDED,
                    "the camera sends neither H.264 nor H.265, so no browser plays its stream; its "
                    "newest picture is at /thumbnail",
                )
        except BaseException:
            self.close(principal, tail)
            raise
        return _Live(
            self._pieces(tail, first, may_go_on), tail.codecs, partial(self.close, principal, tail)
        )

    def close(self, principal: str, tail: Recording) -> None:
        """Forget a stream that has ended."""
        tail.close()
        self._blurred -= isinstance(tail, Blurred)
        self._open[principal] -= 1
        self._open += Counter()  # without those that have none

    async def _pieces(
        self, tail: Recording, first: bytes, may_go_on: Callable[[], bool]
    ) -> AsyncIterator[bytes]:
        codecs, began = tail.codecs, monotonic()
        last, data, looked = began, first, began
        while tail.codecs == codecs and not self._is_ending():
            now = monotonic()
            if now - looked >= LOOKED_S:
                if not await run_in_threadpool(may_go_on):
                    return
                looked = now
            if now - began > LONGEST_S:
                return
            if data:
                last = now
                yield data
            elif now - last > SILENT_S:
                return
            else:
                await asyncio.sleep(POLL_S)
            data = await run_in_threadpool(tail.read)


def _first(tail: Recording) -> bytes:
    """Return what a stream begins with; nothing of a recording that has ended."""
    return tail.read() if tail.age_s(time()) <= STALE_S else b""


class _Live(StreamingResponse):
    """Sends a camera until it ends or the client has left."""

    def __init__(
        self, pieces: AsyncIterator[bytes], codecs: str, close: Callable[[], None]
    ) -> None:
        # nginx sends each piece at once if it is told so (X-Accel-Buffering).
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(pieces, headers=headers, media_type=f'video/mp4; codecs="{codecs}"')
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces, and forget the stream however that ends."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._close()
