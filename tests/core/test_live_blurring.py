"""A recording that is blurred while it grows: file after file, few frames, and no mark."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from clipseek.live import blurring
from clipseek.live.blurring import Blurred
from clipseek.live.playing import Tail
from clipseek.redaction import Redactor
from clipseek.redaction.faults import RedactionUnavailable
from clipseek.testing.finder import MarkFinder, mark
from clipseek.video.streaming import FPS, HEIGHT, Files, Pipe, stream
from tests.chaos.program import children, wait_until
from tests.core.test_live_playing import OPTIONS, recorded, stored
from tests.faces import drawn, frames

SECONDS = 2


def grown(folder: Path, name: str, seconds: int = SECONDS) -> bytes:
    """Return a recording with 10 frames a second that shows a mark."""
    picture = np.full((480, 640, 3), 90, np.uint8)
    picture[100:164, 100:164] = mark(64, 64)
    return drawn(folder / name, [picture] * (10 * seconds), movflags=OPTIONS["movflags"])


def test_files_that_follow_each_other_are_one_blurred_stream(tmp_path: Path) -> None:
    """Five frames a second of each file, small, and none shows the mark."""
    together, made = tmp_path / "both", tmp_path / "made.mp4"
    together.write_bytes(grown(tmp_path, "a.mp4") + grown(tmp_path, "b.mp4"))
    source, target = os.open(together, os.O_RDONLY), os.open(made, os.O_WRONLY | os.O_CREAT)
    try:
        stream(Files(source), Pipe(target), Redactor([MarkFinder()]), frame_pixels=2**20)
    finally:
        os.close(source)
        os.close(target)
    shown = frames(made.read_bytes())
    assert len(shown) == 2 * SECONDS * FPS
    assert shown[0].shape == (HEIGHT, 480, 3)
    assert [len(MarkFinder().find(frame)) for frame in shown] == [0] * len(shown)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait longer for a child than a server does: tests run beside each other."""
    monkeypatch.setattr(blurring, "FIRST_S", 120.0)


@pytest.mark.parametrize(
    "data",
    [b"", b"\0\0\0\x04ftyp", b"\0\0", b"\0\0\0\x01ftyp\0\0"],
    ids=["none", "size", "cut", "64"],
)
def test_what_is_no_box_is_the_end(tmp_path: Path, data: bytes) -> None:
    """A recording that is cut off, or damaged, ends there."""
    (tmp_path / "a").write_bytes(data)
    with (tmp_path / "a").open("rb") as file:
        assert not Files(file.fileno()).begin()


def test_a_stream_that_falls_behind_breaks_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no codec any more, so that its reader ends it; closing ends the child."""
    monkeypatch.setattr(blurring, "BEHIND_S", 0.1)
    stored(tmp_path, grown(tmp_path, "first.mp4", seconds=2 * SECONDS))
    before = set(children(os.getpid()))
    blurred = Blurred(Tail(tmp_path), ("faces",), memory_bytes=2**30, frame_pixels=2**26)
    try:
        assert blurred.read()
        assert blurred.codecs is not None
        (child,) = set(children(os.getpid())) - before
        os.kill(child, signal.SIGSTOP)
        stored(tmp_path, _large(), "2026-11-29/11-00-00-000Z.mp4")
        wait_until(lambda: not blurred.read() and blurred.codecs is None, "the end")
    finally:
        blurred.close()
    assert set(children(os.getpid())) <= before
    assert blurred.read() == b""


def _large() -> bytes:
    """Return a box that no pipe holds."""
    size = 1 << 20
    return size.to_bytes(4) + b"mdat" + bytes(size - 8)


def test_a_child_that_ends_is_said(tmp_path: Path) -> None:
    """What cannot be decoded is not "nothing is recorded"."""
    stored(tmp_path, recorded(1))
    blurred = Blurred(Tail(tmp_path), ("hats",), memory_bytes=2**30, frame_pixels=2**26)
    try:
        with pytest.raises(
            RedactionUnavailable, match="process that blurs a live stream has ended"
        ):
            blurred.read()
    finally:
        blurred.close()
