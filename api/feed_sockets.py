"""What browsers send of their webcams: a WebSocket comes in, and a recorder reads what it brings.

It comes before the border: a ticket, which was given to somebody who may send, and a secret that
only the catalog has, take the place of a key. Bytes are passed on unread, a few pieces at a time:
if a recorder reads slowly, nothing more is taken from the browser.
"""

import asyncio
import importlib.util
import logging
import secrets
from contextlib import suppress
from time import monotonic
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clipseek.errors import ClipseekError
from clipseek.feeds import LEASE_S, PATH, FeedStore, digest_of

SOCKET = "/v1/feeds"
PROTOCOL = "clipseek-feed"
"""The subprotocol; the ticket follows it in the same header, so that no log has it."""
BEGIN, STOP = "begin", "stop"
"""What a browser is told: begin a new stream with a number, because a recorder reads; stop."""
MOST_BYTES = 1 << 20
"""Bytes of a piece: the browser sends one every quarter of a second."""
BYTES_S = 4 << 20
"""Bytes a second that are taken of one browser; a webcam of full HD sends an eighth of it."""
MOST_FEEDS = 64
MOST_OPENING = 4
"""Tickets that are looked up at the same time: anybody may try one, and each takes a thread."""
LONGEST_S = 900.0
"""A feed ends after so long, so that a key that was revoked sends no longer; pages ask again."""
RENEWED_S = 3.0
_CLOSED = (OSError, RuntimeError)
"""What a send raises on a closed socket: OSError if the browser has gone, else RuntimeError."""
_GOING_ON, _TRY_LATER = 1012, 1013
"""Codes of the registry of RFC 6455: the service restarts; try again later."""

log = logging.getLogger("clipseek.api")


def is_installed() -> bool:
    """Whether the package for WebSockets is there."""
    return importlib.util.find_spec("websockets") is not None


class Feeds:
    """Takes the feeds of browsers, and gives them to recorders; passes all else on."""

    def __init__(self, app: ASGIApp, store: FeedStore, root_path: str = "") -> None:
        self.app = app
        self._store = store
        self._socket = root_path + SOCKET
        self._inside = root_path + PATH
        self._feeds: dict[str, _Feed] = {}
        self._opening = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one connection."""
        if scope["type"] == "websocket":
            await self._take(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith(self._inside):
            await self._give(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _give(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give a recorder what a browser sends from now on; the newest reader has it."""
        feed = self._feeds.get(scope["path"].removeprefix(self._inside))
        if feed is None or scope["method"] != "GET":
            await PlainTextResponse("no such feed", 404)(scope, receive, send)
            return
        await feed.read(receive, send)

    async def _take(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # that it connects
        known, _, ticket = ",".join(scope["subprotocols"]).partition(",")
        if scope["path"] != self._socket or known != PROTOCOL or not ticket:
            await _refuse(send)
            return
        digest, secret = digest_of(ticket), secrets.token_urlsafe(32)
        url = f"http://{_address(scope)}{self._inside}{secret}"
        camera = await self._begin(digest, url)
        if camera is None:
            await _refuse(send)
            return
        feed = self._feeds[secret] = _Feed(send)
        try:
            with suppress(*_CLOSED):  # the browser has gone: the feed ends by itself
                await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
            log.info("a browser sends pictures of camera %s", camera)
            await self._run(feed, digest, receive)
        finally:
            del self._feeds[secret]
            feed.end()
            log.info("a browser sends no more pictures of camera %s", camera)
            with suppress(ClipseekError):
                await run_in_threadpool(self._store.end, digest)

    async def _begin(self, digest: str, url: str) -> str | None:
        """Use a ticket and return its camera; None if it is not valid, or too much is going on."""
        busy = self._opening >= MOST_OPENING
        if busy or len(self._feeds) + self._opening >= MOST_FEEDS:
            return None
        self._opening += 1
        try:
            return await run_in_threadpool(self._store.begin, digest, url, LEASE_S)
        except ClipseekError as error:
            log.warning("a feed was not taken: %s", error)
            return None
        finally:
            self._opening -= 1

    async def _run(self, feed: "_Feed", digest: str, receive: Receive) -> None:
        """Take pieces until the browser, the lease or the time of the feed ends."""
        taking = asyncio.create_task(feed.take(receive))
        keeping = asyncio.create_task(self._keep(digest))
        try:
            await asyncio.wait({taking, keeping}, return_when=asyncio.FIRST_COMPLETED)
            if not taking.done():
                await feed.close(keeping.result())
        finally:
            for task in (taking, keeping):
                task.cancel()
            await asyncio.gather(taking, keeping, return_exceptions=True)

    async def _keep(self, digest: str) -> int:
        """Renew the lease until the feed has to end; return the code that says why."""
        end, due = monotonic() + LONGEST_S, monotonic() + LEASE_S
        while monotonic() < end:
            await asyncio.sleep(RENEWED_S)
            try:
                if not await run_in_threadpool(self._store.renew, digest, LEASE_S):
                    return _TRY_LATER
                due = monotonic() + LEASE_S
            except ClipseekError as error:
                log.warning("the lease of a feed was not renewed: %s", error)
                if monotonic() > due:
                    return _TRY_LATER
        return _GOING_ON


class _Feed:
    """One browser that sends, and the recorder that reads. Used by the event loop alone.

    Every reader gets a stream from its beginning: it has a number, which the browser repeats before
    the first piece. Pieces that belong to an earlier number are dropped.
    """

    _END: Final = b""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._number = 0
        self._sent = 0
        self._pieces: asyncio.Queue[bytes] | None = None

    async def take(self, receive: Receive) -> None:
        """Take what the browser sends until it ends; wait while the reader has enough."""
        began, total = monotonic(), 0
        while (message := await receive())["type"] == "websocket.receive":
            data = message.get("bytes")
            if data is None:
                self._sent = _number(message)
                continue
            total += len(data)
            if self._sent == self._number and self._pieces is not None and data:
                await self._pieces.put(data)  # after the end of its reader, nobody misses it
            if (early_s := total / BYTES_S - (monotonic() - began)) > 0:
                await asyncio.sleep(early_s)
            elif early_s < -1:  # what was not used before cannot be used at once
                began, total = monotonic(), 0

    async def read(self, receive: Receive, send: Send) -> None:
        """Answer a reader until it goes, another one comes, or the feed ends."""
        self.end()
        mine: asyncio.Queue[bytes] = asyncio.Queue(maxsize=2)
        self._pieces = mine
        self._number += 1
        kind = (b"content-type", b"application/octet-stream")
        await send({"type": "http.response.start", "status": 200, "headers": [kind]})
        await self._tell(f"{BEGIN} {self._number}")
        gone = asyncio.create_task(_gone(receive))
        try:
            while not gone.done():
                piece = asyncio.create_task(mine.get())
                await asyncio.wait({piece, gone}, return_when=asyncio.FIRST_COMPLETED)
                if not piece.done():
                    piece.cancel()
                    break
                await send(
                    {"type": "http.response.body", "body": piece.result(), "more_body": True}
                )
                if piece.result() == self._END:
                    break
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()
            if self._pieces is mine:
                self.end()
                await self._tell(STOP)

    def end(self) -> None:
        """Let the reader end, and the task that waits to hand it a piece go on."""
        if (pieces := self._pieces) is not None:
            self._pieces = None
            while not pieces.empty():
                pieces.get_nowait()
            pieces.put_nowait(self._END)

    async def close(self, code: int) -> None:
        """Close the connection of the browser."""
        with suppress(*_CLOSED):  # it may be closed already
            await self._send({"type": "websocket.close", "code": code})

    async def _tell(self, text: str) -> None:
        with suppress(*_CLOSED):  # the browser has gone: the feed ends by itself
            await self._send({"type": "websocket.send", "text": text})


async def _refuse(send: Send) -> None:
    with suppress(*_CLOSED):  # the browser has gone: it needs no answer
        await send({"type": "websocket.close"})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _number(message: Message) -> int:
    word, _, number = str(message.get("text", ""))[:32].partition(" ")
    return int(number) if word == BEGIN and number.isascii() and number.isdigit() else 0


def _address(scope: Scope) -> str:
    """Return where this replica was reached: a recorder reaches it there, too."""
    host, port = scope["server"]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
