"""Pictures that somebody sends: what is read, and what is refused."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from clipseek.errors import InvalidQuery
from clipseek.pictures import MAX_PIXELS, SIDE, decoded

RED = (220, 30, 30)


def _file(picture: Image.Image, kind: str = "PNG", **more: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **more)
    return file.getvalue()


def _halves(width: int = 64, height: int = 48) -> Image.Image:
    """Red on the left, and white on the right."""
    picture = Image.new("RGB", (width, height), "white")
    picture.paste(RED, (0, 0, width // 2, height))
    return picture


def _colour(pixels: NDArray[np.uint8], row: float, column: float) -> tuple[int, ...]:
    height, width = pixels.shape[:2]
    return tuple(pixels[int(row * height), int(column * width)].tolist())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_each_format_is_read(kind: str) -> None:
    """As RGB of its own size."""
    pixels = decoded(_file(_halves(), kind))
    assert pixels.shape == (48, 64, 3)
    assert pixels.dtype == np.uint8
    assert np.allclose(_colour(pixels, 0.5, 0.2), RED, atol=8)
    assert np.allclose(_colour(pixels, 0.5, 0.8), (255, 255, 255), atol=8)


def test_a_large_picture_is_made_smaller() -> None:
    """With its aspect."""
    assert decoded(_file(_halves(3000, 1500), "JPEG")).shape == (SIDE // 2, SIDE, 3)
    assert decoded(_file(_halves(1500, 3000), "PNG")).shape == (SIDE, SIDE // 2, 3)


def test_a_picture_is_turned_upright() -> None:
    """Orientation 6: the camera was turned, and what was left is at the top."""
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = decoded(_file(_halves(), "JPEG", exif=exif))
    assert pixels.shape == (64, 48, 3)
    assert np.allclose(_colour(pixels, 0.2, 0.5), RED, atol=8)
    assert np.allclose(_colour(pixels, 0.8, 0.5), (255, 255, 255), atol=8)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(
            _file(Image.new("RGBA", (8, 8), (*RED, 0))), (255, 255, 255), id="transparent"
        ),
        pytest.param(_file(Image.new("RGBA", (8, 8), (*RED, 255))), RED, id="opaque"),
        pytest.param(
            _file(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"), (255, 0, 0), id="CMYK"
        ),
        pytest.param(
            _file(Image.fromarray(np.full((8, 8), 0x8000, np.uint16))), (128,) * 3, id="16 bits"
        ),
        pytest.param(_file(Image.new("L", (8, 8), 77)), (77,) * 3, id="grey"),
        pytest.param(_file(Image.new("1", (8, 8), 1)), (255,) * 3, id="one bit"),
        pytest.param(_file(_halves(8, 8).quantize(4)), RED, id="palette"),
    ],
)
def test_each_kind_of_pixels_becomes_rgb(data: bytes, expected: tuple[int, ...]) -> None:
    """Without a change of what is seen."""
    assert np.allclose(_colour(decoded(data), 0.5, 0.2), expected, atol=26)


def _chunk(kind: bytes, data: bytes) -> bytes:
    sum_ = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + sum_


def _claims(width: int, height: int) -> bytes:
    """Return a small PNG whose header claims a size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(bytes(1000)))
        + _chunk(b"IEND", b"")
    )


CUT = "cannot be read; save it again"


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        pytest.param(b"", CUT, id="empty"),
        pytest.param(b"hello", CUT, id="text"),
        pytest.param(_file(_halves(), "GIF"), CUT, id="GIF"),
        pytest.param(_file(_halves(), "TIFF"), CUT, id="TIFF"),
        pytest.param(_file(_halves(), "BMP"), CUT, id="BMP"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", CUT, id="SVG"),
        pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0\n", CUT, id="EPS"),
        pytest.param(_file(_halves(), "JPEG")[:-200], CUT, id="cut JPEG"),
        pytest.param(_file(_halves())[:90], CUT, id="cut PNG"),
        pytest.param(_file(_halves(), "WEBP")[:-20], CUT, id="cut WebP"),
        pytest.param(_claims(100, 100), CUT, id="fewer rows than its header says"),
        pytest.param(_claims(0, 10), CUT, id="no width"),
        pytest.param(
            _claims(4097, 4096),
            f"image must have at most {MAX_PIXELS} pixels, got 4097 x 4096",
            id="one column too many",
        ),
        pytest.param(_claims(10_000, 10_000), CUT, id="a bomb of which Pillow warns"),
        pytest.param(_claims(60_000, 60_000), CUT, id="a bomb that Pillow refuses"),
    ],
)
def test_what_is_not_a_whole_small_picture_is_refused(data: bytes, detail: str) -> None:
    """In one sentence, and before its pixels are decoded if its header says it."""
    with pytest.raises(InvalidQuery) as refused:
        decoded(data)
    assert detail in str(refused.value)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_is_refused(kind: str) -> None:
    """Because nobody can know which of its pictures is meant."""
    data = _file(_halves(), kind, save_all=True, append_images=[Image.new("RGB", (64, 48))])
    with pytest.raises(InvalidQuery, match="got 2 of an animation"):
        decoded(data)


def test_a_picture_with_a_second_one_for_another_screen_is_read() -> None:
    """As telephones write it (MPO): the first one counts."""
    data = _file(_halves(), "MPO", save_all=True, append_images=[Image.new("RGB", (64, 48))])
    assert np.allclose(_colour(decoded(data), 0.5, 0.2), RED, atol=8)
