"""Uploads over HTTP: version 1.0 of tus, to the letter, and what wrong requests get."""

import base64
import hashlib
import os
import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from clipseek.uploads import LEAST_BYTES, Uploads
from tests.api.library import Library

TUS = {"Tus-Resumable": "1.0.0"}
PART = {"Content-Type": "application/offset+octet-stream", **TUS}
DATA = bytes(range(256)) * 20


@pytest.fixture
def app(library: Library) -> FastAPI:
    """Return an application that takes uploads of up to a million bytes."""
    return create_app(
        library.service(
            max_upload_bytes=10**6,
            upload_principal_bytes=3 * LEAST_BYTES,
            upload_reserve_bytes=0,
            cors_origins="https://a.example",
        )
    )


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """Return a client of it."""
    with TestClient(app, raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture
def uploads(app: FastAPI) -> Uploads:
    """Return the uploads of the application."""
    found: Uploads = app.state.receiving.uploads
    return found


def begin(client: TestClient, length: int = len(DATA), metadata: str = "") -> str:
    """Begin an upload and return its path."""
    headers = {**TUS, "Upload-Length": str(length), "Upload-Metadata": metadata}
    answer = client.post("/v1/uploads", headers=headers)
    assert answer.status_code == 201, answer.text
    location: str = answer.headers["Location"]
    return location


def add(client: TestClient, path: str, offset: int, data: bytes) -> Any:
    """Send a part."""
    return client.patch(path, content=data, headers={**PART, "Upload-Offset": str(offset)})


def problem(answer: Any) -> tuple[int, str]:
    """Return the status and the type of a problem, whose answer names the version of tus too."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def stored(uploads: Uploads, path: str) -> bytes:
    """Return the bytes of an upload."""
    return uploads.parts.data(path.rpartition("/")[2]).read_bytes()


def test_the_server_says_what_it_speaks(client: TestClient) -> None:
    """Before anything else, and without a version of the client."""
    answer = client.options("/v1/uploads")
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Extension"] == "creation,expiration,termination"
    assert answer.headers["Tus-Max-Size"] == "1000000"


def test_a_file_is_uploaded_in_parts(client: TestClient, uploads: Uploads) -> None:
    """Each answer says how much is stored, and until when."""
    path = begin(client)
    answer = add(client, path, 0, DATA[:1000])
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "1000")
    assert parsedate_to_datetime(answer.headers["Upload-Expires"])
    answer = client.head(path, headers=TUS)
    assert answer.headers["Upload-Offset"] == "1000"
    assert answer.headers["Upload-Length"] == str(len(DATA))
    assert answer.headers["Cache-Control"] == "no-store"
    assert add(client, path, 1000, DATA[1000:]).headers["Upload-Offset"] == str(len(DATA))
    assert stored(uploads, path) == DATA


def test_a_part_may_be_larger_than_other_bodies(client: TestClient, uploads: Uploads) -> None:
    """The limit of 1 MiB is for what is read into memory."""
    large = os.urandom(3 << 20)
    uploads.bounds = type(uploads.bounds)(4 << 20, 2**40, 2**40, 0)
    path = begin(client, len(large))
    assert add(client, path, 0, large).status_code == 204
    assert hashlib.sha256(stored(uploads, path)).digest() == hashlib.sha256(large).digest()


@pytest.mark.parametrize("path", ["/v1/search", "/v1/uploads", "/v1/uploads/a/b", "/v1/upload/a"])
def test_only_a_part_may_be_large(client: TestClient, path: str) -> None:
    """Other paths and methods keep the limit."""
    for method in ("POST", "PATCH", "DELETE"):
        answer = client.request(method, path, content=bytes((1 << 20) + 1), headers=PART)
        assert answer.status_code == 413
    answer = client.post("/v1/uploads/a", content=bytes((1 << 20) + 1), headers=PART)
    assert answer.status_code == 413


def test_what_is_known_of_a_file_is_kept(client: TestClient, uploads: Uploads) -> None:
    """Its name and its collection; a key without a value is allowed."""
    name = base64.b64encode("Größe.mp4".encode()).decode()
    path = begin(client, metadata=f"filename {name}, collection Y2l0eQ==,private")
    upload = uploads.get(path.rpartition("/")[2], "anonymous")
    assert upload.collection == "city"
    assert upload.metadata == {"filename": "Größe.mp4", "collection": "city", "private": ""}


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param("filename !", id="not Base64"),
        pytest.param("filename /w==", id="not UTF-8"),
        pytest.param("a YQ==,a YQ==", id="twice"),
        pytest.param("collection QUJD", id="collection"),
        pytest.param(" , ä YQ==", id="key"),
    ],
)
def test_wrong_metadata_is_refused(client: TestClient, metadata: str) -> None:
    """Nothing is guessed."""
    headers = {**TUS, "Upload-Length": "5", "Upload-Metadata": metadata.encode()}
    answer = client.post("/v1/uploads", headers=headers)  # type: ignore[arg-type]  # bytes are allowed
    assert problem(answer) == (422, "invalid-query")


@pytest.mark.parametrize("length", [None, "", "-1", "0", "1.5", "x", "9" * 30, str(2**53)])
def test_a_length_must_be_announced(client: TestClient, length: str | None) -> None:
    """A whole number that a file can have; it cannot be named later."""
    headers = {**TUS} if length is None else {**TUS, "Upload-Length": length}
    assert problem(client.post("/v1/uploads", headers=headers)) == (422, "invalid-query")
    deferred = client.post("/v1/uploads", headers={**headers, "Upload-Defer-Length": "1"})
    assert problem(deferred) == (422, "invalid-query")


def test_a_larger_file_than_allowed_is_not_begun(client: TestClient) -> None:
    """Neither is one more than the quota has room for."""
    headers = {**TUS, "Upload-Length": "1000001"}
    assert problem(client.post("/v1/uploads", headers=headers)) == (413, "upload-too-large")
    for _ in range(3):
        begin(client)
    headers = {**TUS, "Upload-Length": "1"}
    assert problem(client.post("/v1/uploads", headers=headers)) == (413, "upload-quota")


@pytest.mark.parametrize("method", ["POST", "HEAD", "PATCH", "DELETE"])
@pytest.mark.parametrize("version", [None, "0.2.2", "2.0.0"])
def test_the_version_of_tus_must_be_known(
    client: TestClient, method: str, version: str | None
) -> None:
    """The answer says which ones are; nothing is changed."""
    path = begin(client)
    headers = {"Upload-Length": "5", "Upload-Offset": "0", "Content-Type": PART["Content-Type"]}
    if version is not None:
        headers["Tus-Resumable"] = version
    at = "/v1/uploads" if method == "POST" else path
    answer = client.request(method, at, headers=headers, content=b"12345")
    assert answer.status_code == 412
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert client.head(path, headers=TUS).headers["Upload-Offset"] == "0"


@pytest.mark.parametrize("offset", ["1", "999", str(len(DATA))])
def test_a_wrong_offset_is_a_conflict(client: TestClient, offset: str) -> None:
    """The answer says where to continue."""
    path = begin(client)
    answer = client.patch(path, content=b"1", headers={**PART, "Upload-Offset": offset})
    assert problem(answer) == (409, "wrong-offset")
    assert "must be 0" in answer.json()["detail"]


@pytest.mark.parametrize("offset", [None, "-1", "x", "1e3"])
def test_an_offset_must_be_a_number(client: TestClient, offset: str | None) -> None:
    """And it must be there."""
    headers = PART if offset is None else {**PART, "Upload-Offset": offset}
    assert problem(client.patch(begin(client), headers=headers)) == (422, "invalid-query")


def test_a_part_must_say_what_it_is(client: TestClient) -> None:
    """A form that a page of another site can send has another type."""
    headers = {**PART, "Content-Type": "text/plain", "Upload-Offset": "0"}
    assert problem(client.patch(begin(client), headers=headers)) == (415, "not-a-part")


def test_more_than_was_announced_is_refused(client: TestClient, uploads: Uploads) -> None:
    """The file never becomes longer than that."""
    path = begin(client, 10)
    assert problem(add(client, path, 0, bytes(11))) == (413, "upload-too-large")
    assert stored(uploads, path) == b""


def test_an_upload_that_is_not_there_is_not_found(client: TestClient) -> None:
    """Whatever its name is."""
    for name in ("0" * 32, "x", "..", "%2e%2e"):
        answer = client.delete(f"/v1/uploads/{name}", headers=TUS)
        assert answer.status_code == 404
    assert problem(add(client, f"/v1/uploads/{'0' * 32}", 0, b"1")) == (404, "upload-not-found")


def test_an_expired_upload_is_gone(client: TestClient, uploads: Uploads) -> None:
    """Until it is swept."""
    path = begin(client)
    os.utime(uploads.parts.data(path.rpartition("/")[2]), (0, 0))
    assert problem(add(client, path, 0, b"1")) == (410, "upload-expired")


def test_an_upload_can_be_ended(client: TestClient, uploads: Uploads) -> None:
    """Its bytes are deleted."""
    path = begin(client)
    assert client.delete(path, headers=TUS).status_code == 204
    assert client.head(path, headers=TUS).status_code == 404
    assert not uploads.parts.data(path.rpartition("/")[2]).exists()


def test_uploads_are_counted(client: TestClient, uploads: Uploads) -> None:
    """By what has become of them, and in the bytes that were stored, also of a part that failed."""
    whole, ended, full = begin(client), begin(client), begin(client)
    refused = client.post("/v1/uploads", headers={**TUS, "Upload-Length": "1"})
    assert refused.status_code == 413
    add(client, whole, 0, DATA[:1000])
    add(client, whole, 1000, DATA[1000:])
    assert add(client, whole, len(DATA), b"").status_code == 204  # complete already
    client.delete(ended, headers=TUS)
    uploads.parts._free = lambda _folder: -1
    assert add(client, full, 0, DATA).status_code == 507
    text = client.get("/metrics").text
    counted = dict(
        re.findall(r'^clipseek_uploads_total{outcome="(\w+)"} (\S+)', text, re.MULTILINE)
    )
    assert counted == {"begun": "3.0", "complete": "1.0", "ended": "1.0", "refused": "1.0"}
    assert f"clipseek_upload_bytes_total {float(len(DATA))}\n" in text
    assert "clipseek_uploads_receiving 0.0\n" in text


def test_a_busy_upload_is_locked(client: TestClient, uploads: Uploads) -> None:
    """Another request adds to it."""
    path = begin(client)
    appending = uploads.append(path.rpartition("/")[2], "anonymous", 0)
    assert problem(add(client, path, 0, b"1")) == (423, "upload-busy")
    assert problem(client.delete(path, headers=TUS)) == (423, "upload-busy")
    appending.close()
    assert add(client, path, 0, b"1").status_code == 204


def test_a_full_disk_keeps_what_it_took(client: TestClient, uploads: Uploads) -> None:
    """The upload continues when there is space again."""
    path = begin(client)
    add(client, path, 0, DATA[:100])
    uploads.parts._free = lambda _folder: -1
    answer = add(client, path, 100, DATA[100:])
    assert problem(answer) == (507, "disk-full")
    assert "Retry-After" in answer.headers
    assert str(uploads.parts.root) not in answer.text
    uploads.parts._free = lambda _folder: 2**40
    assert add(client, path, 100, DATA[100:]).status_code == 204
    assert stored(uploads, path) == DATA


def test_links_begin_with_the_path_of_the_proxy(library: Library) -> None:
    """As all links."""
    with TestClient(create_app(library.service(root_path="/clips"))) as client:
        path = begin(client)
        assert path.startswith("/clips/v1/uploads/")
        assert add(client, path, 0, DATA).status_code == 204


def test_pages_of_allowed_sites_may_upload(client: TestClient) -> None:
    """Their browser asks first which methods and headers are allowed."""
    asked = client.options(
        "/v1/uploads/a",
        headers={
            "Origin": "https://a.example",
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "content-type,tus-resumable,upload-offset",
        },
    )
    assert asked.status_code == 200
    begun = client.post(
        "/v1/uploads", headers={**TUS, "Upload-Length": "1", "Origin": "https://a.example"}
    )
    exposed = begun.headers["Access-Control-Expose-Headers"]
    assert {"Location", "Upload-Offset"} <= set(exposed.split(", "))


def test_nothing_is_written_before_the_first_upload(
    client: TestClient, library: Library, tmp_path: Path
) -> None:
    """A server that only searches needs no folder that it can write."""
    client.head(f"/v1/uploads/{'0' * 32}", headers=TUS)
    assert not (library.folder / "uploads").exists()
    begin(client)
    assert (library.folder / "uploads").is_dir()
