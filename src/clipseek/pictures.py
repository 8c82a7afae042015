"""A picture that somebody sends, as pixels: bounded before it is decoded, and never stored."""

import io
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from clipseek.errors import InvalidQuery

Done = TypeVar("Done")

FORMATS = ("JPEG", "PNG", "WEBP")
MAX_PIXELS = 4096 * 4096
"""Above this a picture is refused by its header. A PNG of so many takes 220 MB for 0.8 s."""
SIDE = 1024
"""Pixels of the longer side that is kept: twice the side that models see, 224 to 512 pixels."""

# What Pillow raises over bytes that are not what their header says.
_DAMAGE = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    OverflowError,
    ZeroDivisionError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


def decoded(data: bytes) -> NDArray[np.uint8]:
    """Return a JPEG, PNG or WebP as uint8 (H, W, 3) RGB, upright, of at most 1024 x 1024 pixels.

    What is transparent becomes white, and 16 bits become 8.

    Raises:
        InvalidQuery: it is another file, damaged, animated, or has too many pixels.
    """
    with _read(lambda: Image.open(io.BytesIO(data), formats=FORMATS)) as picture:
        width, height = picture.size
        if width * height > MAX_PIXELS:
            raise InvalidQuery(
                f"image must have at most {MAX_PIXELS} pixels, got {width} x {height}; send a "
                "smaller copy"
            )
        # A JPEG of some telephones has a second picture for another screen; its format is MPO.
        if getattr(picture, "n_frames", 1) > 1 and picture.format != "MPO":
            raise InvalidQuery(
                f"image must be one picture, got {picture.n_frames} of an animation; "  # type: ignore[attr-defined]  # of animations
                "send one of them"
            )
        return _read(lambda: np.asarray(_upright(picture), np.uint8))


def encoded(pixels: NDArray[np.uint8]) -> bytes:
    """Return uint8 (H, W, 3) RGB as a PNG, which `decoded` reads as the same pixels."""
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()


def _read(step: Callable[[], Done]) -> Done:
    try:
        return step()
    except _DAMAGE as error:
        raise InvalidQuery(
            "image must be a whole JPEG, PNG or WebP that is not too large, and cannot be read; "
            "save it again as one of these, with at most 4096 x 4096 pixels"
        ) from error


def _upright(picture: Image.Image) -> Image.Image:
    """Decode a picture no larger than needed; a JPEG is already made smaller by its decoder."""
    orientation = picture.getexif().get(0x0112)
    if picture.format in ("JPEG", "MPO"):
        picture.draft(None, (SIDE, SIDE))
    if picture.mode.startswith("I"):
        levels = np.asarray(picture)
        picture = Image.fromarray((levels >> 8).clip(0, 255).astype(np.uint8))
    elif picture.has_transparency_data:
        picture = picture.convert("RGBA")
    else:
        picture = picture.convert("RGB")
    picture.thumbnail((SIDE, SIDE))
    if picture.mode == "RGBA":
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    picture = picture.convert("RGB")
    picture.getexif()[0x0112] = orientation or 1
    return ImageOps.exif_transpose(picture)
