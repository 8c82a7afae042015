"""Colours, whatever a video stores them as: pixel formats, matrices, ranges, brightness alone."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from clipseek.video import PyAVFrames
from tests.contracts.readers import BOTH, FileReader, read_all
from tests.contracts.videos import BLUE, RED, Plan, write

SHORT = Plan(shots=((0.2, RED),))


@BOTH
@pytest.mark.parametrize(
    ("codec", "pixel_format", "name"),
    [
        ("libx264", "yuv422p10le", "video.mp4"),
        ("libx264", "yuvj420p", "video.mp4"),
        ("ffv1", "yuva420p", "video.mkv"),
        ("ffv1", "gbrp10le", "video.mkv"),
        ("ffv1", "bgr0", "video.mkv"),
        ("png", "rgba", "video.mov"),
        ("rawvideo", "yuyv422", "video.avi"),
        ("mjpeg", "yuvj422p", "video.avi"),
        ("libvpx", "yuv420p", "video.webm"),
    ],
)
def test_colours_are_right_in_every_pixel_format(
    reader: FileReader, codec: str, pixel_format: str, name: str, tmp_path: Path
) -> None:
    """Red is red and blue is blue, whatever they are stored as."""
    plan = Plan(shots=((0.4, RED), (0.4, BLUE)), rate=Fraction(10))
    write(tmp_path / name, plan, codec=codec, pixel_format=pixel_format)
    with reader(tmp_path / name) as source:
        pixels = read_all(source, [0.0, 0.5]).pixels
    np.testing.assert_allclose([p.mean(axis=(0, 1)) for p in pixels], [RED, BLUE], atol=4)


@BOTH
@pytest.mark.parametrize("pixel_format", ["gray", "gray16le"])
def test_videos_without_colour_are_grey(
    reader: FileReader, pixel_format: str, tmp_path: Path
) -> None:
    """A video of brightness alone becomes three equal channels."""
    write(tmp_path / "video.mkv", SHORT, codec="ffv1", pixel_format=pixel_format)
    with reader(tmp_path / "video.mkv") as source:
        picture = read_all(source, [0.0]).pixels[0]
    np.testing.assert_allclose(picture, 76, atol=2)


# Y, Cb, Cr of RGB (0, 200, 40) in the two matrices, in both ranges.
# ITU-R BT.709-6, items 3.2 and 3.4; BT.601-7, 2.5.1 and 2.5.3; H.273 numbers the matrices.
GREENISH = (0, 200, 40)
MATRICES = [
    pytest.param(1, 1, (141, 76, 39), id="bt709-limited"),
    pytest.param(1, 2, (146, 69, 27), id="bt709-full"),
    pytest.param(5, 1, (121, 86, 54), id="bt601-limited"),
    pytest.param(5, 2, (122, 82, 41), id="bt601-full"),
]


def _yuv_frame(size: tuple[int, int], levels: tuple[int, int, int]) -> VideoFrame:
    frame = VideoFrame(*size, "yuv420p")
    for plane, level in zip(frame.planes, levels, strict=True):
        plane.update(bytes([level]) * (plane.line_size * plane.height))
    return frame


@BOTH
@pytest.mark.parametrize(("matrix", "colour_range", "levels"), MATRICES)
def test_colour_matrix_and_range_are_applied(
    reader: FileReader,
    matrix: int,
    colour_range: int,
    levels: tuple[int, int, int],
    tmp_path: Path,
) -> None:
    """A video that names its matrix and its range has its colours by them."""

    def made(_: Fraction) -> VideoFrame:
        frame = _yuv_frame((64, 36), levels)
        frame.colorspace, frame.color_range = matrix, colour_range
        return frame

    def tag(stream: VideoStream) -> None:
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, colour_range

    write(tmp_path / "video.mp4", SHORT, frame=made, prepare=tag)
    with reader(tmp_path / "video.mp4") as source:
        picture = read_all(source, [0.0]).pixels[0]
    np.testing.assert_allclose(picture.mean(axis=(0, 1)), GREENISH, atol=5)


@pytest.mark.parametrize(
    ("size", "levels"),
    [
        pytest.param((64, 36), (121, 86, 54), id="sd-is-bt601"),
        pytest.param((1280, 720), (141, 76, 39), id="hd-is-bt709"),
    ],
)
def test_an_unnamed_matrix_goes_by_the_height(
    size: tuple[int, int], levels: tuple[int, int, int], tmp_path: Path
) -> None:
    """A video that names no matrix is taken as players take it."""
    plan = Plan(shots=((0.04, RED),), size=size)
    write(tmp_path / "video.mp4", plan, frame=lambda _: _yuv_frame(size, levels))
    with PyAVFrames(tmp_path / "video.mp4") as source:
        picture = read_all(source, [0.0], short_side=36).pixels[0]
    np.testing.assert_allclose(picture.mean(axis=(0, 1)), GREENISH, atol=5)
