"""The sound of a video as samples that begin where the video begins."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from clipseek.video import Confined, DecordFrames, Limits
from clipseek.video.pyav import PyAVFrames
from clipseek.video.sound import RATE

TONE = (np.sin(np.arange(44_100) * 2 * np.pi * 440 / 44_100) * 20_000).astype(np.int16)


def _film(path: Path, *tones: float, rate: int = 44_100) -> str:
    """Write three seconds of black with a second of a tone from each of these times on."""
    with av.open(str(path), "w", format="matroska") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=rate, layout="stereo") if tones else None
        for number in range(75):
            frame = av.VideoFrame(64, 64, "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for start in tones:
            both = np.repeat(TONE, 2)[None, :]
            heard = av.AudioFrame.from_ndarray(both, format="s16", layout="stereo")
            heard.sample_rate, heard.time_base = rate, Fraction(1, rate)
            heard.pts = round(start * rate)
            assert sound is not None
            container.mux(sound.encode(heard))
    return str(path)


def _loud(path: str, *, longest_s: float = 60.0) -> tuple[list[int], float]:
    """Return which tenths of a second are loud, and the length in seconds."""
    with PyAVFrames(path) as opened:
        samples = np.concatenate([*opened.sound(longest_s=longest_s), np.zeros(0, np.float32)])
    assert samples.dtype == np.float32
    assert np.abs(samples).max(initial=0) <= 1
    tenth = RATE // 10
    parts = np.abs(samples[: len(samples) // tenth * tenth]).reshape(-1, tenth).mean(axis=1)
    return np.flatnonzero(parts > 0.2).tolist(), len(samples) / RATE


@pytest.mark.parametrize(
    ("starts", "loud"),
    [
        pytest.param((0.0,), [*range(10)], id="from-the-start"),
        pytest.param((1.5,), [*range(15, 25)], id="late"),
        pytest.param((0.0, 2.0), [*range(10), *range(20, 30)], id="gap"),
        pytest.param((0.0, 0.5), [*range(15)], id="overlap"),
        pytest.param((0.0, 1.0), [*range(20)], id="one-after-the-other"),
    ],
)
def test_sound_is_where_its_timestamps_say(
    starts: tuple[float, ...], loud: list[int], tmp_path: Path
) -> None:
    """Gaps are silence, and what overlaps is left out; two channels are one, at 16 kHz."""
    found, length = _loud(_film(tmp_path / "a.mkv", *starts))
    assert found == loud
    assert length == pytest.approx((loud[-1] + 1) / 10, abs=0.01)


def test_a_video_without_sound_has_no_samples(tmp_path: Path) -> None:
    """And it is not an error."""
    assert _loud(_film(tmp_path / "a.mkv")) == ([], 0)


def test_a_broken_timestamp_is_not_years_of_silence(tmp_path: Path) -> None:
    """Reading ends at the limit."""
    path = _film(tmp_path / "a.mkv", 0.0, 3_000_000.0)
    assert _loud(path, longest_s=5.0) == ([*range(10)], 5.0)


@pytest.mark.parametrize("reader", [PyAVFrames, DecordFrames], ids=["pyav", "decord"])
def test_blocks_have_about_a_second(
    tmp_path: Path, reader: type[PyAVFrames] | type[DecordFrames]
) -> None:
    """So that long videos take little memory."""
    with reader(_film(tmp_path / "a.mkv", 1.7)) as opened:
        lengths = [len(block) for block in opened.sound(longest_s=60)]
    assert max(lengths) < 2 * RATE
    assert sum(lengths) / RATE == pytest.approx(2.7, abs=0.01)


def test_a_child_process_reads_the_same_sound(tmp_path: Path) -> None:
    """And afterwards the next video."""
    paths = [_film(tmp_path / "a.mkv", 0.5), _film(tmp_path / "b.mkv")]
    limits = Limits(2**26, 1000.0, 60.0, 3600.0, 2**30)
    with Confined(PyAVFrames, limits=limits) as opener:
        for path in paths:
            with opener(path) as source, PyAVFrames(path) as other:
                heard = [block.tolist() for block in source.sound(longest_s=60)]
                assert heard == [block.tolist() for block in other.sound(longest_s=60)]
                with pytest.raises(RuntimeError, match="was read already"):
                    list(source.read([0.0]))
