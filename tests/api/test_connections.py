"""What a connection may send, and how long it may take: bytes on a socket to a real server."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from uvicorn.server import ServerState

from api.app import create_app
from api.connections import Connection, sweep
from clipseek.testing import MemoryCatalog
from tests.api.library import Library
from tests.api.server import serving

HOST = b"Host: localhost\r\n"
CLOSE = HOST + b"Connection: close\r\n\r\n"
GET = b"GET / HTTP/1.1\r\n"
SEARCH = b"POST /v1/search HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
CHUNKED = SEARCH + b"Transfer-Encoding: chunked\r\n\r\n"
LARGE = (431, "headers-too-large")
LONG = (414, "target-too-long")
BAD = (400, "bad-request")
PATIENCE_S = 20
SHORT_S = 0.5


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve an empty library, patiently."""
    library = Library(tmp_path_factory.mktemp("patient"), MemoryCatalog())
    with serving(create_app(library.service())) as url:
        yield url


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve an empty library to requests that come at once."""
    library = Library(tmp_path_factory.mktemp("hasty"), MemoryCatalog())
    with serving(create_app(library.service()), request_timeout_s=SHORT_S) as url:
        yield url


def connect(address: str) -> socket.socket:
    """Open a connection that fails loudly where nothing comes."""
    where = urlsplit(address)
    assert where.hostname is not None
    return socket.create_connection((where.hostname, where.port), timeout=PATIENCE_S)


def read(connection: socket.socket) -> bytes:
    """Read all that comes until the server closes."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass  # closed while something that we sent had not been read
    return b"".join(parts)


def send(address: str, *parts: bytes) -> bytes:
    """Send bytes and return all that comes until the server closes."""
    with closing(connect(address)) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server has said what it had to say
        return read(connection)


def problem(answer: bytes) -> tuple[int, dict[str, Any]]:
    """Return the status and the document of an answer that is a problem."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head.lower()
    assert b"x-content-type-options: nosniff" in head.lower()
    length = re.search(rb"content-length: (\d+)", head.lower())
    assert length is not None
    assert int(length[1]) == len(body)
    document = json.loads(body)
    status = int(head.split()[1])
    assert document["status"] == status
    assert document["request_id"] in head.decode()
    return status, document


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param([GET + b"X: " + b"a" * (1 << 20)], LARGE, id="header without an end"),
        pytest.param([GET + HOST, *[b"a" * 60_000] * 9], LARGE, id="name without an end"),
        pytest.param([GET + b"X: y\r\n" * 20_000], LARGE, id="many headers"),
        pytest.param(
            [GET + HOST + b"X: " + b"a" * 65_536 + b"\r\n\r\n"],
            LARGE,
            id="one large header",
        ),
        pytest.param([b"GET /" + b"a" * (1 << 20)], LARGE, id="line without an end"),
        pytest.param(
            [b"GET /" + b"a" * 8192 + b" HTTP/1.1\r\n" + HOST + b"\r\n"],
            LONG,
            id="long path",
        ),
        pytest.param(
            [b"GET /?" + b"a" * 40_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"], LONG, id="long query"
        ),
        pytest.param([b"get / HTTP/1.1\r\n" + HOST + b"\r\n"], BAD, id="lower case"),
        pytest.param([b"GET /\r\n\r\n"], BAD, id="HTTP/0.9"),
        pytest.param([b"GET / HTTP/3.7\r\n" + HOST + b"\r\n"], BAD, id="version"),
        pytest.param([b"GET / HTTQ/1.1\r\n" + HOST + b"\r\n"], BAD, id="protocol"),
        pytest.param([b"CONNECT localhost:22 HTTP/1.1\r\n" + HOST + b"\r\n"], BAD, id="CONNECT"),
        pytest.param([b"GET mailto:a@b HTTP/1.1\r\n" + HOST + b"\r\n"], BAD, id="target"),
        pytest.param([b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n"], BAD, id="asterisk"),
        pytest.param([b"GET / HTTP/1.1\r\n\r\n"], BAD, id="no Host"),
        pytest.param([b"GET / HTTP/1.0\r\n\r\n"], BAD, id="no Host in HTTP/1.0"),
        pytest.param([GET + HOST * 2 + b"\r\n"], BAD, id="two Hosts"),
        pytest.param(
            [b"GET http://evil.example/ HTTP/1.1\r\n" + HOST + b"\r\n"],
            (421, "host-not-allowed"),
            id="absolute form",
        ),
        pytest.param(
            [b"GET http://u@localhost/ HTTP/1.1\r\nHost: evil.example\r\n\r\n"],
            BAD,
            id="user in absolute form",
        ),
        pytest.param([b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"], BAD, id="TLS"),
        pytest.param([b"\0" * 100], BAD, id="zeros"),
        pytest.param([b"GET http://localhost HTTP/1.1\r\n" + CLOSE], BAD, id="no path"),
        pytest.param(
            [SEARCH + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n"], BAD, id="two lengths"
        ),
        pytest.param(
            [SEARCH + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
            BAD,
            id="length and chunks",
        ),
        pytest.param([SEARCH + b"Content-Length: -1\r\n\r\n"], BAD, id="negative length"),
    ],
)
def test_a_request_that_is_none_is_a_problem(
    address: str, sent: list[bytes], expected: tuple[int, str]
) -> None:
    """Answered with its document, and the connection is closed."""
    close = [part.replace(HOST + b"\r\n", CLOSE) for part in sent]
    found, document = problem(send(address, *close))
    assert (found, document["type"].removeprefix("/problems/")) == expected


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(b"GET /healthz?" + b"a" * 8000 + b" HTTP/1.1\r\n" + CLOSE, id="long target"),
        pytest.param(
            b"GET /healthz HTTP/1.1\r\nX: " + b"a" * 65_000 + b"\r\n" + CLOSE, id="large head"
        ),
    ],
)
def test_a_request_just_within_the_limits_is_answered(address: str, request_: bytes) -> None:
    """8 KiB of path and query, and 64 KiB with the headers."""
    assert send(address, request_).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "path", [b"/%zz", b"/%00", b"/%", b"/\xff", b"//evil.example", b"/..%2f..%2fetc/passwd"]
)
def test_a_path_that_says_nothing_is_not_there(address: str, path: bytes) -> None:
    """404 or 400, and never a fault of the server."""
    status, _ = problem(send(address, b"GET " + path + b" HTTP/1.1\r\n" + CLOSE))
    assert status in (400, 404)


def test_an_absolute_target_is_answered(address: str) -> None:
    """Its host counts, and not that of the header (RFC 9112, 3.2.2)."""
    answer = send(
        address,
        b"GET http://localhost/healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 200")


def test_an_upgrade_is_not_taken(address: str) -> None:
    """The request is answered as if it had not been asked for; what follows is not read."""
    asked = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n"
    answer = send(address, b"GET /healthz HTTP/1.1\r\n" + HOST + asked, b"\x81\x05hello")
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.count(b"HTTP/1.1") == 1


def test_a_body_that_is_too_large_is_refused_before_it_is_read(address: str) -> None:
    """As soon as its length is announced."""
    head = (
        b"POST /v1/search HTTP/1.1\r\n"
        + HOST
        + b"Content-Type: application/json\r\nContent-Length: 99999999\r\nConnection: close\r\n\r\n"
    )
    status, _ = problem(send(address, head))
    assert status == 413


@pytest.mark.parametrize(
    "chunk",
    [
        pytest.param(b"5;" + b"x" * 60_000, id="extension without an end"),
        pytest.param(
            b"5\r\n" + b" " * 5 + b"\r\n0\r\nX: " + b"y" * 60_000, id="trailer without an end"
        ),
        pytest.param(b"0" * 60_000, id="size without an end"),
    ],
)
def test_chunks_without_an_end_are_refused(address: str, chunk: bytes) -> None:
    """Bytes that belong to no body and no header are limited too."""
    head = (
        b"POST /v1/search HTTP/1.1\r\n"
        + HOST
        + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    more = chunk[-1:] * 60_000
    status, _ = problem(send(address, head, chunk, *[more] * 8))
    assert status in (400, 431)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"", 408, id="nothing"),
        pytest.param(b"GET / HT", 408, id="half a line"),
        pytest.param(GET + HOST, 408, id="half a head"),
        pytest.param(SEARCH + b"Content-Length: 50\r\n\r\n{", 408, id="half a body"),
        pytest.param(CHUNKED + b"5\r\n{", 408, id="half a chunk"),
    ],
)
def test_a_request_that_does_not_come_is_not_waited_for(
    hasty: str, sent: bytes, status: int
) -> None:
    """The client is told, and the connection is closed."""
    found, document = problem(send(hasty, sent))
    assert (found, document["type"]) == (status, "/problems/request-timeout")


def test_many_bodies_half_sent_are_all_closed(hasty: str) -> None:
    """They hold up nobody else meanwhile."""
    half = (
        b"POST /v1/search HTTP/1.1\r\n"
        + HOST
        + b"Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
    )
    with ExitStack() as opened:
        waiting = [opened.enter_context(closing(connect(hasty))) for _ in range(50)]
        for connection in waiting:
            connection.sendall(half)
        healthy = send(hasty, b"GET /healthz HTTP/1.1\r\n" + CLOSE)
        assert healthy.startswith(b"HTTP/1.1 200")
        assert {problem(read(connection))[0] for connection in waiting} == {408}


def test_a_second_request_that_does_not_come_whole_is_not_waited_for(hasty: str) -> None:
    """A connection that was good once gets no more time than others."""
    with closing(connect(hasty)) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\nGET /healthz HT")
        answers = read(connection)
    assert answers.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 408" in answers


def test_a_drip_of_bytes_gains_no_time(hasty: str) -> None:
    """The limit is for the whole head, not for each of its bytes."""
    with closing(connect(hasty)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        connection.settimeout(0.05)
        answer = b""
        for _ in range(400):  # 20 s at most
            try:
                connection.sendall(b"X: y\r\n")
                answer = connection.recv(65536)
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break
            break
        assert b" 408 " in answer


def test_a_whole_request_is_answered_however_long_that_takes(hasty: str, tmp_path: Path) -> None:
    """The limit is for what the client sends, and not for the answer."""
    answer = send(hasty, b"GET /healthz HTTP/1.1\r\n" + CLOSE)
    assert answer.startswith(b"HTTP/1.1 200")


LARGE_BYTES = 32 << 20  # more than the sockets of both sides keep


async def large(scope: Any, receive: Any, send: Any) -> None:
    """Answer with zeros, an application of ASGI."""
    length = [(b"content-length", b"%d" % LARGE_BYTES)]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": bytes(LARGE_BYTES)})


class Telling(Connection):
    """A connection that tells when the client no longer takes what is sent."""

    stalled: asyncio.Event

    def pause_writing(self) -> None:
        """Tell it."""
        super().pause_writing()
        self.stalled.set()


@asynccontextmanager
async def stalled(request: bytes) -> AsyncIterator[tuple[ServerState, asyncio.StreamReader]]:
    """Give the connections of a server, and what a client has asked for and does not read."""
    loop, state = asyncio.get_running_loop(), ServerState()
    config = uvicorn.Config(large, http=Telling, lifespan="off", log_config=None)
    Telling.stalled = asyncio.Event()
    server = await loop.create_server(lambda: Telling(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        writer.write(request)
        await Telling.stalled.wait()
        yield state, reader
    finally:
        writer.close()
        server.close()


KEPT = GET + HOST + b"\r\n"


@pytest.mark.parametrize("request_", [KEPT, GET + CLOSE], ids=["kept open", "to be closed"])
def test_a_client_that_takes_nothing_of_its_answer_is_let_go(request_: bytes) -> None:
    """After a minute, not before: the rest of the answer would stay in memory."""

    async def test() -> None:
        async with stalled(request_) as (state, reader):
            now = asyncio.get_running_loop().time()
            (connection,) = state.connections
            for seconds, is_let_go in ((50, False), (70, True)):
                sweep([connection], now + seconds, limit_s=10)
                assert (connection.transport.get_write_buffer_size() == 0) is is_let_go
            assert len(await reader.read()) < LARGE_BYTES
            assert not state.connections

    asyncio.run(asyncio.wait_for(test(), PATIENCE_S))


def test_a_client_that_takes_its_answer_slowly_is_not_let_go() -> None:
    """The minute starts again with each part that it reads."""

    async def test() -> None:
        async with stalled(KEPT) as (state, reader):
            now = asyncio.get_running_loop().time()
            (connection,) = state.connections
            unsent = connection.transport.get_write_buffer_size()
            await reader.readexactly(LARGE_BYTES // 2)
            sweep([connection], now + 50, limit_s=1000)
            assert 0 < connection.transport.get_write_buffer_size() < unsent
            sweep([connection], now + 100, limit_s=1000)
            assert connection.transport.get_write_buffer_size()
            sweep([connection], now + 120, limit_s=1000)
            assert not connection.transport.get_write_buffer_size()

    asyncio.run(asyncio.wait_for(test(), PATIENCE_S))


def test_a_client_that_takes_its_answer_after_a_pause_gets_all_of_it() -> None:
    """Where it has begun to take it, the pause is forgotten."""

    async def test() -> None:
        async with stalled(KEPT) as (state, reader):
            (connection,) = state.connections
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(LARGE_BYTES - 1)
            sweep([connection], asyncio.get_running_loop().time() + 70, limit_s=100)
            assert not connection.transport.is_closing()
            assert await reader.readexactly(1) == b"\0"

    asyncio.run(asyncio.wait_for(test(), PATIENCE_S))
