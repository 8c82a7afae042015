"""Uploads on a socket: cut, slow, stalled and answered before their end."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from api.app import create_app
from api.connections import MIN_PART_BYTES
from clipseek.errors import UploadBusy
from clipseek.testing import MemoryCatalog
from clipseek.uploads import Uploads
from tests.api.library import Library
from tests.api.server import serving
from tests.api.test_connections import HOST, PATIENCE_S, connect, problem, read, send

LENGTH = 1 << 24
SHORT_S = 1.0
PAUSE = threading.Event()
"""Waits; nothing sets it."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Uploads]]:
    """Serve an application in which a body must come within a second; return its uploads too."""
    library = Library(tmp_path_factory.mktemp("library"), MemoryCatalog())
    app = create_app(library.service(upload_reserve_bytes=0))
    with serving(app, request_timeout_s=SHORT_S) as url:
        yield url, app.state.receiving.uploads


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Uploads]]:
    """Serve an application in which a body may take long; return its uploads too."""
    library = Library(tmp_path_factory.mktemp("patient"), MemoryCatalog())
    app = create_app(library.service(upload_reserve_bytes=0))
    with serving(app, request_timeout_s=1000) as url:
        yield url, app.state.receiving.uploads


@pytest.fixture
def begun(served: tuple[str, Uploads]) -> tuple[str, Uploads, str]:
    """Begin an upload; return the address, the uploads and its id."""
    address, uploads = served
    return address, uploads, uploads.create("anonymous", "default", LENGTH, {}).id


def head(upload_id: str, offset: int, length: int) -> bytes:
    """Return the head of a PATCH."""
    return (
        (
            f"PATCH /v1/uploads/{upload_id} HTTP/1.1\r\nTus-Resumable: 1.0.0\r\n"
            f"Content-Type: application/offset+octet-stream\r\nUpload-Offset: {offset}\r\n"
            f"Content-Length: {length}\r\nConnection: close\r\n"
        ).encode()
        + HOST
        + b"\r\n"
    )


def freed(uploads: Uploads, upload_id: str) -> int:
    """Wait until no request adds to an upload; return how many bytes it has."""
    for _ in range(PATIENCE_S * 100):
        try:
            with uploads.parts.locked(upload_id):
                return uploads.get(upload_id, "anonymous").offset
        except UploadBusy:
            PAUSE.wait(0.01)
    pytest.fail("the upload stays locked")


def reach(uploads: Uploads, upload_id: str, size_bytes: int) -> None:
    """Wait until at least so many bytes are written."""
    for _ in range(PATIENCE_S * 100):
        if uploads.parts.data(upload_id).stat().st_size >= size_bytes:
            return
        PAUSE.wait(0.01)
    pytest.fail("the bytes are not written")


def test_what_came_before_a_cut_is_stored(begun: tuple[str, Uploads, str]) -> None:
    """The next request continues there."""
    address, uploads, name = begun
    with closing(connect(address)) as connection:
        connection.sendall(head(name, 0, LENGTH) + bytes((1 << 20) + 60_000))
        reach(uploads, name, 1 << 20)
    offset = freed(uploads, name)
    assert 1 << 20 <= offset <= (1 << 20) + 60_000
    answer = send(address, head(name, offset, 5) + b"12345")
    assert answer.startswith(b"HTTP/1.1 204")
    assert b"upload-offset: %d" % (offset + 5) in answer.lower()


def test_a_slow_upload_gets_all_its_time(begun: tuple[str, Uploads, str]) -> None:
    """It takes longer than other bodies may, and never pauses for that long."""
    address, uploads, name = begun
    size = 10 * MIN_PART_BYTES
    with closing(connect(address)) as connection:
        connection.sendall(head(name, 0, size))
        for _ in range(10):
            connection.sendall(bytes(MIN_PART_BYTES))
            PAUSE.wait(0.3 * SHORT_S)
        assert read(connection).startswith(b"HTTP/1.1 204")
    assert uploads.get(name, "anonymous").offset == size


def test_a_stalled_upload_is_let_go(begun: tuple[str, Uploads, str]) -> None:
    """What came is stored, and others may continue."""
    address, uploads, name = begun
    with closing(connect(address)) as connection:
        connection.sendall(head(name, 0, 100_000) + bytes(60_000))
        status, _ = problem(read(connection))
    assert status == 408
    assert freed(uploads, name) == 60_000


def test_a_drip_of_bytes_gains_an_upload_no_time(begun: tuple[str, Uploads, str]) -> None:
    """It would lock the upload and keep a connection for ever."""
    address, uploads, name = begun
    with closing(connect(address)) as connection:
        connection.sendall(head(name, 0, 100_000))
        connection.settimeout(0.05)
        answer, sent = b"", 0
        while not answer and sent < PATIENCE_S * 20:
            try:
                sent += connection.send(b"x")
                answer = connection.recv(65536)
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break
    assert sent < MIN_PART_BYTES
    assert freed(uploads, name) in (sent, sent - 1)


def test_a_part_that_is_refused_is_not_read_for_ever(served: tuple[str, Uploads]) -> None:
    """The rest of its body has as long as other bodies have."""
    address, _ = served
    with closing(connect(address)) as connection:
        connection.sendall(head("0" * 32, 0, 1 << 40).replace(b"Connection: close\r\n", b""))
        ended = threading.Event()

        def feed() -> None:
            try:
                while not ended.wait(0.05):
                    connection.sendall(bytes(MIN_PART_BYTES))
            except OSError:
                pass  # the server has closed it

        feeding = threading.Thread(target=feed)
        feeding.start()
        answer = read(connection)
        ended.set()
        feeding.join()
    assert answer.startswith(b"HTTP/1.1 404")


def test_two_parts_at_once_do_not_mix(begun: tuple[str, Uploads, str]) -> None:
    """One is stored, the other is told that it must wait."""
    address, uploads, name = begun
    with closing(connect(address)) as first:
        first.sendall(head(name, 0, 2 << 20) + b"a" * (1 << 20))
        reach(uploads, name, 1)
        status, document = problem(send(address, head(name, 0, 4) + b"bbbb"))
        assert (status, document["type"]) == (423, "/problems/upload-busy")
        first.sendall(b"a" * (1 << 20))
        assert read(first).startswith(b"HTTP/1.1 204")
    assert uploads.parts.data(name).read_bytes() == b"a" * (2 << 20)


def test_a_client_that_comes_again_does_not_wait_for_its_broken_connection(
    patient: tuple[str, Uploads],
) -> None:
    """The request from which nothing comes makes way; what it has brought is stored."""
    address, uploads = patient
    name = uploads.create("anonymous", "default", LENGTH, {}).id
    with closing(connect(address)) as broken:
        broken.sendall(head(name, 0, LENGTH) + bytes((1 << 20) + 60_000))
        reach(uploads, name, 1 << 20)
        for _ in range(PATIENCE_S * 10):
            offset = uploads.get(name, "anonymous").offset
            answer = send(address, head(name, offset, 5) + b"12345")
            if answer.startswith(b"HTTP/1.1 204"):
                break
            assert answer.startswith((b"HTTP/1.1 423", b"HTTP/1.1 409"))
            PAUSE.wait(0.1)
        status, _ = problem(read(broken))
    assert status == 408
    stored = uploads.parts.data(name).read_bytes()
    assert stored == bytes((1 << 20) + 60_000) + b"12345"


def test_few_parts_are_received_at_once(tmp_path: Path) -> None:
    """Each has a block in memory; afterwards, the next one is received."""
    app = create_app(Library(tmp_path, MemoryCatalog()).service(upload_reserve_bytes=0))
    uploads: Uploads = app.state.receiving.uploads
    app.state.receiving.of_one = 1
    one, other = (uploads.create("anonymous", "default", LENGTH, {}).id for _ in range(2))
    with serving(app, request_timeout_s=1000) as address:
        with closing(connect(address)) as first:
            first.sendall(head(one, 0, LENGTH) + bytes(1 << 20))
            reach(uploads, one, 1 << 20)
            answer = send(address, head(other, 0, 5) + b"12345")
            status, document = problem(answer)
            assert (status, document["type"]) == (503, "/problems/too-many-parts")
            assert b"retry-after: 5" in answer.lower()
        freed(uploads, one)
        for _ in range(PATIENCE_S * 10):
            if send(address, head(other, 0, 5) + b"12345").startswith(b"HTTP/1.1 204"):
                break
            PAUSE.wait(0.1)
        assert uploads.get(other, "anonymous").offset == 5
