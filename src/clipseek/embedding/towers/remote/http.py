"""HttpServer: the Open Inference Protocol over HTTP, in JSON or with binary tensors.

Binary tensors are an extension that a server announces: the body begins with JSON, whose length a
header says, and the bytes of the tensors follow.
"""

import json
import socket
import time
from contextlib import suppress
from threading import Event, Lock, Timer
from typing import Any

import numpy as np
import urllib3
from numpy.typing import NDArray
from urllib3.connection import HTTPConnection, HTTPSConnection

from clipseek.embedding.towers.remote.exchange import (
    Answer,
    Failure,
    Metadata,
    Tensor,
    Wanted,
    as_array,
    datatype,
    gone,
    late,
    refused,
)

_BINARY = "binary_tensor_data"
_LENGTH = "Inference-Header-Content-Length"
# Bytes of an answer: 512 vectors of 4096 numbers have 8 MB, and some 45 MB in JSON.
_MOST_BYTES = 64 << 20
_PIECE_BYTES = 1 << 16
# Statuses of a server or its proxy that is busy, starts or stops.
_AGAIN = (429, 502, 503)


class HttpServer:
    """Asks one server over connections that are kept open."""

    def __init__(self, url: str, *, authorities: bytes | None, token: str | None) -> None:
        """Keep what is needed; `authorities` are certificates in PEM."""
        self.url = url
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        # What is sent again is decided in one place, for gRPC and HTTP.
        self._pool = urllib3.PoolManager(
            maxsize=16, retries=False, ca_cert_data=authorities and authorities.decode()
        )
        self._pool.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
        self._lock = Lock()
        self._binary: bool | None = None

    def metadata(self, tower: Wanted, timeout_s: float) -> Metadata:
        """Ask what the server says of a tower, and which extensions it has; raise Failure."""
        until = time.monotonic() + timeout_s
        server = _object(self._asked("GET", "v2", timeout_s)[1])
        left_s = max(until - time.monotonic(), 0.001)
        found = _object(self._asked("GET", tower.path, left_s)[1])
        try:
            said = Metadata(
                str(found["name"]),
                tuple(map(str, found.get("versions") or ())),
                tuple(map(_tensor, found["inputs"])),
                tuple(map(_tensor, found["outputs"])),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _not_of_the_protocol(error) from error
        with self._lock:
            self._binary = _BINARY in (server.get("extensions") or ())
        return said

    def infer(self, tower: Wanted, rows: NDArray[Any], timeout_s: float) -> Answer:
        """Have rows embedded; raise Failure. The first metadata decide between JSON and bytes."""
        with self._lock:
            binary = bool(self._binary)
        body, headers = _request(tower, rows, binary=binary)
        said, answer = self._asked("POST", f"{tower.path}/infer", timeout_s, body, headers)
        try:
            return _answer(answer, said.get(_LENGTH))
        except (KeyError, TypeError, ValueError) as error:
            raise _not_of_the_protocol(error) from error

    def _asked(
        self,
        method: str,
        path: str,
        timeout_s: float,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[Any, bytes]:
        """Send a request and return the headers and the body of its answer."""
        until = time.monotonic() + timeout_s
        try:
            response = self._pool.request(
                method,
                f"{self.url}/{path}",
                body=body,
                headers={**self._headers, **(headers or {})},
                timeout=urllib3.Timeout(total=timeout_s),
                preload_content=False,
                redirect=False,
            )
            try:
                content = _read(response, until, timeout_s)
            except BaseException:
                response.close()
                raise
            response.release_conn()
        except urllib3.exceptions.SSLError as error:
            raise gone(f"TLS: {error}") from error
        except urllib3.exceptions.NewConnectionError as error:
            raise gone(str(error)) from error
        except urllib3.exceptions.TimeoutError as error:
            raise late(timeout_s) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise gone(f"{type(error).__name__}: {error}") from error
        if response.status != 200:
            said = f"{response.status} {_error(content)}"
            raise gone(said) if response.status in _AGAIN else refused(said)
        return response.headers, content


class _Timed(HTTPConnection):
    """A connection whose answer begins in time; by itself, only each of its bytes must come so."""

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # as in urllib3
        """Return the answer, whose headers were read; raise TimeoutError."""
        held, is_late = self.sock, Event()

        def end() -> None:
            is_late.set()
            with suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)

        timer = Timer(self.timeout or 0.0, end)
        timer.start()
        try:
            return super().getresponse()
        finally:
            timer.cancel()
            if is_late.is_set():
                # What came by then may look like a whole answer.
                raise TimeoutError


class _TimedSecure(_Timed, HTTPSConnection):
    """The same over TLS."""


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Timed


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TimedSecure


def _read(response: urllib3.BaseHTTPResponse, until: float, timeout_s: float) -> bytes:
    """Read a body; a server that sends it drop by drop has no more time than any other."""
    pieces, size = [], 0
    # `read` and `stream` wait for a whole piece, however long it takes.
    while piece := response.read1(_PIECE_BYTES):
        size += len(piece)
        if size > _MOST_BYTES:
            raise Failure(f"answered with more than {_MOST_BYTES} bytes")
        if time.monotonic() > until:
            raise late(timeout_s)
        pieces.append(piece)
    return b"".join(pieces)


def _request(tower: Wanted, rows: NDArray[Any], *, binary: bool) -> tuple[bytes, dict[str, str]]:
    """Return the body of a request and its headers."""
    taken: dict[str, Any] = {
        "name": tower.taken.name,
        "datatype": datatype(rows),
        "shape": rows.shape,
    }
    given: dict[str, Any] = {"name": tower.given.name}
    asked = {"inputs": [taken], "outputs": [given]}
    if not binary:
        taken["data"] = rows.ravel().tolist()
        return json.dumps(asked).encode(), {"content-type": "application/json"}
    little = rows.astype(rows.dtype.newbyteorder("<"), copy=False)
    content = np.ascontiguousarray(little).tobytes()
    taken["parameters"] = {"binary_data_size": len(content)}
    given["parameters"] = {"binary_data": True}
    head = json.dumps(asked).encode()
    headers = {"content-type": "application/octet-stream", _LENGTH: str(len(head))}
    return head + content, headers


def _answer(body: bytes, head_length: str | None) -> Answer:
    """Read an answer; raise KeyError, TypeError, ValueError or Failure."""
    at = len(body) if head_length is None else int(head_length)
    if not 0 <= at <= len(body):
        raise ValueError(f"{_LENGTH}: {head_length}")
    said = _object(body[:at])
    outputs = {}
    for one in said["outputs"]:
        size = (one.get("parameters") or {}).get("binary_data_size")
        content: Any = one["data"] if size is None else body[at : at + size]
        at += size or 0
        outputs[str(one["name"])] = as_array(_tensor(one), content)
    return Answer(str(said["model_name"]), str(said.get("model_version") or ""), outputs)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _not_of_the_protocol(error) from error
    if not isinstance(found, dict):
        raise _not_of_the_protocol("not an object")
    return found


def _tensor(said: Any) -> Tensor:
    return Tensor(str(said["name"]), str(said["datatype"]), tuple(map(int, said["shape"])))


def _error(body: bytes) -> str:
    """Return what a server says of an error, or what it sends instead."""
    try:
        said = json.loads(body)
        return str(said["error"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return body[:200].decode(errors="replace")


def _not_of_the_protocol(what: object) -> Failure:
    return refused(f"its answer is not of the Open Inference Protocol: {what}")
