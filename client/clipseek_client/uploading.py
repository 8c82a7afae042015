"""Uploads a file part by part, and goes on after a lost connection (tus 1.0.0)."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx2

from clipseek_client.answers import Job
from clipseek_client.calls import add, begin_upload, upload_id
from clipseek_client.errors import (
    ClientError,
    InvalidValue,
    ProblemError,
    UnexpectedAnswer,
    UploadInterrupted,
)
from clipseek_client.retrying import Outcome
from clipseek_client.steps import Flow, Read, Request, Server

PART_BYTES = 8 << 20
"""Bytes of one part: as much as is sent again after a cut if a proxy collects whole requests."""
TUS = {"Tus-Resumable": "1.0.0"}
MAY_PASS = (409, 423, 429, 502, 503, 504, 507)
"""Statuses after which the same upload can be continued later; 507: the disk is full."""
Progress = Callable[[int, int], None]
"""Is called with the bytes that the server has stored, and with those of the file."""


def upload(
    server: Server,
    file: Path,
    *,
    collection: str | None,
    resume: str | None,
    progress: Progress | None,
    part_bytes: int = PART_BYTES,
) -> Flow[str]:
    """Upload a file and return the address of the upload, which is whole.

    Raises:
        InvalidValue: The file cannot be read, or is not the one that the upload was begun with.
        UploadInterrupted: It is not whole, and can be continued.
    """
    size = yield Read(lambda: _size(file))
    offset = 0
    if resume is None:
        address = yield from begin_upload(server, file.name, size, collection)
    else:
        address = resume
        offset = yield from _stored(server, address, size, file)
    attempt = 0
    while offset < size:
        part = yield Read(partial(_part, file, offset, min(part_bytes, size - offset)))
        request = _patch(address, offset, part)
        outcome: Outcome = yield request
        if isinstance(outcome, httpx2.Response) and outcome.status_code == 204:
            offset, attempt = offset + len(part), 0
        else:
            before = offset
            try:
                yield from _pause(server, request, outcome, attempt)
                offset = yield from _stored(server, address, size, file)
            except ClientError as error:
                raise _interrupted(error, address, offset) from error
            attempt = 0 if offset > before else attempt + 1
        if progress is not None:
            progress(offset, size)
    return address


def uploaded(
    server: Server,
    file: Path,
    said: Mapping[str, Any],
    *,
    resume: str | None,
    progress: Progress | None,
) -> Flow[Job]:
    """Upload a file, and ask for it to be indexed as is said of it.

    Raises:
        UploadInterrupted: It is not whole, or it is and was not asked for; it can be continued.
    """
    address = yield from upload(
        server, file, collection=said["collection"], resume=resume, progress=progress
    )
    try:
        return (yield from add(server, {"upload": upload_id(address), **said}, None))
    except ClientError as error:
        raise _interrupted(error, address, (yield Read(partial(_size, file)))) from error


def _patch(address: str, offset: int, part: bytes) -> Request:
    headers = {
        **TUS,
        "Upload-Offset": str(offset),
        "Content-Type": "application/offset+octet-stream",
    }
    return Request("PATCH", address, content=part, headers=headers)


def _pause(server: Server, request: Request, outcome: Outcome, attempt: int) -> Flow[None]:
    """Wait until the next try.

    409: the part before has arrived after all. 423: the server has not noticed yet that the
    connection before is lost.
    """
    if attempt < server.retries.most and getattr(outcome, "status_code", 0) in (409, 423):
        outcome = httpx2.ReadError("the upload is at another byte, or busy")
    yield from server.pause(request, outcome, attempt)


def _stored(server: Server, address: str, size: int, file: Path) -> Flow[int]:
    """Return how many bytes are stored.

    Raises:
        InvalidValue: The upload is of a file of another size.
        UnexpectedAnswer: The answer does not say how many, so it is not one of tus.
    """
    response = yield from server.answered(Request("HEAD", address, headers=TUS))
    said = [response.headers.get(name, "") for name in ("upload-length", "upload-offset")]
    if not all(each.isdecimal() for each in said):
        raise UnexpectedAnswer(
            f"{address} does not say how much of an upload is stored; check the address, and that "
            "a proxy in front of the server keeps the headers Upload-Length and Upload-Offset"
        )
    length, offset = map(int, said)
    if length != size:
        raise InvalidValue(
            f"the upload is of a file of {length} bytes, and {file} has {size}; upload it from the "
            "start, without resume"
        )
    return offset


def _interrupted(cause: ClientError, address: str, offset: int) -> ClientError:
    """Return the error of an upload that can be continued, or the cause if it cannot."""
    if isinstance(cause, ProblemError) and cause.status not in MAY_PASS:
        return cause
    return UploadInterrupted(
        f"the upload has stopped after {offset} bytes, because: {cause}; upload the file again "
        f"with resume={address!r} to continue",
        address,
        offset,
    )


def _size(file: Path) -> int:
    try:
        if not file.is_file():
            raise InvalidValue(f"file must be a regular file, got {file}; give the path of a video")
        return file.stat().st_size
    except OSError as error:
        raise InvalidValue(f"file cannot be read, got {file}: {error.strerror}") from error


def _part(file: Path, offset: int, length: int) -> bytes:
    """Return some bytes of a file.

    Raises:
        InvalidValue: It has become shorter, or cannot be read.
    """
    try:
        with file.open("rb") as opened:
            opened.seek(offset)
            part = opened.read(length)
    except OSError as error:
        raise InvalidValue(f"file cannot be read, got {file}: {error.strerror}") from error
    if len(part) < length:
        raise InvalidValue(
            f"{file} has become shorter while it was uploaded; upload it again when it is complete"
        )
    return part
