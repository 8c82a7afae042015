"""Bytes that are fetched when they are read: which, how many, and what happens if they fail."""

import errno
import io
import os
import socket
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from clipseek import sampling
from clipseek.errors import UnreadableVideo
from clipseek.ranged import BLOCK_BYTES, Blocks, RangedFile, read_at, served, size_of
from clipseek.video import PyAVFrames
from clipseek.video.excerpting import Excerpting, Recipe

FPS, LONG_S = 25, 10


class Fetched:
    """Some bytes that are fetched by ranges, each noted; those after `broken_from` cannot be."""

    def __init__(self, content: bytes, *, broken_from: int | None = None) -> None:
        self.content = content
        self.asked: list[tuple[int, int]] = []
        self._broken_from = broken_from

    def stream(self, first: int, last: int) -> Iterator[bytes]:
        """Yield a range in two blocks."""
        self.asked.append((first, last))
        if self._broken_from is not None and last >= self._broken_from:
            raise OSError(errno.ESTALE, "it changed while it was read; run again")
        middle = (first + last) // 2
        yield self.content[first : middle + 1]
        yield self.content[middle + 1 : last + 1]

    @property
    def bytes(self) -> int:
        """How many were asked for."""
        return sum(last + 1 - first for first, last in self.asked)


def test_reading_on_fetches_more_at_once_and_a_jump_one_block() -> None:
    """The first blocks are single; each run is twice the one before, up to 4 MiB."""
    fetched = Fetched(bytes(48 * BLOCK_BYTES + 7))
    blocks = Blocks(fetched.stream, len(fetched.content))
    at = 0
    while part := blocks.read(at, 100_000):
        at += len(part)
    assert at == len(fetched.content)
    counts = [-(-(last + 1 - first) // BLOCK_BYTES) for first, last in fetched.asked]
    assert counts == [1, 2, 4, 8, 16, 16, 2]
    assert fetched.bytes == len(fetched.content)
    far = Blocks(fetched.stream, len(fetched.content))
    fetched.asked.clear()
    for number in (40, 3, 20):
        far.read(number * BLOCK_BYTES + 5, 10)
    assert [first for first, _ in fetched.asked] == [n * BLOCK_BYTES for n in (40, 3, 20)]
    assert fetched.bytes == 3 * BLOCK_BYTES


def test_the_blocks_that_were_read_last_are_kept() -> None:
    """Within 32 MiB; what was read longest ago is fetched again."""
    fetched = Fetched(bytes(400 * BLOCK_BYTES))
    blocks = Blocks(fetched.stream, len(fetched.content))
    numbers = range(0, 400, 2)[:129]
    for number in numbers:
        blocks.read(number * BLOCK_BYTES, 1)
    fetched.asked.clear()
    for number in numbers[1:]:
        blocks.read(number * BLOCK_BYTES, 1)
    assert fetched.asked == []
    blocks.read(0, 1)
    assert fetched.bytes == BLOCK_BYTES


def test_what_was_cut_off_is_an_error() -> None:
    """A block is whole or it is not used."""
    blocks = Blocks(lambda _first, _last: iter([b"abc"]), 10)
    with pytest.raises(OSError, match="3 of 10 bytes came"):
        blocks.read(0, 10)


def test_a_socket_is_read_as_a_file_is(tmp_path: Path) -> None:
    """By position, from the start, from the end, and beyond it."""
    content = os.urandom(3 * BLOCK_BYTES + 100)
    path = tmp_path / "a"
    path.write_bytes(content)
    with path.open("rb") as file, served(Fetched(content).stream, len(content)) as theirs:
        for descriptor in (file.fileno(), theirs.fileno()):
            assert size_of(descriptor) == len(content)
            for start, count in (
                (0, 10),
                (BLOCK_BYTES - 5, 10),
                (5, 2 * BLOCK_BYTES),
                (0, 1 << 30),
            ):
                assert read_at(descriptor, count, start) == content[start : start + count]
            assert read_at(descriptor, 10, len(content)) == b""
        whole = RangedFile(theirs.fileno(), "a")
        assert io.BufferedReader(whole).read() == content
        assert whole.seek(-4, os.SEEK_END) == len(content) - 4
        assert whole.read(10) == content[-4:]
        assert whole.read(10) == b""


def test_a_part_that_fails_is_told() -> None:
    """With the name of the video and the words of its source; other parts can be read."""
    fetched = Fetched(bytes(10 * BLOCK_BYTES), broken_from=5 * BLOCK_BYTES)
    with served(fetched.stream, len(fetched.content)) as theirs:
        file = RangedFile(theirs.fileno(), "s3://videos/a.mp4")
        assert file.read(10) == bytes(10)
        file.seek(6 * BLOCK_BYTES)
        with pytest.raises(UnreadableVideo, match=r"s3://videos/a.mp4.*changed while it was read"):
            file.read(10)
        with pytest.raises(OSError, match="changed while it was read"):
            read_at(theirs.fileno(), 10, 6 * BLOCK_BYTES)
        assert read_at(theirs.fileno(), 10, 0) == bytes(10)


def test_a_fault_on_the_other_side_ends_the_read() -> None:
    """Nobody waits for a thread that has gone."""
    theirs, ours = socket.socketpair()
    ours.close()
    with theirs, pytest.raises(OSError, match="the process that fetches it has ended"):
        read_at(theirs.fileno(), 10, 0)


def test_spans_that_are_left_out_are_zeros() -> None:
    """Nothing of them is fetched; what surrounds them is as it is, whatever is asked for."""
    content = os.urandom(8 * BLOCK_BYTES)
    spans = [(BLOCK_BYTES + 5, 4 * BLOCK_BYTES), (0, 3), (6 * BLOCK_BYTES, 8 * BLOCK_BYTES)]
    expected = bytearray(content)
    for start, end in spans:
        expected[start:end] = bytes(end - start)
    fetched = Fetched(content)
    with served(fetched.stream, len(content)) as theirs:
        file = RangedFile(theirs.fileno(), "a")
        file.leave_out(spans)
        for count in (1 << 20, 7777):
            file.seek(0)
            assert io.BufferedReader(file, count).read() == expected
            file = RangedFile(theirs.fileno(), "a")
            file.leave_out(spans)
    assert {first // BLOCK_BYTES for first, _ in fetched.asked} == {0, 1, 4, 5}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Noise, which takes many bytes, in containers with their index at the end."""
    noise = np.random.default_rng(1).integers(0, 255, (25, 144, 256, 3), np.uint8)
    written = {}
    for ending, more in (("mp4", {}), ("mkv", {}), ("B-frames", {"preset": "veryfast", "g": "75"})):
        path = tmp_path_factory.mktemp("videos") / "a"
        with av.open(str(path), "w", format="matroska" if ending == "mkv" else "mp4") as output:
            options = {"g": "25", "preset": "ultrafast", "crf": "10", **more}
            stream = output.add_stream("libx264", rate=FPS, options=options)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height, stream.pix_fmt = 256, 144, "yuv420p"
            for number in range(LONG_S * FPS):
                frame = av.VideoFrame.from_ndarray(noise[number % len(noise)], format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, FPS)
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        written[ending] = path.read_bytes()
    return written


def frames_of(
    path: str, descriptor: int, decode: Literal["exact", "fast", "keyframes"]
) -> list[tuple[float, bytes]]:
    """Return the frames of a video that are asked for every second, and its length at the end."""
    with PyAVFrames(path, descriptor=descriptor, decode=decode) as frames:
        batches = list(frames.read(sampling.grid(1.0), short_side=64))
        times = [float(time) for batch in batches for time in batch.times]
        pixels = [picture.tobytes() for batch in batches for picture in batch.pixels]
        return [*zip(times, pixels, strict=True), (frames.duration or 0.0, b"")]


@pytest.mark.parametrize("decode", ["keyframes", "fast", "exact"])
@pytest.mark.parametrize("kind", ["mp4", "mkv", "B-frames"])
def test_frames_are_those_of_the_whole_file(
    videos: dict[str, bytes],
    kind: str,
    decode: Literal["exact", "fast", "keyframes"],
    tmp_path: Path,
) -> None:
    """And of an MP4, keyframes are fetched without what is between them."""
    content = videos[kind]
    path = tmp_path / "local"
    path.write_bytes(content)
    fetched = Fetched(content)
    with path.open("rb") as file, served(fetched.stream, len(content)) as theirs:
        expected = frames_of("local", file.fileno(), decode)
        assert frames_of("s3://videos/a", theirs.fileno(), decode) == expected
    assert len(expected) >= 5
    if decode == "keyframes" and kind != "mkv":
        assert fetched.bytes < len(content) * 0.6


def test_decord_reads_what_is_fetched(videos: dict[str, bytes], tmp_path: Path) -> None:
    """It reads files alone, so all is fetched into one."""
    decord = pytest.importorskip("clipseek.video.decord")
    path = tmp_path / "local"
    path.write_bytes(videos["mp4"])
    found = []
    with path.open("rb") as file, served(Fetched(videos["mp4"]).stream, path.stat().st_size) as far:
        for descriptor in (file.fileno(), far.fileno()):
            with decord.DecordFrames("a", descriptor=descriptor) as frames:
                found.append([b.pixels.tobytes() for b in frames.read(sampling.grid(1.0))])
    assert found[0] == found[1]


def excerpt(descriptor: int, target: Path) -> bytes:
    """Write two seconds from the middle of a video."""
    excerpting = Excerpting(
        Recipe(5.0, 6.0, 144, True, False),
        name="s3://videos/a",
        descriptor=descriptor,
        target=target,
        limit_s=120,
        memory_bytes=1 << 30,
        frame_pixels=1 << 24,
    )
    try:
        excerpting.wait()
    finally:
        excerpting.end()
    return target.read_bytes()


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_an_excerpt_fetches_what_it_shows(
    videos: dict[str, bytes], ending: str, tmp_path: Path
) -> None:
    """The index, and the packets of the span; the file is the one that a local video gives."""
    content = videos[ending]
    fetched = Fetched(content)
    with served(fetched.stream, len(content)) as theirs:
        made = excerpt(theirs.fileno(), tmp_path / "fetched.mp4")
    local = tmp_path / f"a.{ending}"
    local.write_bytes(content)
    with local.open("rb") as file:
        assert made == excerpt(file.fileno(), tmp_path / "local.mp4")
    assert len(made) < len(content) / 5
    assert fetched.bytes < len(content) / 2


def test_an_excerpt_is_not_made_of_half_a_source(videos: dict[str, bytes], tmp_path: Path) -> None:
    """A video that changes in the middle is an error, where libav would end the file early."""
    content = videos["mkv"]
    fetched = Fetched(content, broken_from=len(content) * 56 // 100)
    with (
        served(fetched.stream, len(content)) as theirs,
        pytest.raises(UnreadableVideo, match="it changed while it was read"),
    ):
        excerpt(theirs.fileno(), tmp_path / "a.mp4")
