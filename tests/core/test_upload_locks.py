"""Who adds to an upload has its file, and no other one."""

import fcntl
from pathlib import Path

import pytest

from clipseek.errors import ServiceUnavailable, UploadNotFound
from clipseek.uploads import Uploads
from tests.core.test_uploads import add, begin, uploads

__all__ = ["uploads"]


def test_a_link_in_place_of_the_bytes_is_not_followed(uploads: Uploads, tmp_path: Path) -> None:
    """What it leads to is not written."""
    own = tmp_path / "own.mp4"
    own.write_bytes(b"")
    upload = begin(uploads)
    data = uploads.parts.data(upload.id)
    data.unlink()
    data.symlink_to(own)
    with pytest.raises(ServiceUnavailable):
        add(uploads, upload, 0, b"1")
    assert own.read_bytes() == b""


def test_bytes_that_are_deleted_just_now_take_no_more(
    uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is open already, and has no name any more when its lock is there."""
    upload, lock = begin(uploads), fcntl.flock

    def deleted(descriptor: int, how: int) -> None:
        uploads.parts.delete(upload.id)
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", deleted)
    with pytest.raises(UploadNotFound):
        uploads.append(upload.id, "ann", 0)
