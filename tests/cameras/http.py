"""HTTP cameras: MJPEG, HLS and a transport stream that never ends, from a plain server."""

import base64
import functools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, urlsplit

from tests.cameras.streams import Timing, segment, stills, transport

_BOUNDARY = b"--picture"
_LISTED = 4
"""Parts in a playlist."""
Pieces = Callable[[], Iterator[tuple[float, bytes]]]


class HttpCameras:
    """A server of many cameras. With a user, every camera asks for the user and the password."""

    def __init__(self, *, user: str = "", password: str = "") -> None:
        self._user, self._password = user, password
        self._endless: dict[str, tuple[str, Pieces]] = {}
        self._parted: dict[str, tuple[Path, float, float]] = {}
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return int(self._server.server_address[1])

    def show_stills(
        self, name: str, *, fps: float = 5, width: int = 320, height: int = 180, seed: int = 1
    ) -> str:
        """Show live pictures with the wall clock as MJPEG; return the URL."""
        pieces = functools.partial(_multipart, fps, width, height, seed)
        self._endless[f"/{name}"] = (
            f"multipart/x-mixed-replace; boundary={_BOUNDARY[2:].decode()}",
            pieces,
        )
        return self.url(name)

    def show(self, name: str, films: Path | Sequence[Path], timing: Timing | None = None) -> str:
        """Show videos in a loop as a transport stream that never ends; return the URL.

        Codecs and sizes may differ from video to video.
        """
        films = [films] if isinstance(films, Path) else list(films)
        self._endless[f"/{name}"] = (
            "video/mp2t",
            functools.partial(transport, films, timing or Timing()),
        )
        return self.url(name)

    def show_parts(self, name: str, film: Path, seconds: float = 1.0) -> str:
        """Show a video in a loop as live HLS, parts begin with keyframes; return the URL."""
        self._parted[f"/{name}"] = film, seconds, time.monotonic()
        return self.url(f"{name}/index.m3u8")

    def url(self, name: str, *, port: int | None = None) -> str:
        """Return the URL of a path with the user and password, through a proxy's port if given."""
        pair = ":".join(quote(each, safe="") for each in (self._user, self._password))
        who = f"{pair}@" if self._user else ""
        return f"http://{who}127.0.0.1:{port or self.port}/{name}"

    def close(self) -> None:
        """Hang up and listen no more."""
        self._ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        cameras = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if cameras._user and self.headers.get("Authorization") != cameras._expected():
                    self._answer(401, ("WWW-Authenticate", 'Basic realm="cameras"'))
                    return
                path = urlsplit(self.path).path
                camera, _, file = path.rpartition("/")
                if path in cameras._endless:
                    kind, pieces = cameras._endless[path]
                    self._answer(200, ("Content-Type", kind))
                    cameras._play(pieces(), self.wfile.write)
                elif camera in cameras._parted:
                    self._send(*cameras._part(camera, file))
                else:
                    self._answer(404)

            def _answer(self, status: int, *headers: tuple[str, str]) -> None:
                self.send_response(status)
                for name, value in (*headers, ("Connection", "close")):
                    self.send_header(name, value)
                self.end_headers()

            def _send(self, kind: str, body: bytes) -> None:
                self._answer(200 if body else 404, ("Content-Type", kind))
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        return Handler

    def _expected(self) -> str:
        pair = f"{self._user}:{self._password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"

    def _play(
        self, pieces: Iterator[tuple[float, bytes]], write: Callable[[bytes], object]
    ) -> None:
        """Write each piece when it is due, until the client or this server ends."""
        began = time.monotonic()
        try:
            for due, piece in pieces:
                if self._ended.wait(max(0.0, began + due - time.monotonic())):
                    return
                if piece:
                    write(piece)
        except OSError:
            return  # the client has gone

    def _part(self, camera: str, file: str) -> tuple[str, bytes]:
        """Return the type and the bytes of a file of HLS; no bytes if there is no such file."""
        film, seconds, began = self._parted[camera]
        newest = int((time.monotonic() - began) / seconds) + _LISTED
        oldest = newest - _LISTED
        if file == "index.m3u8":
            lines = [
                "#EXTM3U",
                "#EXT-X-VERSION:3",
                f"#EXT-X-TARGETDURATION:{round(seconds)}",
                f"#EXT-X-MEDIA-SEQUENCE:{oldest}",
            ]
            for number in range(oldest, newest):
                lines += [f"#EXTINF:{seconds:.3f},", f"{number}.ts"]
            return "application/vnd.apple.mpegurl", "\n".join([*lines, ""]).encode()
        part, _, kind = file.partition(".")
        if not part.isdecimal() or kind != "ts" or not oldest - _LISTED <= int(part) < newest:
            return "text/plain", b""
        return "video/mp2t", segment(film, int(part), seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients of cameras go when they like."""


def _multipart(fps: float, width: int, height: int, seed: int) -> Iterator[tuple[float, bytes]]:
    for due, picture in stills(fps, width, height, seed):
        head = b"%s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
        yield due, head % (_BOUNDARY, len(picture)) + picture + b"\r\n" if picture else b""


@contextmanager
def http_cameras(*, user: str = "", password: str = "") -> Iterator[HttpCameras]:
    """Run a server of cameras, and end it."""
    cameras = HttpCameras(user=user, password=password)
    try:
        yield cameras
    finally:
        cameras.close()
