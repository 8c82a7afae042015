"""What both readers of files make of containers: clocks, turned pictures, colours, sound."""

import io
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from av.stream import Disposition
from av.video.stream import VideoStream
from numpy.typing import NDArray

from clipseek.errors import UnreadableVideo
from clipseek.sampling import grid
from clipseek.video import DecordFrames, PyAVFrames
from tests.contracts.readers import BOTH, NEAR, FileReader, read_all
from tests.contracts.videos import (
    BLUE,
    GREEN,
    RED,
    WHITE,
    Plan,
    rgb_frame,
    shown,
    write,
    write_sound,
)

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STAMPS_MS = (0, 100, 150, 400, 410, 900, 1000, 1700, 1990, 2010, 2500, 2510, 3333, 4000, 4100, 4900)
SHORT = Plan(shots=((0.2, RED),))


def _without_b_frames(stream: VideoStream) -> None:
    """Let the durations of packets be those of the frames: MP4 stores them in decoding order."""
    stream.codec_context.options = {"preset": "ultrafast", "bf": "0"}


@BOTH
@pytest.mark.parametrize("name", ["video.mp4", "video.mkv"])
def test_a_variable_rate_goes_by_timestamps(reader: FileReader, name: str, tmp_path: Path) -> None:
    """A frame is shown until the next one comes, however long that takes."""
    plan = Plan(stamps=tuple(Fraction(stamp, 1000) for stamp in STAMPS_MS))
    write(tmp_path / name, plan, prepare=_without_b_frames)
    times = [0.12, 0.3, 0.95, 1.0, 1.6, 2.0, 2.005, 2.6, 3.0, 3.9, 4.05]
    with reader(tmp_path / name) as source:
        read = read_all(source, times)
    assert read.times == NEAR(shown(plan, times), abs=1e-5)
    assert read.colours == [plan.colour(time) for time in read.times]


@BOTH
@pytest.mark.parametrize("name", ["video.mp4", "video.mkv"])
def test_times_count_from_the_start_of_the_file(
    reader: FileReader, name: str, tmp_path: Path
) -> None:
    """If timestamps begin at three seconds, the first frame is still at zero."""
    write(tmp_path / name, start=Fraction(3))
    with reader(tmp_path / name) as source:
        read = read_all(source, grid(1), with_cuts=True)
        assert (read.times, read.cuts) == ([0, 1, 2, 3, 4], [2])
        assert (source.duration, source.damage) == (5, "")


@BOTH
@pytest.mark.parametrize("name", ["video.mp4", "video.mkv"])
def test_a_late_picture_keeps_its_place_in_the_file(
    reader: FileReader, name: str, tmp_path: Path
) -> None:
    """If sound begins 0.52 s before the picture, the first frame is at 0.52 s."""
    write(tmp_path / name, start=Fraction(13, 25), sound_s=5.5)
    with reader(tmp_path / name) as source:
        read = read_all(source, [0, 0.3, 1], with_cuts=True)
        assert read.times == NEAR([0.52, 1, 2.52], abs=1e-5)
        assert read.cuts == NEAR([2.52], abs=1e-5)
        assert source.duration == NEAR(5.52, abs=1e-5)


@BOTH
@pytest.mark.parametrize("name", ["video.mp4", "video.mkv"])
def test_sound_that_outlasts_the_picture_is_no_damage(
    reader: FileReader, name: str, tmp_path: Path
) -> None:
    """The video ends with its last picture, and is whole."""
    write(tmp_path / name, sound_s=12)
    with reader(tmp_path / name) as source:
        read_all(source, grid(1))
        assert (source.duration, source.damage) == (5, "")


def test_an_edit_list_trims_the_beginning(tmp_path: Path) -> None:
    """What an MP4 says is not to be shown is not; the rest counts from zero."""
    write(tmp_path / "video.mp4", start=Fraction(-1))
    with PyAVFrames(tmp_path / "video.mp4") as source:
        read = read_all(source, grid(1), with_cuts=True)
        assert (read.times, read.cuts) == ([0, 1, 2, 3], [1])
        assert (source.duration, source.damage) == (4, "")


def test_joined_recordings_go_on(tmp_path: Path) -> None:
    """If one recording follows another of another size, time goes on and each has its shape."""
    parts = [Plan(shots=((2, RED),)), Plan(shots=((2, BLUE),), size=(128, 72))]
    joined = b""
    for number, plan in enumerate(parts):
        write(tmp_path / f"{number}.ts", plan)
        joined += (tmp_path / f"{number}.ts").read_bytes()
    (tmp_path / "video.ts").write_bytes(joined)
    with PyAVFrames(tmp_path / "video.ts") as source:
        read = read_all(source, grid(25))
        assert len(read.times) == 100
        assert source.duration == NEAR(4, abs=0.05)
    assert [picture.shape for picture in read.pixels] == [(36, 64, 3)] * 50 + [(72, 128, 3)] * 50
    assert read.colours == [RED] * 50 + [BLUE] * 50


# Display matrices after ISO/IEC 14496-12, 6.2.2, and where the corners of the stored picture (red,
# green / blue, white) then are.
ONE = 1 << 16
TURNS = [
    pytest.param((ONE, 0, 0, ONE), (RED, GREEN, BLUE, WHITE), id="upright"),
    pytest.param((0, ONE, -ONE, 0), (BLUE, RED, WHITE, GREEN), id="90-clockwise"),
    pytest.param((-ONE, 0, 0, -ONE), (WHITE, BLUE, GREEN, RED), id="180"),
    pytest.param((0, -ONE, ONE, 0), (GREEN, WHITE, RED, BLUE), id="270-clockwise"),
    pytest.param((-ONE, 0, 0, ONE), (GREEN, RED, WHITE, BLUE), id="mirrored"),
    pytest.param((ONE, 0, 0, -ONE), (BLUE, WHITE, RED, GREEN), id="upside-down"),
    pytest.param((0, ONE, ONE, 0), (RED, BLUE, GREEN, WHITE), id="transposed"),
    pytest.param((0, -ONE, -ONE, 0), (WHITE, GREEN, BLUE, RED), id="transversed"),
]


def _corners(size: tuple[int, int]) -> NDArray[np.uint8]:
    width, height = size
    pixels = np.zeros((height, width, 3), np.uint8)
    halves = (slice(None, height // 2), slice(height // 2, None))
    for rows, left, right in zip(halves, (RED, BLUE), (GREEN, WHITE), strict=True):
        pixels[rows, : width // 2], pixels[rows, width // 2 :] = left, right
    return pixels


@BOTH
@pytest.mark.parametrize(("matrix", "corners"), TURNS)
def test_pictures_are_turned_upright(
    reader: FileReader,
    matrix: tuple[int, int, int, int],
    corners: tuple[tuple[int, int, int], ...],
    tmp_path: Path,
) -> None:
    """The display matrix is applied to the pictures and to the size."""
    a, b, c, d = matrix
    write(
        tmp_path / "video.mp4",
        SHORT,
        frame=lambda _: rgb_frame(_corners((64, 36))),
        prepare=lambda stream: stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30]),
    )
    with reader(tmp_path / "video.mp4") as source:
        picture = read_all(source, [0.0], short_side=18).pixels[0]
        assert source.size == ((36, 64) if a == 0 else (64, 36))
    height, width, _ = picture.shape
    found = [picture[y, x] for y in (4, height - 5) for x in (4, width - 5)]
    np.testing.assert_allclose(found, corners, atol=12)


@BOTH
@pytest.mark.parametrize(
    ("aspect", "size"),
    [
        pytest.param(Fraction(2), (128, 36), id="wide"),
        pytest.param(Fraction(1, 2), (32, 36), id="narrow"),
        pytest.param(Fraction(399, 400), (64, 36), id="nearly-square"),
        pytest.param(Fraction(100), (64, 36), id="absurd"),
    ],
)
def test_pixels_become_square(
    reader: FileReader, aspect: Fraction, size: tuple[int, int], tmp_path: Path
) -> None:
    """The aspect of pixels is applied, unless it cannot be seen or cannot be meant."""

    def set_aspect(stream: VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = aspect

    write(tmp_path / "video.mkv", SHORT, prepare=set_aspect)
    with reader(tmp_path / "video.mkv") as source:
        assert source.size == size
        assert read_all(source, [0.0]).pixels[0].shape == (size[1], size[0], 3)


@BOTH
@pytest.mark.parametrize("size", [(2, 2), (24, 24), (31, 21), (48, 16)], ids=str)
def test_small_and_odd_sizes_are_read(
    reader: FileReader, size: tuple[int, int], tmp_path: Path
) -> None:
    """Pictures of any size come as they are."""
    noise = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8)
    plan = Plan(shots=((0.04, RED),), size=size)
    path = tmp_path / "video.mkv"
    write(path, plan, frame=lambda _: rgb_frame(noise), codec="ffv1", pixel_format="bgr0")
    with reader(path) as source:
        np.testing.assert_array_equal(read_all(source, [0.0]).pixels[0], noise)


def test_more_pixels_a_side_than_the_limit_are_refused(tmp_path: Path) -> None:
    """A picture that nothing could hold is refused by its header."""
    plan = Plan(shots=((0.04, RED),), size=(16400, 2))
    write(tmp_path / "video.mkv", plan, codec="ffv1")
    with pytest.raises(UnreadableVideo, match="16400x2 pixels; at most 16384 a side are read"):
        PyAVFrames(tmp_path / "video.mkv")


def test_large_pictures_make_small_batches(tmp_path: Path) -> None:
    """A batch holds at most some 64 MB, whatever the resolution."""
    plan = Plan(shots=((Fraction(1, 5), RED),), size=(3840, 2160))
    write(tmp_path / "video.mp4", plan)
    with PyAVFrames(tmp_path / "video.mp4") as source:
        assert [len(batch) for batch in source.read(grid(25))] == [2, 2, 1]


class _Pipe(io.RawIOBase):
    """A file that can be written only once, from its start to its end."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def writable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say no."""
        return False

    def write(self, block: "ReadableBuffer") -> int:
        """Append a block."""
        return self._file.write(block)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def _write_piped(path: Path) -> None:
    with _Pipe(path) as pipe:
        write(pipe, container="matroska")


def _write_raw(path: Path) -> None:
    write(path, container="h264")


@pytest.mark.parametrize("make", [_write_piped, _write_raw], ids=["piped-mkv", "raw-h264"])
def test_a_video_that_states_no_duration_is_measured(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    """Without a stated duration there is none before reading, and the right one after."""
    make(tmp_path / "video")
    with PyAVFrames(tmp_path / "video") as source:
        stated = source.duration
        read = read_all(source, grid(1), with_cuts=True)
        assert (read.times, read.cuts) == ([0, 1, 2, 3, 4], [2])
        assert (stated, source.duration, source.damage) == (None, 5, "")


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [
        ("video.ts", "libx264", "yuv420p"),
        ("video.mpg", "mpeg2video", "yuv420p"),
        ("video.gif", "gif", "rgb8"),
        ("video.wmv", "mpeg4", "yuv420p"),
    ],
)
def test_only_the_default_reader_reads_it(
    name: str, codec: str, pixel_format: str, tmp_path: Path
) -> None:
    """What decord cannot read, or reads wrong, it refuses and PyAV reads."""
    path = tmp_path / name
    write(path, codec=codec, pixel_format=pixel_format)
    with PyAVFrames(path) as source:
        read = read_all(source, grid(1), with_cuts=True)
    assert read.times == NEAR([0, 1, 2, 3, 4], abs=0.002)
    assert read.cuts == NEAR([2], abs=0.002)
    assert read.colours == [RED, RED, BLUE, BLUE, BLUE]
    with pytest.raises(UnreadableVideo, match="the default decoder, pyav, reads it"):
        read_all(DecordFrames(path), grid(1))


@BOTH
def test_cover_art_is_not_a_video(reader: FileReader, tmp_path: Path) -> None:
    """A song with a picture on it is sound."""

    def attach(stream: VideoStream) -> None:
        stream.disposition = Disposition.attached_pic

    plan = Plan(shots=((1, RED),), rate=Fraction(1))
    path = tmp_path / "song.mp4"
    write(path, plan, codec="mjpeg", pixel_format="yuvj420p", sound_s=2, prepare=attach)
    with pytest.raises(UnreadableVideo, match="audio only: no video stream"):
        reader(path)


@BOTH
def test_sound_alone_is_refused(reader: FileReader, tmp_path: Path) -> None:
    """A file of sound is refused as one, because it has no video stream."""
    write_sound(tmp_path / "song.mp4")
    with pytest.raises(UnreadableVideo, match="audio only: no video stream"):
        reader(tmp_path / "song.mp4")


@pytest.mark.parametrize(
    ("reader", "foreign"), [("PyAVFrames", "decord"), ("DecordFrames", "av")], ids=str
)
def test_a_reader_imports_its_own_library_alone(reader: str, foreign: str) -> None:
    """Naming one reader does not load the other's library."""
    code = f"from clipseek.video import {reader}; import sys; sys.exit({foreign!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
