"""Space is kept free for removing videos when the disk is full."""

import errno
import os
from pathlib import Path

import pytest

from clipseek.config import Settings
from indexer import reserve


def _blocks(path: Path) -> int:
    return path.stat().st_blocks * 512


def test_the_reserve_takes_space_and_gives_it_back(tmp_path: Path) -> None:
    """The file is not sparse: its blocks are allocated."""
    settings = Settings.load(data_dir=tmp_path)
    reserve.keep(settings)
    assert _blocks(tmp_path / reserve.RESERVE) >= reserve.RESERVE_BYTES
    reserve.give_back(settings)
    reserve.give_back(settings)
    assert list(tmp_path.iterdir()) == []


def test_no_part_of_a_reserve_is_left_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it does not fit, an ingest goes on without it."""

    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    reserve.keep(Settings.load(data_dir=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_server_keeps_its_own(tmp_path: Path) -> None:
    """A database server's disk is another one."""
    settings = Settings.load(data_dir=tmp_path, database_url="postgresql://u@h/d")
    reserve.keep(settings)
    assert list(tmp_path.iterdir()) == []
