"""A recording that grows, as somebody sees it who joins in the middle."""

import io
from pathlib import Path
from typing import Literal

import av
import numpy as np
import pytest

from clipseek.live.boxes import begins_with_keyframe, boxes, codecs_of
from clipseek.live.playing import Tail

Codec = Literal["libx264", "libx265", "mpeg4"]
FPS = 10
OPTIONS = {
    "movflags": "empty_moov+frag_keyframe+default_base_moof",
    "frag_duration": "500000",
    "flush_packets": "1",
}


def recorded(seconds: int, codec: Codec = "libx264") -> bytes:
    """Return a recording with a keyframe a second, in fragments of half a second."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4", options=OPTIONS) as container:
        stream = container.add_stream(codec, rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.gop_size = FPS
        stream.codec_context.max_b_frames = 0
        stream.options = {
            "x264-params": "scenecut=0",
            "x265-params": "log-level=none:scenecut=0",
        }
        for number in range(FPS * seconds):
            picture = np.full((48, 64, 3), 20 + number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()


@pytest.fixture(scope="module")
def whole() -> bytes:
    """Return a recording of five seconds."""
    return recorded(5)


def edges(data: bytes) -> list[tuple[bytes, int]]:
    """Return the boxes of a file, each with its end."""
    found = boxes(lambda at, size: data[at : at + size], 0, len(data))
    return [(box.kind, box.end) for box in found]


def shown(data: bytes) -> list[int]:
    """Return how bright each frame is that a player shows of some bytes."""
    with av.open(io.BytesIO(data), "r") as container:
        return [int(frame.to_ndarray(format="gray").mean()) for frame in container.decode(video=0)]


def stored(folder: Path, data: bytes, name: str = "2026-11-29/10-00-00-000Z.mp4") -> Path:
    """Write a file of a recording."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_a_player_begins_with_the_last_keyframe(tmp_path: Path, whole: bytes) -> None:
    """It gets the head and the last second, which it can decode by themselves."""
    stored(tmp_path, whole)
    tail = Tail(tmp_path)
    data = tail.read()
    assert 5 <= len(shown(data)) <= FPS
    assert shown(data)[-1] == shown(whole)[-1]
    assert tail.codecs is not None
    assert tail.codecs.startswith("avc1.")
    assert tail.read() == b""


def test_what_is_written_follows_in_whole_boxes(tmp_path: Path, whole: bytes) -> None:
    """However the file grows, all that comes is a stream that ends as the file does."""
    path = stored(tmp_path, b"")
    tail, data = Tail(tmp_path), b""
    for end in range(0, len(whole), 777):
        path.write_bytes(whole[:end])
        data += tail.read()
        assert not data or edges(data)[-1][1] == len(data)
    path.write_bytes(whole)
    data += tail.read()
    assert shown(data) == shown(whole)
    assert {kind for kind, _ in edges(data)} == {b"ftyp", b"moov", b"moof", b"mdat"}


def test_the_next_file_follows_with_its_head(tmp_path: Path, whole: bytes) -> None:
    """Also over midnight, and spare files whose chunk has not begun are not played."""
    stored(tmp_path, whole)
    stored(tmp_path, b"not yet", ".next-1.mp4")
    tail = Tail(tmp_path)
    tail.read()
    other = recorded(2)
    stored(tmp_path, other, "2026-11-30/00-00-00-000Z.mp4")
    assert shown(tail.read()) == shown(other)


def test_nothing_comes_where_nothing_is_recorded(tmp_path: Path) -> None:
    """Of a camera without files, of a file that is removed, and of other bytes."""
    assert Tail(tmp_path / "none").read() == b""
    path = stored(tmp_path, b"\0\0\0\1moov" * 9)
    tail = Tail(tmp_path)
    assert tail.read() == b""
    path.unlink()
    assert tail.read() == b""
    assert tail.codecs is None


def test_keyframes_are_told_apart(whole: bytes) -> None:
    """Every other fragment begins with one: there are two in a second."""
    kinds = edges(whole)
    starts = [0, *(end for _, end in kinds)]
    found = [
        begins_with_keyframe(whole[start:end])
        for start, (kind, end) in zip(starts, kinds, strict=False)
        if kind == b"moof"
    ]
    assert found[:6] == [True, False] * 3
    assert not begins_with_keyframe(b"\0\0\0\x08free")


def test_codecs_are_named_as_browsers_name_them(whole: bytes) -> None:
    """H.264 and H.265 by profile and level (RFC 6381); what no browser plays has no name."""
    assert codecs_of(whole[:2000]) == "avc1.64000a"
    found = codecs_of(recorded(1, "libx265")[:4000])
    assert found is not None
    assert found.startswith("hev1.1.6.L")
    assert codecs_of(recorded(1, "mpeg4")[:2000]) is None
