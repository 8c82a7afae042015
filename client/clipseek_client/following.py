"""Following alerts: the stream of them, and where it goes on after the connection was lost."""

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

import httpx2

from clipseek_client.retrying import Outcome
from clipseek_client.steps import Flow, Request, Server
from clipseek_client.watches import Alert

GOOD_S = 5.0
"""A stream that was open for so long was a good one: the next attempt is the first again."""


class Following:
    """A stream of alerts that is opened again and again, each time behind the last alert."""

    def __init__(
        self, server: Server, only: Mapping[str, Any], now: Callable[[], float] = monotonic
    ) -> None:
        """Take which alerts are wanted: of a `collection`, of a `watch`."""
        given = {name: value for name, value in only.items() if value is not None}
        self.request = Request("GET", "/v1/alerts/stream", params=given)
        self._server = server
        self._now = now
        self._last = ""
        self._attempt = 0
        self._opened = now()

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the next request, which begins behind the last alert."""
        return {"Last-Event-ID": self._last} if self._last else {}

    def open(self) -> None:
        """Note that the stream is open."""
        self._opened = self._now()

    def told(self, event: httpx2.ServerSentEvent) -> Alert | None:
        """Return the alert that an event tells of."""
        self._last = event.id or self._last
        return self._server.parsed(Alert, event.data) if event.event == "alert" else None

    def again(self, outcome: Outcome | None) -> Flow[None]:
        """Wait until the stream may be opened again; None if the server has ended it.

        Raises:
            ClientError: It is not opened again.
        """
        if self._now() - self._opened >= GOOD_S:
            self._attempt = 0
        ended = httpx2.ReadError("the server has ended the stream")
        yield from self._server.pause(self.request, outcome or ended, self._attempt)
        self._attempt += 1
