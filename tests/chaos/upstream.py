"""A replica that does as it is told, to see what nginx sends it and what it makes of the answer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Upstream:
    """What a fake replica answers, and what it was asked: method, path and headers.

    status: 0 closes the connection without a word.
    headers: Sent with every answer.
    """

    status: int = 200
    body: bytes = b'{"status": "ok"}'
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    host: str = "127.0.0.1"
    port: int = 0

    @contextmanager
    def serving(self) -> Iterator["Upstream"]:
        """Answer at the port that was given, or at a free one."""
        server = ThreadingHTTPServer((self.host, self.port), self._handler())
        server.daemon_threads = True
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.rfile.read(int(headers.get("content-length", 0)))
                upstream.seen.append((self.command, self.path, headers))
                if not upstream.status:
                    return
                self.send_response(upstream.status)
                for name, value in upstream.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(upstream.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(upstream.body)

            do_POST = do_PATCH = do_DELETE = do_HEAD = do_GET  # noqa: N815  named as http.server calls them

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
