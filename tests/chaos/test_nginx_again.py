"""nginx begins a request again if it had no address to ask, and if the request may be repeated.

Addresses change in containers alone (tests/engine). Here a connection that a replica breaks counts
as the same: its address takes the place of the upstream's name in the configuration.
"""

import json
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.client import Client
from tests.chaos.proxy import own_folder, standing
from tests.lacking import lacking

OPENAPI = Path(__file__).parents[1] / "api" / "openapi.json"
SEARCHES = ("/v1/search", "/v1/search/batch")
MAY_BE_REPEATED = [("POST", path) for path in SEARCHES]
STREAMS = ("/v1/alerts/stream", "/v1/jobs/a/events", "/v1/cameras/a/live", "/v1/feeds")
WITHOUT_ONE = '(.* clipseek_api .*|[^ ,]+) -$" @again'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Full:
    """Takes no connection for a while, as an address does that nothing is at, and then each."""

    def __init__(self, seconds: float) -> None:
        self.asked: list[bytes] = []
        self._seconds = seconds
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.port = int(self._socket.getsockname()[1])
        # Who is in the queue keeps others out: Linux drops what they send, as no address answers.
        self._before = [socket.socket() for _ in range(4)]
        for each in self._before:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", self.port))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        self._ended.wait(self._seconds)
        for each in self._before:
            each.close()
        self._socket.settimeout(0.1)
        while not self._ended.is_set():
            try:
                connection, _ = self._socket.accept()
            except TimeoutError:
                continue
            with connection:
                if request := connection.recv(65_536):
                    self.asked.append(request.split(b"\r\n")[0])
                    connection.sendall(ANSWER)

    def close(self) -> None:
        """End."""
        self._ended.set()
        self._thread.join()
        self._socket.close()


class Replica:
    """Takes connections and breaks the first `broken` of them, when a request has come."""

    def __init__(self, broken: int) -> None:
        self.asked: list[bytes] = []
        self._broken = broken
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                request = connection.recv(65_536)
                if not request:
                    return
                self.asked.append(request.split(b"\r\n")[0])
                if len(self.asked) > self._broken:
                    connection.sendall(ANSWER)

    def close(self) -> None:
        """End."""
        socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join()
        self._socket.close()


@pytest.fixture
def broken() -> int:
    """Return how many connections are broken."""
    return 1


@pytest.fixture
def replica(broken: int) -> Iterator[Replica]:
    """Run a replica that is gone at first."""
    made = Replica(broken)
    yield made
    made.close()


@pytest.fixture
def client(replica: Replica) -> Iterator[Client]:
    """Run nginx before it."""
    if shutil.which("nginx") is None:
        lacking("no nginx on PATH; `make servers` installs it")

    def edit(template: str) -> str:
        as_if = f'(.* clipseek_api .*|127.0.0.1:{replica.port}) .*" @again'
        assert template.count(WITHOUT_ONE) == 2
        return template.replace(WITHOUT_ONE, as_if)

    with own_folder() as folder, standing(folder, [replica.port], edit=edit) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/videos?limit=1"), ("GET", "/v1/videos/a%20b/file"), *MAY_BE_REPEATED],
)
def test_what_changes_nothing_is_asked_again(
    client: Client, replica: Replica, method: str, path: str
) -> None:
    """Once more, with its method, path and body."""
    answer = client.ask(method, path, {"query": "a"} if method == "POST" else None)
    assert (answer.status, answer.body) == (200, {})
    assert replica.asked == [f"{method} {path} HTTP/1.1".encode()] * 2


@pytest.mark.parametrize("broken", [1000])
def test_what_may_change_something_is_not_repeated(client: Client, replica: Replica) -> None:
    """Each request of the API but GETs and searches: the replica may have done it.

    Nor is a stream, which its client begins again.
    """
    paths = json.loads(OPENAPI.read_text("utf-8"))["paths"]
    requests = [
        *(
            (method.upper(), re.sub(r"{\w+}", "a", path))
            for path in paths
            for method in paths[path]
        ),
        *(("POST", f"{path}/a") for path in SEARCHES),
    ]
    once = [each for each in requests if each[0] != "GET" and each not in MAY_BE_REPEATED]
    assert {method for method, _ in once} >= {"DELETE", "PATCH", "POST"}
    for method, path in [*once, *(("GET", path) for path in STREAMS)]:
        replica.asked.clear()
        answer = client.ask(method, path)
        assert answer.status == 503, path
        if method != "HEAD":
            assert answer.body["type"] == "/problems/service-unavailable"
        assert replica.asked == [f"{method} {path} HTTP/1.1".encode()]


@pytest.mark.parametrize("broken", [9])
def test_an_outage_is_told_after_the_second_time(client: Client, replica: Replica) -> None:
    """As a problem document, and not forever."""
    answer = client.ask("POST", "/v1/search", {"query": "a"})
    assert answer.status == 503
    assert answer.body["type"] == "/problems/service-unavailable"
    assert len(replica.asked) == 2


def test_a_replica_that_breaks_is_not_asked_again(replica: Replica) -> None:
    """It had an address: the request itself may be what broke it."""
    with own_folder() as folder, standing(folder, [replica.port]) as client:
        assert client.ask("POST", "/v1/search", {"query": "a"}).status == 503
    assert len(replica.asked) == 1


@pytest.mark.parametrize(("method", "status"), [("POST", 200), ("PATCH", 503)])
def test_a_search_that_reached_nobody_is_begun_again(method: str, status: int) -> None:
    """The one address is that of a replica which is gone, and soon that of another one.

    The first time nginx waits for a connection for 0.2 s; the second time until there is one.
    """
    if shutil.which("nginx") is None:
        lacking("no nginx on PATH; `make servers` installs it")

    def edit(template: str) -> str:
        once = template.replace("proxy_connect_timeout 1s;", "proxy_connect_timeout 200ms;")
        again = "location @again {\n        internal;\n"
        assert again in once
        return once.replace(again, f"{again}        proxy_connect_timeout 5s;\n")

    full = Full(seconds=0.6)
    try:
        with own_folder() as folder, standing(folder, [full.port], edit=edit) as client:
            path = "/v1/search" if method == "POST" else "/v1/videos/a"
            assert client.ask(method, path, {"query": "a"}).status == status
        assert full.asked == ([b"POST /v1/search HTTP/1.1"] if status == 200 else [])
    finally:
        full.close()
