"""Asks the service over HTTP and notes when: one connection, kept open, for one thread."""

import http.client
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

TIMEOUT_S = 30.0
"""More than nginx gives a search with all its tries."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. status: 0 where no answer came. sent, received: `time.monotonic` seconds."""

    status: int
    body: Any
    headers: dict[str, str]
    sent: float
    received: float

    @property
    def failed(self) -> bool:
        """Whether the service said, or showed, that it cannot answer now."""
        return self.status in (0, 502, 503, 504)


class Client:
    """A connection to one port of this machine or of a container, made again when it was lost."""

    def __init__(self, port: int, *, host: str = "127.0.0.1", timeout_s: float = TIMEOUT_S) -> None:
        self.port = port
        self._connection = http.client.HTTPConnection(host, port, timeout=timeout_s)

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Send a request, a body as JSON, and return the answer, parsed where it is JSON."""
        text = None if body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json"} if text else {}
        sent = time.monotonic()
        try:
            self._connection.request(method, path, text, {**given, **(headers or {})})
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return Answer(0, None, {}, sent, time.monotonic())
        received = time.monotonic()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, _parsed(content, named), named, sent, received)

    def search(
        self,
        query: str,
        *,
        videos: Sequence[str] | None = None,
        tag: str | None = None,
        limit: int = 100,
    ) -> Answer:
        """Search, in some videos or in those of one tag where given."""
        body: dict[str, object] = {"query": query, "limit": limit}
        if videos is not None:
            body["filter"] = {"video_ids": list(videos)}
        elif tag is not None:
            body["filter"] = {"tags": [tag]}
        return self.ask("POST", "/v1/search", body)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _parsed(content: bytes, headers: dict[str, str]) -> Any:
    if "json" not in headers.get("content-type", ""):
        return content
    try:
        return json.loads(content)
    except ValueError:
        return content
