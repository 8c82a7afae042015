"""The command over what would take for ever: pipes, devices, bombs, and signals in the middle."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Library

ROOT = Path(__file__).parents[2]


def _gif(side: int, frames: int) -> bytes:
    """Return a GIF of that many frames of one pixel each, on a canvas of side x side."""
    head = b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"\x21\xf9\x04\x08\x01\0\0\0" + b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0)
    return head + (frame + b"\x02\x02\x44\x01\x00") * frames + b";"


def test_what_has_no_end_fails_and_the_rest_is_indexed(
    empty: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipe, a device and a bomb are named between videos: exit 1, one line each."""
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "zero.mp4").symlink_to("/dev/zero")
    (tmp_path / "bomb.gif").write_bytes(_gif(16000, 2000))
    named = [str(tmp_path / name) for name in ("pipe.mp4", "zero.mp4", "bomb.gif")]
    video = str(sorted(empty.videos.glob("*.mp4"))[0])
    assert empty.run("ingest", *named, video, "--model", "demo", "--json") == 1
    reports = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    reasons = {report["path"]: report["reason"] for report in reports if "path" in report}
    assert [reasons[path].split(";")[0] for path in named] == [
        "not a regular file",
        "not a regular file",
        "exceeds 67108864 pixels a frame, with 16000x16000",
    ]
    assert reasons[video] == ""


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGINT,
        pytest.param(signal.SIGTERM, marks=pytest.mark.long),
        pytest.param(signal.SIGHUP, marks=pytest.mark.long),
    ],
)
def test_a_signal_ends_a_run_in_the_middle_of_a_bomb(
    number: signal.Signals, tmp_path: Path
) -> None:
    """The summary is printed, the exit code is 130, and no decoder is left."""
    path = tmp_path / "bomb.gif"
    path.write_bytes(_gif(4000, 20_000))
    with _ingest(tmp_path, path) as program:
        child = _decoder(program.pid, path)
        program.send_signal(number)
        out, err = program.communicate(timeout=60)
    assert program.returncode == 130
    assert out.startswith("0 videos: none")
    assert "interrupted; run the same command again" in err
    assert not Path(f"/proc/{child}").exists()


@pytest.mark.parametrize(
    "ignored",
    [
        pytest.param(signal.SIGHUP, marks=pytest.mark.long, id="nohup"),
        pytest.param(signal.SIGINT, id="background"),
    ],
)
def test_a_signal_that_is_ignored_from_the_start_ends_no_run(
    ignored: signal.Signals, tmp_path: Path
) -> None:
    """Scripts ignore SIGINT for what they start in the background; SIGTERM ends it all the same."""
    path = tmp_path / "bomb.gif"
    path.write_bytes(_gif(4000, 20_000))
    with _ingest(tmp_path, path, ignoring=ignored) as program:
        _decoder(program.pid, path)
        program.send_signal(ignored)
        program.send_signal(signal.SIGTERM)
        program.communicate(timeout=60)
    assert program.returncode == 130


def _ingest(
    folder: Path, path: Path, ignoring: signal.Signals | None = None
) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "indexer", "--data-dir", str(folder / "data")]
    before = None if ignoring is None else signal.signal(ignoring, signal.SIG_IGN)
    try:
        return subprocess.Popen(
            [*command, "ingest", str(path), "--model", "demo", "--decode", "exact"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        if ignoring is not None:
            signal.signal(ignoring, before)


def _decoder(parent: int, path: Path) -> int:
    """Wait until a child of the run has the file open, and return it."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for task in Path(f"/proc/{parent}/task").iterdir():
            for pid in (task / "children").read_text().split():
                if _has_open(pid, path):
                    return int(pid)
        time.sleep(0.02)
    raise AssertionError(f"no decoder opened {path}")


def _has_open(pid: str, path: Path) -> bool:
    try:
        return any(str(link.readlink()) == str(path) for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False
