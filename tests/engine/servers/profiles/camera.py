#!/opt/server/bin/python
"""A camera that shows the videos of a folder again and again, as pictures over HTTP (MJPEG)."""

import io
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
from PIL import Image

FPS = 5
VIDEOS = sorted(Path(sys.argv[1]).rglob("*.mp4"))


class Camera(BaseHTTPRequestHandler):
    """Sends pictures until the other side hangs up."""

    def do_GET(self) -> None:
        """Send every picture that is shown at a fifth of a second."""
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
        self.end_headers()
        while True:
            for video in VIDEOS:
                self._show(video)

    def _show(self, video: Path) -> None:
        with av.open(str(video)) as file:
            step = round(float(file.streams.video[0].average_rate or FPS) / FPS) or 1
            for number, frame in enumerate(file.decode(video=0)):
                if number % step == 0:
                    jpeg = io.BytesIO()
                    Image.fromarray(frame.to_ndarray(format="rgb24")).save(jpeg, "JPEG")
                    self.wfile.write(b"--picture\r\nContent-Type: image/jpeg\r\n\r\n")
                    self.wfile.write(jpeg.getvalue() + b"\r\n")
                    time.sleep(1 / FPS)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


ThreadingHTTPServer(("0.0.0.0", 8080), Camera).serve_forever()  # noqa: S104
