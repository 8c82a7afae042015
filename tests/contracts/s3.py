"""A server that speaks S3, in a thread of the tests, and the settings that lead to it."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from obstore.store import S3Store

from clipseek import buckets

BUCKET = "videos"
_SETTINGS = {
    "AWS_ACCESS_KEY_ID": "id-of-the-tests",
    "AWS_SECRET_ACCESS_KEY": "secret-of-the-tests",
    "AWS_REGION": "us-east-1",
    "AWS_ALLOW_HTTP": "true",
}


class Server:
    """A server with one bucket, whose objects are written and removed by requests of their own."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.endpoint = f"http://127.0.0.1:{port}"
        self._bucket = S3Store(
            BUCKET,
            endpoint=self.endpoint,
            access_key_id=_SETTINGS["AWS_ACCESS_KEY_ID"],
            secret_access_key=_SETTINGS["AWS_SECRET_ACCESS_KEY"],
            region=_SETTINGS["AWS_REGION"],
            client_options={"allow_http": True},
        )

    def put(self, key: str, content: bytes) -> None:
        """Write an object."""
        self._bucket.put(key, content)

    def remove(self, key: str) -> None:
        """Remove an object."""
        self._bucket.delete(key)

    def empty(self) -> None:
        """Remove everything, and make the bucket again."""
        for method, path in (("POST", "/moto-api/reset"), ("PUT", f"/{BUCKET}")):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            connection.request(method, path)
            assert connection.getresponse().status == 200
            connection.close()


@contextmanager
def serving() -> Iterator[Server]:
    """Serve on a free port of this machine; the objects are in memory."""
    from moto.server import ThreadedMotoServer

    started: Any = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    started.start()
    try:
        yield Server(started.get_host_and_port()[1])
    finally:
        started.stop()


def settings(endpoint: str) -> dict[str, str]:
    """Return the variables of the environment that lead obstore to a server."""
    return {**_SETTINGS, "AWS_ENDPOINT": endpoint}


def lead_to(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let obstore ask a server, as an operator would: by environment variables."""
    for name, value in settings(endpoint).items():
        monkeypatch.setenv(name, value)
    buckets.forget()
