"""A video that is streamed from its source: what happens to the source."""

import asyncio
import io
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Scope

from api.streaming import stream
from clipseek.sources import Places, Source
from clipseek.types import Video

SIZE = 1 << 30
URI = "tape:///a.mp4"


@dataclass
class Tape:
    """A long source that notes what happens to its streams."""

    uri: str = URI
    size_bytes: int = SIZE
    stamp: str = "one"
    opened: int = 0
    closed_by: list[threading.Thread] = field(default_factory=list)

    def open(self) -> AbstractContextManager[io.FileIO]:
        """It is only streamed."""
        raise NotImplementedError

    def parts(self) -> AbstractContextManager[io.FileIO]:
        """It is only streamed."""
        raise NotImplementedError

    def stream(self, first: int, last: int) -> Iterator[bytes]:
        """Yield a range in blocks of a kilobyte at most."""
        self.opened += 1
        try:
            for start in range(first, last + 1, 1024):
                yield bytes(min(1024, last + 1 - start))
        finally:
            self.closed_by.append(threading.current_thread())

    def look(self, uri: str) -> Source:
        """Return it."""
        assert uri == self.uri
        return self

    def list(self, uri: str) -> Iterator[Source]:
        """Yield it."""
        yield self.look(uri)


def _request(method: str = "GET") -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "method": method,
        "path": "/",
        "headers": [],
    }


def _video() -> Video:
    return Video("a", URI, "a", 1.0, 64, 36, SIZE, stamp="one")


@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_a_source_is_closed_where_the_client_leaves(version: str) -> None:
    """At once and in a thread: closing a connection may take long, and servers limit them."""
    tape = Tape()
    scope = {**_request(), "asgi": {"version": "3.0", "spec_version": version}}
    response = stream(Request(scope), _video(), Places({"tape": tape}))

    async def answer() -> None:
        has_left = asyncio.Event()
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)
            if len(sent) == 3:
                has_left.set()
            if has_left.is_set() and version == "2.4":
                raise OSError("the client has left")

        async def receive() -> Message:
            await has_left.wait()
            return {"type": "http.disconnect"}

        await response(scope, receive, send)

    if version == "2.4":
        with pytest.raises(ClientDisconnect):
            asyncio.run(answer())
    else:
        asyncio.run(answer())
    assert len(tape.closed_by) == tape.opened == 2  # its first bytes, and the answer
    assert tape.closed_by[1] is not threading.main_thread()


def test_head_reads_the_first_bytes_alone() -> None:
    """They tell the type; nothing more of a source is asked for."""
    tape = Tape()
    response = stream(Request(_request("HEAD")), _video(), Places({"tape": tape}))
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    asyncio.run(response(_request("HEAD"), receive, send))
    assert (b"content-length", str(SIZE).encode()) in sent[0]["headers"]
    assert b"".join(message["body"] for message in sent[1:]) == b""
    assert tape.opened == 1
