"""Webcams: who may send, and how pieces come from a browser to a recorder."""

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from api import feed_sockets
from api.app import create_app
from clipseek.cameras import WEBCAM, Camera
from clipseek.feeds import PATH, digest_of
from clipseek.ledgers import open_cameras, open_feeds
from clipseek.protocols import CameraStore
from clipseek.testing import MemoryCatalog, MemoryFeeds
from tests.api.library import Library
from tests.api.server import serving
from tests.chaos.program import wait_until
from tests.contracts.catalogs import sqlite_url


class Site:
    """A server with the webcams `desk` and `hall`, and a camera that has a URL."""

    def __init__(self, address: str, library: Library, cameras: CameraStore) -> None:
        self.address = address
        self.library = library
        self.cameras = cameras

    def ask(self, name: str) -> tuple[int, dict[str, object]]:
        """Ask for a ticket; return the status and the answer."""
        status, body = self.request("POST", f"/v1/cameras/{name}/feed")
        return status, json.loads(body)

    def request(self, method: str, path: str) -> tuple[int, bytes]:
        """Ask the server."""
        netloc = urlsplit(self.address).netloc
        with closing(http.client.HTTPConnection(netloc, timeout=20)) as asked:
            asked.request(method, path)
            answer = asked.getresponse()
            return answer.status, answer.read()

    @contextmanager
    def sending(self, *protocols: str, path: str = "/v1/feeds") -> Iterator[ClientConnection]:
        """Open a WebSocket as a browser does."""
        url = self.address.replace("http:", "ws:") + path
        with connect(
            url, subprotocols=[Subprotocol(each) for each in protocols], proxy=None
        ) as socket:
            yield socket

    def ticket(self) -> list[str]:
        """Return the subprotocols for a feed of `desk`."""
        status, answer = self.ask("desk")
        assert status == 200, answer
        protocols = answer["protocols"]
        assert isinstance(protocols, list)
        return protocols

    def url(self) -> str | None:
        """Return where a recorder reads `desk`."""
        with closing(open_feeds(self.library.service().settings)) as feeds:
            return feeds.url("desk")

    @contextmanager
    def reading(self) -> Iterator[http.client.HTTPResponse]:
        """Read `desk` as a recorder does."""
        wait_until(lambda: self.url() is not None, "the feed is known")
        parts = urlsplit(self.url() or "")
        with closing(http.client.HTTPConnection(parts.netloc, timeout=20)) as asked:
            asked.request("GET", parts.path)
            yield asked.getresponse()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Serve the cameras."""
    made = Library(tmp_path, MemoryCatalog())
    sqlite_url(tmp_path)
    service = made.service()
    with closing(open_cameras(service.settings)) as cameras:
        for name in ("desk", "hall"):
            cameras.add(Camera(name, "default", WEBCAM, b""))
        cameras.add(Camera("yard", "default", "rtsp://192.168.7.20/live", b"sealed"))
        with serving(create_app(service)) as address:
            yield Site(address, made, cameras)


def test_pieces_come_to_the_reader_as_they_were_sent(site: Site) -> None:
    """From the number on that the server has named; what is of an earlier stream is dropped."""
    with site.sending(*site.ticket()) as browser:
        assert browser.subprotocol == feed_sockets.PROTOCOL
        browser.send(b"nobody reads this")
        with site.reading() as first:
            assert browser.recv(timeout=20) == "begin 1"
            browser.send("begin 1")
            browser.send(b"head")
            assert first.read(4) == b"head"
            with site.reading() as second:
                assert browser.recv(timeout=20) == "begin 2"
                assert first.read() == b""
                browser.send(b"of the stream before")
                browser.send("begin 2")
                for piece in (b"one ", b"", b"two"):
                    browser.send(piece)
                assert second.read(7) == b"one two"
                browser.close()
                assert second.read() == b""
    wait_until(lambda: site.url() is None, "the feed is over")


def test_a_browser_hears_that_nobody_reads_any_more(site: Site) -> None:
    """So that it does not encode for nobody."""
    with site.sending(*site.ticket()) as browser:
        with site.reading():
            assert browser.recv(timeout=20) == "begin 1"
        assert browser.recv(timeout=20) == "stop"


def test_a_reader_that_takes_nothing_stops_the_browser(site: Site) -> None:
    """The server keeps a few pieces, and takes nothing more."""
    piece = bytes(feed_sockets.MOST_BYTES // 4)
    with site.sending(*site.ticket()) as browser, site.reading() as reader:
        assert browser.recv(timeout=20) == "begin 1"
        browser.send("begin 1")
        browser.socket.settimeout(1.5)
        sent = 0
        with suppress(TimeoutError, ConnectionClosed):
            while sent < 64 << 20:
                browser.send(piece)
                sent += len(piece)
        assert sent < 32 << 20
        assert reader.read(16) == bytes(16)


def test_a_message_that_is_too_large_ends_the_feed(site: Site) -> None:
    """Nothing of it is kept."""
    with site.sending(*site.ticket()) as browser:
        browser.send(bytes(feed_sockets.MOST_BYTES + 1))
        with pytest.raises(ConnectionClosed):
            browser.recv(timeout=20)
    wait_until(lambda: site.url() is None, "the feed is over")


@pytest.mark.parametrize(
    "protocols",
    [("clipseek-feed", "guessed"), ("clipseek-feed",), ("other", "TICKET")],
    ids=["unknown ticket", "no ticket", "another protocol"],
)
def test_without_a_ticket_nothing_is_taken(site: Site, protocols: tuple[str, ...]) -> None:
    """The WebSocket is refused with 403, and a ticket is used once."""
    given = site.ticket()
    asked = [given[1] if each == "TICKET" else each for each in protocols]
    with pytest.raises(InvalidStatus, match="403"), site.sending(*asked):
        pass
    with site.sending(*given):
        pass
    with pytest.raises(InvalidStatus, match="403"), site.sending(*given):
        pass


class _Slow(MemoryFeeds):
    """Feeds that are looked up when they are let go on."""

    def __init__(self) -> None:
        super().__init__(lambda _: True)
        self.go_on = threading.Event()
        self.asked = 0

    def begin(self, digest: str, url: str, lease_s: float) -> str | None:
        """Wait, and find nothing."""
        self.asked += 1
        assert self.go_on.wait(20)
        return super().begin(digest, url, lease_s)


def test_few_tickets_are_looked_up_at_once() -> None:
    """More are refused without a look; when those have their answers, there is room again."""
    store = _Slow()
    feeds = feed_sockets.Feeds(PlainTextResponse("no"), store)
    told: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        told.append(message)

    async def ask() -> None:
        scope = {
            "type": "websocket",
            "path": feed_sockets.SOCKET,
            "subprotocols": [feed_sockets.PROTOCOL, "guessed"],
            "server": ("127.0.0.1", 80),
        }
        await feeds(scope, receive, send)

    async def flood() -> None:
        asked = [asyncio.create_task(ask()) for _ in range(feed_sockets.MOST_OPENING + 3)]
        _, waiting = await asyncio.wait(asked, timeout=0.3)
        assert len(waiting) == feed_sockets.MOST_OPENING
        store.go_on.set()
        await asyncio.gather(*asked)
        await ask()

    asyncio.run(flood())
    assert store.asked == feed_sockets.MOST_OPENING + 1
    assert told == [{"type": "websocket.close"}] * (feed_sockets.MOST_OPENING + 4)


@pytest.mark.parametrize(
    "closed", [OSError("the client has gone"), RuntimeError("after sending 'websocket.close'")]
)
@pytest.mark.parametrize("ticket", ["good", "guessed"])
def test_a_browser_that_goes_before_it_is_answered_is_no_fault(
    closed: Exception, ticket: str
) -> None:
    """Nothing is raised, which would be an error in the log, and its feed is over at once."""
    store = MemoryFeeds(lambda _: True)
    store.offer("desk", digest_of("good"), 60.0)
    feeds = feed_sockets.Feeds(PlainTextResponse("no"), store)
    come: list[Message] = [{"type": "websocket.disconnect"}, {"type": "websocket.connect"}]

    async def receive() -> Message:
        return come.pop()

    async def send(_: Message) -> None:
        raise closed

    scope = {
        "type": "websocket",
        "path": feed_sockets.SOCKET,
        "subprotocols": [feed_sockets.PROTOCOL, ticket],
        "server": ("127.0.0.1", 80),
    }
    asyncio.run(feeds(scope, receive, send))
    assert (ticket == "good") == (
        digest_of("good") not in {each.digest for each in store.entries.values()}
    )


def test_a_ticket_is_not_used_up_where_there_is_no_room(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leads to its camera when there is room again, maybe at another replica."""
    given = site.ticket()
    with monkeypatch.context() as full:
        full.setattr(feed_sockets, "MOST_FEEDS", 0)
        with pytest.raises(InvalidStatus, match="403"), site.sending(*given):
            pass
    with site.sending(*given):
        pass


def test_no_other_path_has_websockets(site: Site) -> None:
    """They are answered as if nothing had been asked for."""
    with pytest.raises(InvalidStatus, match="405"), site.sending(*site.ticket(), path="/v1/search"):
        pass
    with (
        pytest.raises(InvalidStatus, match="403"),
        site.sending(*site.ticket(), path="/x/v1/feeds"),
    ):
        pass


def test_a_secret_is_needed_to_read(site: Site) -> None:
    """Not only the name of the camera, and not by a method that writes."""
    with site.sending(*site.ticket()):
        wait_until(lambda: site.url() is not None, "the feed is known")
        there = urlsplit(site.url()).path
        assert site.request("GET", PATH + "desk")[0] == 404
        assert site.request("POST", str(there))[0] == 404


def test_who_may_not_send_hears_why(site: Site) -> None:
    """A camera with a URL, one that is paused or that somebody sends, and one that is not there."""
    for name, said in (("yard", "URL of its own"), ("hall", "paused")):
        if name == "hall":
            site.cameras.change(replace(site.cameras.get(name), paused=True))
        status, problem = site.ask(name)
        assert (status, problem["type"]) == (409, "/problems/feed-refused")
        assert said in str(problem["detail"])
    with site.sending(*site.ticket()):
        status, problem = site.ask("desk")
        assert (status, problem["type"]) == (409, "/problems/feed-refused")
    assert site.ask("none")[0] == 404


def test_a_feed_ends_when_its_time_is_over(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a key that was revoked sends no longer; the code says to go on."""
    monkeypatch.setattr(feed_sockets, "LONGEST_S", 0.1)
    monkeypatch.setattr(feed_sockets, "RENEWED_S", 0.1)
    with site.sending(*site.ticket()) as browser:
        with pytest.raises(ConnectionClosed) as closed:
            browser.recv(timeout=20)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012


def test_a_feed_ends_when_its_camera_is_removed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The browser hears it."""
    monkeypatch.setattr(feed_sockets, "RENEWED_S", 0.1)
    with site.sending(*site.ticket()) as browser:
        site.cameras.remove("desk")
        with pytest.raises(ConnectionClosed):
            browser.recv(timeout=20)
