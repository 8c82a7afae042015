"""A network and servers that fail as a test says, between a tower and what it asks."""

import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of a socket that is reset when it is closed."""

Mode = Literal["pass", "silent", "reset"]


class Proxy:
    """Passes bytes on to a port of the loopback address, unless its mode says something else.

    silent: connections are taken and nothing is answered. reset: they are reset. A change of the
    mode resets all connections that there are. `budget` is how many bytes may be sent to the server
    until the mode becomes "reset", unless it is None.
    """

    def __init__(self, port: int) -> None:
        self.target = port
        self.budget: int | None = None
        self.taken = 0
        self._mode: Mode = "pass"
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def mode(self) -> Mode:
        """What is done with connections."""
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        with self._lock:
            self._mode = mode
            for each in self._open:
                _reset(each)
            self._open.clear()

    def close(self) -> None:
        """Refuse connections from now on."""
        self._listener.close()
        self.mode = "reset"

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.taken += 1
                with self._lock:
                    self._open.add(client)
                if self.mode == "reset":
                    _reset(client)
                elif self.mode == "pass":
                    self._join(client)

    def _join(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            _reset(client)
            return
        with self._lock:
            self._open.add(server)
        for source, sink, counts in ((client, server, True), (server, client, False)):
            threading.Thread(target=self._pass, args=(source, sink, counts), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(1 << 16):
                if counts and self.budget is not None:
                    self.budget -= len(piece)
                    if self.budget < 0:
                        self.mode = "reset"
                        return
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)


def _reset(each: socket.socket) -> None:
    with suppress(OSError):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        each.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        each.close()


class Peer(ThreadingHTTPServer):
    """A server of the protocol over HTTP with arithmetic of its own, and with binary tensors.

    Number i of a vector is i + 1 and the sum of the row. What it says can be changed: `metadata`
    and `answered` get each document before it is sent, and `vectors` the vectors. With `pause_s`,
    it pauses so long before each byte, and `unsent` is how many bytes of an answer are left. With
    `header_pause_s`, it pauses so long after each of 150 headers.
    """

    daemon_threads = True

    def __init__(self, name: str, version: str, dim: int, trusted: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        if trusted is not None:
            self.socket = trusted.wrap_socket(self.socket, server_side=True)
        self.scheme = "http" if trusted is None else "https"
        self.model, self.version, self.dim = name, version, dim
        self.extensions = ["binary_tensor_data"]
        self.inputs: list[dict[str, object]] = []
        self.metadata: Callable[[dict[str, Any]], Any] = lambda said: said
        self.answered: Callable[[dict[str, Any]], Any] = lambda said: said
        self.vectors: Callable[[NDArray[np.float32]], NDArray[Any]] = lambda found: found
        self.status = 200
        self.pause_s = 0.0
        self.header_pause_s = 0.0
        self.unsent: int | None = None
        self.headers: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        """Return its address."""
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that the client ends."""


@contextmanager
def peer(
    name: str, version: str, dim: int, trusted: ssl.SSLContext | None = None
) -> Iterator[Peer]:
    """Run a peer that has a tower of rows of token ids."""
    server = Peer(name, version, dim, trusted)
    server.inputs = [{"name": "tokens", "datatype": "INT64", "shape": [-1, -1]}]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Peer

    def do_GET(self) -> None:
        """Say what there is."""
        peer = self.server
        if self.path == "/v2":
            self._send({"name": "peer", "extensions": peer.extensions})
            return
        self._send(
            peer.metadata(
                {
                    "name": peer.model,
                    "versions": [peer.version],
                    "platform": "sums",
                    "inputs": peer.inputs,
                    "outputs": [{"name": "vectors", "datatype": "FP32", "shape": [-1, peer.dim]}],
                }
            )
        )

    def do_POST(self) -> None:
        """Answer rows with vectors, in JSON or in bytes as they were asked for."""
        peer = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        length = int(self.headers.get("Inference-Header-Content-Length", len(body)))
        asked = json.loads(body[:length])
        (taken,) = asked["inputs"]
        size = taken.get("parameters", {}).get("binary_data_size")
        if size is None:
            rows = np.array(taken["data"], np.int64)
        else:
            assert len(body) == length + size
            rows = np.frombuffer(body[length:], "<i8")
        sums = rows.reshape(taken["shape"]).sum(axis=1, keepdims=True)
        found = peer.vectors((sums + np.arange(1, peer.dim + 1)).astype(np.float32))
        (given,) = asked["outputs"]
        is_binary = given.get("parameters", {}).get("binary_data", False)
        content = np.ascontiguousarray(found).tobytes() if is_binary else b""
        output: dict[str, Any] = {"name": "vectors", "datatype": "FP32"}
        output["shape"] = list(found.shape)
        output |= (
            {"parameters": {"binary_data_size": len(content)}}
            if is_binary
            else {"data": found.ravel().tolist()}
        )
        answer = {"model_name": peer.model, "model_version": peer.version, "outputs": [output]}
        self._send(peer.answered(answer), content)

    def _send(self, said: Any, content: bytes = b"") -> None:
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        head = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(self.server.status)
        if content:
            self.send_header("Inference-Header-Content-Length", str(len(head)))
        self.send_header("Content-Length", str(len(head) + len(content)))
        if self.server.header_pause_s:
            for number in range(150):
                self.wfile.write(b"X-Drop: %d\r\n" % number if number else b"HTTP/1.1 200 OK\r\n")
                time.sleep(self.server.header_pause_s)
        self.end_headers()
        if not self.server.pause_s:
            self.wfile.write(head + content)
            return
        whole = head + content
        for at, byte in enumerate(whole, 1):
            time.sleep(self.server.pause_s)
            self.server.unsent = len(whole) - at
            self.wfile.write(bytes([byte]))

    def log_message(self, *_: object) -> None:
        """Say nothing."""
