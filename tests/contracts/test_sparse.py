"""Decoding for search: how far it may leave the exact frames, and when it must not at all."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import get_args

import av
import numpy as np
import pytest
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from clipseek.sampling import grid
from clipseek.video import PyAVFrames
from clipseek.video.pyav import Decode
from clipseek.video.sparse import SparseDecoder
from tests.contracts.readers import Read, read_all
from tests.contracts.videos import BLUE, GREEN, RED, Plan, rgb_frame, write

REACH_S = 0.2
LONG = Plan(shots=((4, RED), (3, BLUE), (5, GREEN)))


def options(**given: str) -> Callable[[VideoStream], object]:
    """Return what sets options of x264; names with a hyphen are written with an underscore."""

    def prepare(stream: VideoStream) -> None:
        named = {name.replace("_", "-"): value for name, value in given.items()}
        stream.codec_context.options = {"preset": "veryfast", "bf": "3", **named}

    return prepare


EXACT, FAST, KEYFRAMES = get_args(Decode)


def read(path: Path, decode: Decode, *, with_cuts: bool = False) -> Read:
    """Read a video once a second."""
    with PyAVFrames(path, decode=decode) as source:
        return read_all(source, grid(1), with_cuts=with_cuts)


def is_sparse(path: Path) -> bool:
    """Say whether fast decoding of a video goes through without falling back."""
    with PyAVFrames(path, decode="fast") as source:
        read_all(source, grid(1))
        return isinstance(source._decoder, SparseDecoder)


def moving(time: Fraction) -> VideoFrame:
    """Return a picture that is another at each time, with a square that moves."""
    pixels = np.full((72, 128, 3), 60, np.uint8)
    left = int(time * 10) % 100
    pixels[20:50, left : left + 28] = (220, 180, 40)
    return rgb_frame(pixels)


ENCODINGS = {
    "default": {},
    "short-groups": {"g": "25"},
    "no-keyframes-at-cuts": {"g": "25", "sc_threshold": "0"},
    "no-b-frames": {"bf": "0", "g": "30", "sc_threshold": "0"},
    "open-groups": {"g": "25", "x264_params": "open-gop=1"},
    "intra-only": {"g": "1"},
    "one-group": {"g": "1000", "sc_threshold": "0"},
}


@pytest.fixture(params=list(ENCODINGS))
def encoded(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Write a video of three shots in one way of coding."""
    path = tmp_path / "video.mp4"
    write(path, LONG, prepare=options(**ENCODINGS[request.param]))
    return path


def test_fast_frames_are_near_the_exact_ones(encoded: Path) -> None:
    """For each exact frame there is one within 0.2 s, and nothing falls back."""
    exact, fast = read(encoded, "exact"), read(encoded, "fast")
    assert len(fast.times) == len(exact.times)
    assert np.abs(np.subtract(fast.times, exact.times)).max() <= REACH_S
    assert is_sparse(encoded)


def test_fast_frames_have_their_own_times(encoded: Path) -> None:
    """A frame shows what the video shows at the time that it states."""
    fast = read(encoded, "fast")
    assert fast.colours == [LONG.colour(Fraction(time)) for time in fast.times]


def test_fast_finds_the_first_frames_of_shots(encoded: Path) -> None:
    """Cuts are those of exact decoding, but for frames left out: at most three in a row."""
    exact, fast = read(encoded, "exact", with_cuts=True), read(encoded, "fast", with_cuts=True)
    assert exact.cuts == [4.0, 7.0]
    assert len(fast.cuts) == 2
    assert np.abs(np.subtract(fast.cuts, exact.cuts)).max() <= 4 / 25


def test_fast_knows_the_length_of_the_video(encoded: Path) -> None:
    """The end is that of the last frame, whether it was decoded or not."""
    for decode in (FAST, KEYFRAMES):
        with PyAVFrames(encoded, decode=decode) as source:
            list(source.read([]))
            assert source.duration == pytest.approx(float(LONG.end))
            assert source.damage == ""


def test_keyframes_are_all_that_is_shown(tmp_path: Path) -> None:
    """With a keyframe each two seconds, those come, each once, with their times."""
    path = tmp_path / "video.mp4"
    write(path, LONG, prepare=options(g="50", sc_threshold="0"))
    found = read(path, "keyframes")
    assert found.times == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    assert found.colours == [LONG.colour(time) for time in (0, 2, 4, 6, 8, 10)]


@pytest.mark.parametrize("bf", ["0", "3"])
def test_keyframes_of_cuts_are_marked(tmp_path: Path, bf: str) -> None:
    """A keyframe before its time is a cut, also if the decoder hands it on with a later group.

    Blue lasts for one keyframe, so that the next cut cannot be told from motion.
    """
    path = tmp_path / "video.mp4"
    plan = Plan(shots=((5, RED), (1, BLUE), (4, GREEN)))

    def frame(time: Fraction) -> VideoFrame:
        picture = plan.frame(time)
        if time in (5, 6):
            picture.pict_type = PictureType.I
        return picture

    write(path, plan, frame=frame, prepare=options(g="50", sc_threshold="0", bf=bf, forced_idr="1"))
    assert read(path, "keyframes", with_cuts=True).cuts == [5.0]


def test_pictures_are_those_of_exact_decoding(tmp_path: Path) -> None:
    """What is left out changes frames of the same time by little, over a long group."""
    path = tmp_path / "video.mp4"
    plan = Plan(shots=((14, RED),), size=(128, 72))
    write(path, plan, frame=moving, prepare=options(g="1000"))
    exact, fast = read(path, "exact"), read(path, "fast")
    assert fast.times == exact.times
    for one, other in zip(exact.pixels, fast.pixels, strict=True):
        assert np.abs(one.astype(np.int16) - other).mean() < 4


def test_a_keyframe_of_the_next_shot_stands_for_nothing(tmp_path: Path) -> None:
    """Red ends 0.04 s behind the fourth second: what is shown there is red."""
    plan = Plan(shots=((Fraction(101, 25), RED), (2, BLUE)))
    write(tmp_path / "video.mp4", plan, prepare=options())
    assert read(tmp_path / "video.mp4", "fast").colours == [RED] * 5 + [BLUE] * 2


def test_a_variable_rate_is_read(tmp_path: Path) -> None:
    """A slide that is shown for seconds comes once."""
    stamps = (0, Fraction(1, 25), Fraction(1, 2), Fraction(9, 2), Fraction(23, 5), Fraction(5))
    plan = Plan(stamps=tuple(Fraction(stamp) for stamp in stamps), shots=((6, RED),))
    write(tmp_path / "video.mkv", plan, prepare=options(bf="0"))
    assert read(tmp_path / "video.mkv", "fast").times == read(tmp_path / "video.mkv", "exact").times


def test_a_video_that_starts_late_is_read(tmp_path: Path) -> None:
    """Times count from the start of the file, also if the picture begins after the sound."""
    write(tmp_path / "video.mp4", LONG, start=Fraction(1), sound_s=3, prepare=options(g="25"))
    exact, fast = (read(tmp_path / "video.mp4", decode) for decode in (EXACT, FAST))
    assert fast.times[0] == exact.times[0] == pytest.approx(1.0, abs=0.01)
    assert np.abs(np.subtract(fast.times, exact.times)).max() <= REACH_S


def _cut_off(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])


def _garble(path: Path) -> None:
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = np.random.default_rng(0).bytes(4000)
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [_cut_off, _garble], ids=["cut-off", "garbled"])
def test_a_damaged_video_is_read_exactly(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    """If a decoded packet is damaged, every frame is decoded, and the damage is reported."""
    path = tmp_path / "video.mkv"
    plan = Plan(shots=((14, RED),), size=(128, 72))
    write(path, plan, frame=moving, prepare=options(g="1000", crf="5"))
    harm(path)
    told = []
    for decode in (EXACT, FAST):
        with PyAVFrames(path, decode=decode) as source:
            times = read_all(source, grid(1)).times
            told.append((len(times), source.duration, bool(source.damage)))
    assert told[0] == told[1]
    assert told[0][2]


def _without_picture(path: Path, number: int) -> None:
    """Replace a packet of H.264 in MP4 by a useless slice of a keyframe (ITU-T H.264, 7.3.1)."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        at, size = packets[number].pos, packets[number].size
    content = bytearray(path.read_bytes())
    assert at is not None
    content[at : at + size] = (size - 4).to_bytes(4, "big") + b"\x65" + b"\xff" * (size - 5)
    path.write_bytes(content)


@pytest.mark.parametrize("number", [100, 175, 275], ids=["middle", "cut", "last"])
def test_a_keyframe_that_does_not_come_is_told(tmp_path: Path, number: int) -> None:
    """A decoder that may skip frames does not complain of a packet without a picture in it."""
    path = tmp_path / "video.mp4"
    write(path, LONG, prepare=options(g="25", sc_threshold="0"))
    _without_picture(path, number)
    between_keyframes = [second + Fraction(1, 2) for second in range(12)]
    exact, fast = PyAVFrames(path), PyAVFrames(path, decode="fast")
    with exact, fast:
        one, other = (read_all(source, between_keyframes) for source in (exact, fast))
        assert np.abs(np.subtract(one.times, other.times)).max() <= REACH_S
        assert fast.damage == exact.damage != ""


@pytest.mark.parametrize("decode", [FAST, KEYFRAMES])
def test_a_picture_that_is_refreshed_bit_by_bit_is_read_exactly(
    tmp_path: Path, decode: Decode
) -> None:
    """Decoding cannot begin at the keyframes of such a stream: they become whole later."""
    path = tmp_path / "video.mkv"
    write(path, LONG, prepare=options(g="25", bf="0", x264_params="intra-refresh=1"))
    assert read(path, decode).times == read(path, "exact").times


def test_a_file_without_timestamps_is_read_exactly(tmp_path: Path) -> None:
    """A raw stream names no times: every frame is decoded."""
    path = tmp_path / "video.h264"
    write(path, LONG, container="h264", prepare=options())
    assert not is_sparse(path)
    assert read(path, "fast").times == read(path, "exact").times


@pytest.mark.parametrize(
    ("codec", "container"),
    [("mpeg4", "avi"), ("mjpeg", "mov"), ("mpeg2video", "mpegts"), ("libvpx", "webm")],
)
def test_other_codecs_are_read(tmp_path: Path, codec: str, container: str) -> None:
    """Codecs that leave nothing out, or all between keyframes, show the requested seconds."""
    path = tmp_path / f"video.{container}"
    pixel_format = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    write(path, LONG, codec=codec, container=container, pixel_format=pixel_format)
    exact, fast = read(path, "exact"), read(path, "fast")
    assert np.abs(np.subtract(fast.times, exact.times)).max() <= REACH_S
    assert fast.colours == exact.colours


def test_a_very_long_group_is_read_in_parts(tmp_path: Path) -> None:
    """A group of 700 packets is more than is held at once; its frames come all the same."""
    plan = Plan(shots=((28, RED),), size=(32, 32))
    write(tmp_path / "video.mp4", plan, prepare=options(g="1000", sc_threshold="0"))
    times = read(tmp_path / "video.mp4", "fast").times
    assert np.abs(np.subtract(times, range(28))).max() <= REACH_S
    assert is_sparse(tmp_path / "video.mp4")
    assert read(tmp_path / "video.mp4", "keyframes").times == [0.0]
