"""Opening regular files: whatever else a name may lead to is refused at once."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from clipseek.files import NotARegularFile, open_regular


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    # The path of a Unix socket may have 107 bytes, and folders of tests are deep.
    folder = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")
    os.close(folder)


def _zero(path: Path) -> None:
    path.symlink_to("/dev/zero")


KINDS = pytest.mark.parametrize(
    "make",
    [
        pytest.param(_fifo, id="pipe"),
        pytest.param(_socket, id="socket"),
        pytest.param(_zero, id="link to a device"),
        pytest.param(Path.mkdir, id="folder"),
    ],
)


@KINDS
def test_what_is_not_a_regular_file_is_refused(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    """Opening a pipe would wait for a writer, and a device may have no end."""
    path = tmp_path / "a.mp4"
    make(path)
    with pytest.raises(NotARegularFile, match="not a regular file"):
        open_regular(path)


@KINDS
def test_a_file_that_is_swapped_after_the_look_is_refused(
    tmp_path: Path, make: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The descriptor decides, not what the name led to before it was opened."""
    path, other = tmp_path / "a.mp4", tmp_path / "other"
    make(path)
    other.write_bytes(b"video")
    looked_like = other.stat()
    monkeypatch.setattr(Path, "stat", lambda *_, **__: looked_like)
    with pytest.raises(NotARegularFile):
        open_regular(path)


def test_a_regular_file_is_read_by_its_descriptor(tmp_path: Path) -> None:
    """A file put in its place meanwhile is another one."""
    path = tmp_path / "a.mp4"
    path.write_bytes(b"first")
    with open_regular(path) as file:
        (tmp_path / "b.mp4").write_bytes(b"other")
        (tmp_path / "b.mp4").replace(path)
        assert file.read() == b"first"
        assert not os.get_inheritable(file.fileno())


def test_a_link_is_refused_where_links_are_not_followed(tmp_path: Path) -> None:
    """Else a link to a file is that file."""
    (tmp_path / "a.mp4").write_bytes(b"video")
    link = tmp_path / "link.mp4"
    link.symlink_to("a.mp4")
    with open_regular(link) as file:
        assert file.read() == b"video"
    with pytest.raises(NotARegularFile):
        open_regular(link, follow_links=False)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The system's own error passes through."""
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "a.mp4")
