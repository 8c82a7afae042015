#!/opt/server/bin/python
"""`milvus run standalone` by Milvus Lite, with its health; any password is let in."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

if sys.argv[1:] != ["run", "standalone"]:
    sys.exit(f"milvus: expected `run standalone`, got {sys.argv[1:]}")
if not os.environ.get("COMMON_SECURITY_DEFAULTROOTPASSWORD"):
    sys.exit("milvus: COMMON_SECURITY_DEFAULTROOTPASSWORD is missing")


class Health(BaseHTTPRequestHandler):
    """Says that the process runs, to health checks and to Prometheus."""

    def do_GET(self) -> None:
        """Answer with a metric, which serves both."""
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(b"milvus_stand_in 1\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


health = ThreadingHTTPServer(("0.0.0.0", 9091), Health)  # noqa: S104  a container of the tests
threading.Thread(target=health.serve_forever, daemon=True).start()
words = ["server", "--data-dir", "/var/lib/milvus/lite", "--port", "19530"]
sys.exit(subprocess.call([sys.executable, "-m", "milvus_lite", *words]))
