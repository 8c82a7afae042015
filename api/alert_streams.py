"""Streams of alerts: server-sent events, all of them fed by one query a second."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api import problem_kinds
from api.alert_schemas import AlertAnswer
from api.problems import Refused
from clipseek.errors import ClipseekError
from clipseek.watches import Alert, WatchReader

POLL_S = 0.5
HEARTBEAT_S = 5.0
"""Seconds without news after which a comment is sent: nginx ends a connection after 10."""
LONGEST_S = 900.0
"""A stream ends after so many seconds, so that a key that was revoked follows no longer."""
MAX_STREAMS = 256
MAX_STREAMS_OF_ONE = 16
"""The most streams that are open at the same time, of everybody and of one principal."""
PAGE = 1000
"""Alerts that are read at once at most."""
MOST_WAITING = 1000
"""Alerts that wait for one client; with more the stream ends, and the client goes on behind it."""
RETRY_MS = 2000

log = logging.getLogger("clipseek.api")


@dataclass(slots=True, eq=False)
class Listener:
    """One open stream. number: That of the last alert that it has or was not allowed."""

    principal: str
    collections: frozenset[str] | None
    watch: str | None
    number: int
    root: str
    waiting: deque[Alert] = field(default_factory=deque)
    is_cut: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, alerts: list[Alert]) -> None:
        """Note those of some alerts that are new to it and that it may have."""
        for alert in alerts:
            if alert.number <= self.number:
                continue
            if len(self.waiting) >= MOST_WAITING:
                self.is_cut = True
                break
            self.number = alert.number
            is_theirs = self.collections is None or alert.collection in self.collections
            if is_theirs and self.watch in (None, alert.watch):
                self.waiting.append(alert)
        if self.waiting or self.is_cut:
            self.news.set()


class AlertStreams:
    """The open streams of alerts. Used by the event loop alone."""

    def __init__(self, watches: WatchReader, is_ending: Callable[[], bool]) -> None:
        """Take what reads alerts, and what says whether the server is about to end."""
        self._watches = watches
        self._is_ending = is_ending
        self._listeners: set[Listener] = set()
        self._polling: asyncio.Task[None] | None = None

    def open(
        self,
        principal: str,
        collections: frozenset[str] | None,
        watch: str | None,
        number: int,
        root: str,
    ) -> "AlertStream":
        """Return the stream of the alerts behind a number, of some collections or None for all.

        Raises:
            Refused: as many streams are open as may be.
        """
        theirs = Counter(each.principal for each in self._listeners)[principal]
        if len(self._listeners) >= MAX_STREAMS or theirs >= MAX_STREAMS_OF_ONE:
            raise Refused(
                problem_kinds.TOO_MANY_STREAMS,
                f"at most {MAX_STREAMS_OF_ONE} streams of alerts of one key and {MAX_STREAMS} of "
                "all are open at the same time; close one, or ask for the alerts now and then",
                {"Retry-After": "5"},
            )
        listener = Listener(principal, collections, watch, number, root)
        self._listeners.add(listener)
        if self._polling is None or self._polling.done():
            self._polling = asyncio.get_running_loop().create_task(self._poll())
        return AlertStream(self, listener)

    def close(self, listener: Listener) -> None:
        """Forget a stream that has ended."""
        self._listeners.discard(listener)

    async def _poll(self) -> None:
        """Look for alerts until nobody listens; the one that is furthest behind decides from where.

        Only those count that can take more: a client that reads nothing would else hold back all.
        """
        try:
            while self._listeners and not self._is_ending():
                # Others are opened while the query runs.
                listeners = [each for each in self._listeners if not each.is_cut]
                if listeners:
                    found = await self._news(min(each.number for each in listeners))
                    for each in listeners:
                        each.take(found)
                await asyncio.sleep(POLL_S)
        finally:
            # The server ends, or something unexpected has happened: clients connect again.
            for listener in self._listeners:
                listener.is_cut = True
                listener.news.set()

    async def _news(self, number: int) -> list[Alert]:
        try:
            return await run_in_threadpool(partial(self._watches.news, number, limit=PAGE))
        except ClipseekError as error:
            log.warning("alerts cannot be followed now: %s", error)
            return []


async def events(listener: Listener) -> AsyncIterator[str]:
    """Yield the events of one stream in the format of the HTML standard, section 9.2."""
    # With the id, a client that loses the connection before the first alert misses none. Alerts of
    # all collections are numbered together, so those who may see some are not told how many.
    begins = f"id: {listener.number}\n" if listener.collections is None else ""
    yield f"retry: {RETRY_MS}\n{begins}\n"
    end = monotonic() + LONGEST_S
    while monotonic() < end:
        while listener.waiting:
            yield event_of(listener.waiting.popleft(), listener.root)
        if listener.is_cut:
            return
        try:
            await asyncio.wait_for(listener.news.wait(), HEARTBEAT_S)
        except TimeoutError:
            yield ": no news\n\n"
        listener.news.clear()


def event_of(alert: Alert, root: str) -> str:
    """Return one event; its id is the number behind which a stream goes on."""
    data = AlertAnswer.of(alert, root).model_dump_json()
    return f"id: {alert.number}\nevent: alert\ndata: {data}\n\n"


class AlertStream(StreamingResponse):
    """Sends alerts until the client has left, or for a quarter of an hour."""

    def __init__(self, streams: AlertStreams, listener: Listener) -> None:
        # nginx sends each event at once if it is told so (X-Accel-Buffering).
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(events(listener), headers=headers, media_type="text/event-stream")
        self._streams = streams
        self._listener = listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events, and forget the stream however that ends."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams.close(self._listener)
