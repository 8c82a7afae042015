"""The worker of `clipseek serve`."""

import time
from pathlib import Path

import pytest

from clipseek.config import Settings
from indexer.beside import working

WAIT_S = 20


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
