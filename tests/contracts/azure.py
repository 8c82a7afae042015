"""Azurite, which speaks Azure Blob Storage, started by the tests, and the settings that lead to it.

`make servers` installs it by npm, in a cache outside of the checkout.
"""

import base64
import hashlib
import hmac
import http.client
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

import pytest
from obstore.store import AzureStore

from clipseek import buckets
from tests.contracts.postgres import free_port
from tests.lacking import lacking

CONTAINER = "videos"
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Of every Azurite: https://learn.microsoft.com/azure/storage/common/storage-use-azurite"""
_VERSION = "2021-08-06"
_START_S = 60.0


class Server:
    """A server with one container; the tests write and remove its objects by their own requests."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
        self._container = AzureStore(
            CONTAINER,
            account_name=ACCOUNT,
            account_key=KEY,
            endpoint=self.endpoint,
            client_options={"allow_http": True},
        )

    def put(self, key: str, content: bytes) -> None:
        """Write an object."""
        self._container.put(key, content)

    def remove(self, key: str) -> None:
        """Remove an object."""
        self._container.delete(key)

    def empty(self) -> None:
        """Remove everything; the container is made with the first call."""
        if self._ask("PUT") == 409:
            self._container.delete([told["path"] for told in self._container.list().collect()])

    def _ask(self, method: str) -> int:
        """Ask for the container itself, which obstore cannot, and return the status."""
        headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": _VERSION}
        said = [method, *[""] * 11, *(f"{name}:{headers[name]}" for name in sorted(headers))]
        # The name of the account is twice in it, because it is in the path of Azurite, too.
        said += [f"/{ACCOUNT}/{ACCOUNT}/{CONTAINER}", "restype:container"]
        digest = hmac.digest(base64.b64decode(KEY), "\n".join(said).encode(), hashlib.sha256)
        headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        path = f"/{ACCOUNT}/{CONTAINER}?restype=container"
        connection.request(method, path, headers={**headers, "Content-Length": "0"})
        status = connection.getresponse().status
        connection.close()
        return status


def folder() -> Path:
    """Return where `tests/servers.sh` installs Azurite."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "clipseek-azurite"


@contextmanager
def serving() -> Iterator[Server]:
    """Serve on a free port of this machine; the objects are in memory."""
    program = folder() / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    node = shutil.which("node")
    if node is None or not program.is_file():
        lacking("no node on PATH, or no Azurite: run `make servers`")
    port = free_port()
    options = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--disableTelemetry"]
    options += ["--inMemoryPersistence", "--skipApiVersionCheck", "--silent"]
    with subprocess.Popen(
        [node, str(program), *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            _wait(process, port)
            yield Server(port)
        finally:
            process.kill()


def lead_to(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let obstore ask a server, as an operator would: by environment variables."""
    settings = {
        "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
        "AZURE_STORAGE_ACCOUNT_KEY": KEY,
        "AZURE_STORAGE_ENDPOINT": server.endpoint,
        "AZURE_ALLOW_HTTP": "true",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    buckets.forget()


def _wait(process: "subprocess.Popen[bytes]", port: int) -> None:
    """Wait until the server answers."""
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        assert process.poll() is None, process.stdout and process.stdout.read().decode()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse()
        except OSError:
            time.sleep(0.05)
        else:
            return
        finally:
            connection.close()
    raise AssertionError("Azurite does not answer")
