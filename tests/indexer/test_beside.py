"""The worker of `clipseek serve`."""

import time
from pathlib import Path

import pytest

from clipseek.assembly import has_catalog
from clipseek.config import Settings
from indexer.beside import working

WAIT_S = 20


def test_videos_can_be_added_at_once(tmp_path: Path) -> None:
    """The catalog is there before the worker has started."""
    settings = Settings.load(data_dir=tmp_path)
    with working(settings):
        assert has_catalog(settings)


def test_a_worker_that_fails_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The server goes on, so somebody must hear that videos wait."""
    data_dir = tmp_path / "a-file"
    data_dir.write_bytes(b"")
    said, deadline = "", time.monotonic() + WAIT_S
    with working(Settings.load(data_dir=data_dir)):
        while "the worker ended with exit code" not in said:
            assert time.monotonic() < deadline, said
            time.sleep(0.02)
            said += capsys.readouterr().err
    assert "start `indexer work`" in said
