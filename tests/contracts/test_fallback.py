"""Fallback from fast to exact decoding in the middle of a video: no cut is lost."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from clipseek.sampling import grid
from clipseek.video import PyAVFrames
from clipseek.video.decoding import Decoding
from clipseek.video.groups import FallBack
from clipseek.video.pyav import Decode
from tests.contracts.readers import Read, read_all
from tests.contracts.videos import BLUE, GREEN, RED, Plan, rgb_frame, write


def read(path: Path, decode: Decode) -> Read:
    """Read a video once a second, and find its cuts."""
    with PyAVFrames(path, decode=decode) as source:
        return read_all(source, grid(1), with_cuts=True)


def scenes(time: Fraction) -> VideoFrame:
    """Return another texture every 1.2 s, so that shots part wherever groups of pictures do not."""
    rng = np.random.default_rng(int(time / Fraction(6, 5)))
    small = rng.integers(0, 256, (4, 6, 3), np.uint8)
    pixels: NDArray[np.uint8] = np.kron(small, np.ones((18, 18, 1), np.uint8))
    return rgb_frame(np.roll(pixels, int(time * 25) % 3, axis=1))


@pytest.mark.parametrize("after", range(0, 150, 7))
def test_falling_back_loses_no_cut(
    tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever fast decoding gives up, each cut is marked once and no frame comes twice."""
    path = tmp_path / "video.mp4"
    options = {"preset": "ultrafast", "g": "40", "bf": "2", "sc_threshold": "0"}

    def prepare(stream: VideoStream) -> None:
        stream.codec_context.options = options

    write(path, Plan(shots=((6, RED),), size=(108, 72)), frame=scenes, prepare=prepare)
    exact = read(path, "exact")
    seen = 0
    stamp = Decoding._stamp

    def failing(self: Decoding, frame: VideoFrame) -> int:
        nonlocal seen
        seen += 1
        if seen > after:
            raise FallBack("by the test")
        return stamp(self, frame)

    monkeypatch.setattr(Decoding, "_stamp", failing)
    fast = read(path, "fast")
    assert fast.cuts == pytest.approx(exact.cuts, abs=0.2)
    assert fast.times == sorted(set(fast.times))
    assert len(fast.times) == pytest.approx(len(exact.times), abs=1)


def flagged(path: Path, number: int) -> Path:
    """Set the error flag of one packet of a transport stream's video; its content stays whole."""
    content = bytearray(path.read_bytes())
    pids = {
        at: int.from_bytes(content[at + 1 : at + 3], "big") for at in range(0, len(content), 188)
    }
    content[[at for at, pid in pids.items() if pid & 0x1FFF == 0x100][number] + 1] |= 0x80
    damaged = path.with_suffix(f".{number}.ts")
    damaged.write_bytes(content)
    return damaged


@pytest.mark.parametrize("number", range(10, 150, 10))
def test_falling_back_keeps_a_cut_behind_a_frame_that_was_handed_on(
    tmp_path: Path, number: int
) -> None:
    """The frame at 0.96 s is asked for, and the next one begins a shot, wherever the damage is."""
    path = tmp_path / "video.ts"
    options = {"preset": "veryfast", "g": "26", "bf": "0", "sc_threshold": "0"}

    def prepare(stream: VideoStream) -> None:
        stream.codec_context.options = options

    write(path, Plan(shots=((1, RED), (3, BLUE), (2, GREEN))), container="mpegts", prepare=prepare)
    with PyAVFrames(flagged(path, number), decode="fast") as source:
        found = read_all(source, [0, Fraction(24, 25)], with_cuts=True)
        assert source.damage == "1 packet could not be decoded"
    assert found.cuts == [1.0, 4.0]
    assert found.times == [0.0, 0.96, 1.0, 4.0]
