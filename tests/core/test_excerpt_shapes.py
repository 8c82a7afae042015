"""Previews of videos that are turned, mirrored, of odd pixels, or with sound."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from clipseek.video.excerpting import Recipe
from tests.contracts.test_video_files import SHORT, TURNS, _corners
from tests.contracts.videos import rgb_frame, write
from tests.core.test_excerpting import started

PREVIEW = Recipe(0.0, 0.2, 360, copy=False, growing=True)


def preview(video: Path) -> Path:
    """Make the preview of a video of 0.2 s."""
    target = video.with_suffix(".part")
    started(video, target, PREVIEW).wait()
    return target


@pytest.mark.parametrize(("matrix", "corners"), TURNS)
def test_a_preview_is_upright(
    matrix: tuple[int, int, int, int], corners: tuple[tuple[int, int, int], ...], tmp_path: Path
) -> None:
    """Whatever the display matrix says; the preview itself has none."""
    a, b, c, d = matrix
    write(
        tmp_path / "video.mp4",
        SHORT,
        frame=lambda _: rgb_frame(_corners((64, 36))),
        prepare=lambda stream: stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30]),
    )
    with av.open(str(preview(tmp_path / "video.mp4"))) as made:
        frame = next(made.decode(video=0))
        picture = frame.to_ndarray(format="rgb24")
    assert frame.rotation == 0
    assert picture.shape == ((64, 36, 3) if a == 0 else (36, 64, 3))
    height, width, _ = picture.shape
    found = [picture[y, x] for y in (6, height - 7) for x in (6, width - 7)]
    np.testing.assert_allclose(found, corners, atol=24)


@pytest.mark.parametrize(
    ("aspect", "size"),
    [
        pytest.param(Fraction(2), (128, 36), id="wide"),
        pytest.param(Fraction(1, 2), (32, 36), id="narrow"),
        pytest.param(Fraction(30), (64, 36), id="absurd"),
    ],
)
def test_a_preview_has_square_pixels(
    aspect: Fraction, size: tuple[int, int], tmp_path: Path
) -> None:
    """As sampled frames have them: an aspect that cannot be meant is not applied."""

    def set_aspect(stream: VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = aspect

    write(tmp_path / "video.mkv", SHORT, prepare=set_aspect)
    with av.open(str(preview(tmp_path / "video.mkv"))) as made:
        stream = made.streams.video[0]
        assert (stream.width, stream.height) == size
        assert stream.sample_aspect_ratio in (None, 0, 1)


@pytest.mark.parametrize("seconds", [0.0, 1.0], ids=["silent", "with sound"])
def test_a_preview_has_sound_if_the_video_has(seconds: float, tmp_path: Path) -> None:
    """As AAC in stereo, which browsers play."""
    write(tmp_path / "video.mkv", SHORT, sound_s=seconds)
    with av.open(str(preview(tmp_path / "video.mkv"))) as made:
        found = [(each.codec_context.name, each.layout.name) for each in made.streams.audio]
    assert found == ([("aac", "stereo")] if seconds else [])
