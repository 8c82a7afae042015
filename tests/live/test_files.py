"""The files of recordings: named when their chunk begins, and none is left behind."""

import os
from pathlib import Path

import pytest

from clipseek.files import local_stamp, mtime_ns
from clipseek.live.files import ChunkFiles, facts

AT = 1_795_946_400.0


@pytest.fixture
def files(tmp_path: Path) -> ChunkFiles:
    """Return the files of a camera."""
    return ChunkFiles(tmp_path, "0123456789abcdef", reserve_bytes=0)


def names(files: ChunkFiles) -> list[str]:
    """Return what is in the folder of the camera."""
    return sorted(path.name for path in files.folder.rglob("*") if path.is_file())


def test_a_file_is_named_by_its_beginning(files: ChunkFiles) -> None:
    """It was opened before, so what is written meanwhile is in it."""
    descriptor = files.spare()
    os.write(descriptor, b"early")
    path = files.begin(AT)
    os.close(descriptor)
    assert path is not None
    assert path.read_bytes() == b"early"
    assert names(files) == ["10-00-00-000Z.mp4"]


def test_a_file_that_was_not_used_is_deleted(files: ChunkFiles) -> None:
    """When the camera ends."""
    os.close(files.spare())
    files.close()
    assert names(files) == []


def test_files_of_a_recorder_that_was_killed_are_deleted(files: ChunkFiles) -> None:
    """Their chunks have never begun; those that have stay."""
    os.close(files.spare())
    files.begin(AT)
    os.close(files.spare())
    other = ChunkFiles(files.folder.parent, "0123456789abcdef", reserve_bytes=0)
    os.close(other.spare())
    assert len(names(files)) == 2
    other.close()
    assert names(files) == ["10-00-00-000Z.mp4"]


def test_a_disk_without_space_is_an_error(tmp_path: Path) -> None:
    """Before it is full, because the catalog may be on it too."""
    with pytest.raises(OSError, match="No space left"):
        ChunkFiles(tmp_path, "0123456789abcdef", reserve_bytes=2**62).spare()


def test_other_users_do_not_see_recordings(files: ChunkFiles) -> None:
    """Only the owner and the group read what a camera sees."""
    os.close(files.spare())
    path = files.begin(AT)
    assert path is not None
    assert path.stat().st_mode & 0o007 == 0


def test_the_facts_are_those_of_the_disk(tmp_path: Path) -> None:
    """As a source states them; a file that is gone has none."""
    path = tmp_path / "a.mp4"
    path.write_bytes(b"1234")
    assert facts(path) == (4, local_stamp(4, mtime_ns(path.stat())))
    assert facts(tmp_path / "b.mp4") == (0, "")
