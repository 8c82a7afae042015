"""Raw streams are decoded from the keyframe before a time on, and their frames are numbered."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from clipseek.video.container import open_video
from clipseek.video.counting import Counting
from clipseek.video.excerpt import decoded, write
from clipseek.video.spans import Order, Source
from tests.contracts import videos
from tests.contracts.videos import RED, Plan, rgb_frame

FPS, COUNT, GROUP = 25, 200, 50
PLAN = Plan(shots=((COUNT // FPS, RED),), size=(128, 32))
X264 = f"keyint={GROUP}:scenecut=0:bframes=4:b-adapt=0:open-gop="
X265 = f"log-level=none:{X264}"


def drawn(folder: Path, kind: str, codec: str, options: dict[str, str]) -> Path:
    """Write 200 frames, each of which shows its number in eight bars; a keyframe each 2 s."""
    path = folder / f"a.{kind}"

    def frame(time: Fraction) -> VideoFrame:
        bits = [255 * (int(time * FPS) >> i & 1) for i in range(8)]
        row = np.repeat(np.array(bits, np.uint8), 16)
        return rgb_frame(np.ascontiguousarray(np.broadcast_to(row[None, :, None], (32, 128, 3))))

    def prepare(stream: VideoStream) -> None:
        stream.options = dict(options)

    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    videos.write(path, PLAN, frame=frame, codec=codec, pixel_format=pixels, prepare=prepare)
    return path


def number(frame: VideoFrame) -> int:
    """Return the number that a frame shows."""
    grey = frame.to_ndarray(format="gray")
    return sum((int(grey[:, i * 16 + 4 : i * 16 + 12].mean()) > 128) << i for i in range(8))


RAW = [
    pytest.param("h264", "libx264", {"x264-params": f"{X264}0"}, id="H.264"),
    pytest.param("h264", "libx264", {"x264-params": f"{X264}1"}, id="H.264, open groups"),
    pytest.param("hevc", "libx265", {"x265-params": f"{X265}0"}, id="HEVC"),
    pytest.param("hevc", "libx265", {"x265-params": f"{X265}1"}, id="HEVC, open groups"),
]


@pytest.mark.parametrize(("kind", "codec", "options"), RAW)
def test_a_raw_stream_is_decoded_from_the_last_keyframe_on(
    tmp_path: Path, kind: str, codec: str, options: dict[str, str]
) -> None:
    """At 6 s, with a keyframe each 2 s: at most two groups are decoded, and each frame is right.

    After the keyframe of an open group, the frames that are shown before it are missing.
    """
    path = drawn(tmp_path, kind, codec, options)
    with av.open(str(path)) as container:
        counting, found, given = Counting(Fraction(FPS)), [], 0
        packets = (packet for packet in container.demux(video=0) if packet.size)
        for packet in counting.packets(packets, 6.0):
            given += 1
            found += [(number(f), round(counting.time(f) * FPS)) for f in packet.decode()]
    shown = [(drawn_, counted) for drawn_, counted in found if counted >= 6 * FPS]
    assert counting.is_needed
    assert given <= COUNT - 90
    assert len(shown) > 40
    assert [counted for _, counted in shown] == [drawn_ for drawn_, _ in shown]


@pytest.mark.parametrize(
    ("kind", "codec", "options"),
    [
        *RAW,
        pytest.param("mkv", "libx264", {"g": "50"}, id="H.264 in Matroska"),
        pytest.param("mpg", "mpeg2video", {"g": "50", "bf": "2"}, id="MPEG-2"),
        pytest.param("mjpeg", "mjpeg", {}, id="Motion JPEG"),
    ],
)
def test_the_last_frames_of_a_video_are_in_its_excerpt(
    tmp_path: Path, kind: str, codec: str, options: dict[str, str]
) -> None:
    """A decoder gives them after the last packet; each is at its time."""
    path, target = drawn(tmp_path, kind, codec, options), tmp_path / "made.mp4"
    order = Order(str(path), 6.0, 8.0, 360, False, False, 2**31, 10**8)
    with path.open("rb") as file:
        write(order, file.fileno(), str(target))
    with av.open(str(target)) as made:
        found = [(round(float(f.time or 0) * FPS), number(f)) for f in made.decode(video=0)]
    assert found == [(i, 6 * FPS + i) for i in range(2 * FPS)]


def test_frames_before_a_span_are_not_decoded_for_themselves(tmp_path: Path) -> None:
    """From the keyframe at 4 s to 5.5 s, four of five frames are B-frames of which one is used."""
    path = drawn(tmp_path, "mkv", "libx264", {"x264-params": f"{X264}0"})
    source = Source(open_video(path, threads=1), None)
    with source.opened.container:
        numbers = [number(frame) for _, frame in decoded(source, 6.0)]
    assert numbers[0] == 100
    assert sum(each < 137 for each in numbers) < 20
    assert [each for each in numbers if each >= 138] == list(range(138, COUNT))


@dataclass
class _Packet:
    """What is read of a packet."""

    is_keyframe: bool
    duration: int = 1
    size: int = 100
    pts: int | None = None
    time_base: Fraction = Fraction(1, FPS)


def given(packets: list[_Packet], counting: Counting, time: float) -> list[int]:
    """Return the numbers of the packets that are decoded for a time."""
    ids = {id(packet): i for i, packet in enumerate(packets)}
    return [ids[id(packet)] for packet in counting.packets(iter(packets), time)]


def keyed(count: int) -> Iterator[_Packet]:
    """Return packets with a keyframe each 2 s."""
    return (_Packet(is_keyframe=i % GROUP == 0) for i in range(count))


def test_two_fields_are_one_frame() -> None:
    """200 fields are 4 s: for 4 s and 32 frames more, the keyframe at 200 fields is taken."""
    fields = [_Packet(i % GROUP == 0, 1, time_base=Fraction(1, 2 * FPS)) for i in range(400)]
    counting = Counting(Fraction(FPS))
    assert given(fields, counting, 4 + 33 / FPS)[0] == 200
    assert counting.time(fields[200]) == 4.0


def test_times_that_a_demuxer_made_up_are_believed() -> None:
    """They count frames that are shown twice; the packets keep them."""
    packets = [_Packet(i % GROUP == 0, pts=2 * i) for i in range(400)]
    counting = Counting(Fraction(FPS))
    assert given(packets, counting, 12.0 + 32 / FPS)[0] == 150
    assert not counting.is_needed
    assert packets[150].pts == 300


def test_packets_that_are_too_large_to_be_held_are_decoded() -> None:
    """Without a keyframe, a stream is read as it comes, in little memory."""
    packets = [_Packet(is_keyframe=i == 0) for i in range(400)]
    taken = iter(packets)
    first = next(Counting(Fraction(FPS), most_bytes=1000).packets(taken, 14.0))
    assert first is packets[0]
    assert len(list(taken)) == len(packets) - 11
    assert given(list(keyed(400)), Counting(Fraction(FPS)), 14.0)[0] == 300
