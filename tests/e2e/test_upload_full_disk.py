"""An upload meets a disk that is really full: what was stored stays, and it continues later."""

import os
from pathlib import Path

import pytest

from api.app import create_app
from clipseek.errors import DiskFull
from clipseek.testing import MemoryCatalog
from clipseek.uploads import Uploads
from tests.api.library import Library
from tests.api.server import serving
from tests.api.test_connections import problem, send
from tests.api.test_upload_connections import head
from tests.e2e.test_full_disk import small_disk

__all__ = ["small_disk"]
SIZE = 3 << 20


def test_an_upload_continues_when_there_is_space_again(tmp_path: Path, small_disk: Path) -> None:
    """What the disk took is stored, and the file is equal at the end."""
    (tmp_path / "library").mkdir()
    library = Library(tmp_path / "library", MemoryCatalog())
    app = create_app(library.service(upload_dir=small_disk / "uploads", upload_reserve_bytes=0))
    uploads: Uploads = app.state.receiving.uploads
    name = uploads.create("anonymous", "default", SIZE, {}).id
    content, other = os.urandom(SIZE), small_disk / "other"
    other.write_bytes(bytes(2 << 20))
    with serving(app) as address:
        status, document = problem(send(address, head(name, 0, SIZE) + content))
        assert (status, document["type"]) == (507, "/problems/disk-full")
        offset = uploads.get(name, "anonymous").offset
        assert 1 << 20 <= offset < 2 << 20
        with pytest.raises(DiskFull):
            uploads.create("anonymous", "default", SIZE, {})
        other.unlink()
        rest = content[offset:]
        answer = send(address, head(name, offset, len(rest)) + rest)
        assert answer.startswith(b"HTTP/1.1 204")
    assert uploads.parts.data(name).read_bytes() == content
