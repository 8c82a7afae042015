"""Servers of HTTP whose answers a test chooses, and a guard that lets them be read."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from clipseek.sources.guard import Guard

VIDEO = bytes(range(256)) * 4096
Answer = Callable[[BaseHTTPRequestHandler], None]


class Site(ThreadingHTTPServer):
    """A server whose paths answer as a test says; it notes what was asked."""

    daemon_threads = True

    def __init__(self, address: str = "127.0.0.1") -> None:
        super().__init__((address, 0), _Handler)
        self.paths: dict[str, Answer] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []

    @property
    def port(self) -> int:
        """Return the port that it listens on."""
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that the client ends."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def do_GET(self) -> None:
        """Answer as the site says."""
        self.close_connection = True
        self.server.asked.append((self.path, dict(self.headers)))
        self.server.paths[self.path](self)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def answer(
    body: bytes = VIDEO, status: int = 200, kind: str = "video/mp4", **headers: str
) -> Answer:
    """Answer with a body and headers; `_` in their names is a hyphen."""

    def give(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        named = {"Content-Type": kind, "Content-Length": str(len(body))}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in named.items():
            if value:
                handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return give


def redirect(location: str, status: int = 302) -> Answer:
    """Lead elsewhere."""
    return answer(b"", status, Location=location)


def ranged(cut_at: int, etag: str = '"one"', body: bytes = VIDEO) -> Answer:
    """Answer with at most so many bytes, then cut the connection; continue where asked to."""

    def give(handler: BaseHTTPRequestHandler) -> None:
        asked, condition = handler.headers.get("Range"), handler.headers.get("If-Range")
        begin = int(asked[len("bytes=") : -1]) if asked and condition == etag else 0
        handler.send_response(206 if begin else 200)
        handler.send_header("Content-Type", "video/mp4")
        handler.send_header("ETag", etag)
        handler.send_header("Content-Length", str(len(body) - begin))
        if begin:
            handler.send_header("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}")
        handler.end_headers()
        handler.wfile.write(body[begin : begin + cut_at])

    return give


def running(site: Site) -> Site:
    """Start a site."""
    threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01}).start()
    return site


def loopback(*hosts: str) -> Guard:
    """Return a guard that allows hosts, all of them here, which no setting can do."""
    return Guard(
        hosts,
        resolve=lambda _host, _port: ["127.0.0.1"],
        is_public=lambda address: address == "127.0.0.1",
    )
