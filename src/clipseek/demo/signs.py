"""Draws signs with words into pictures, in the font that Pillow has."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from clipseek.demo.utterances import Box

_LIGHT, _DARK = (250, 246, 228), (24, 26, 40)
_FRAME = 2  # pixels between the words and the edge of the board


def paint(pixels: NDArray[np.uint8], text: str, box: Box) -> NDArray[np.uint8]:
    """Return the picture, uint8 (H, W, 3), with a board in the box, and the text on the board.

    The letters are as large as the board allows: of a picture of 180 rows at least 12 pixels high.
    """
    picture = Image.fromarray(pixels)
    canvas = ImageDraw.Draw(picture)
    left, top, right, bottom = (
        round(side * (picture.height if odd else picture.width))
        for odd, side in zip((False, True) * 2, box, strict=True)
    )
    canvas.rectangle((left, top, right - 1, bottom - 1), _LIGHT, outline=_DARK, width=1)
    font = _font(text, right - left, bottom - top)
    centre = ((left + right) / 2, (top + bottom) / 2)
    canvas.text(centre, text, _DARK, font, anchor="mm")
    return np.asarray(picture)


def _font(text: str, width: int, height: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the largest font in which the text fits."""
    for size in range(height, 4, -1):
        font = ImageFont.load_default(size)
        left, top, right, bottom = font.getbbox(text, anchor="lt")
        if right - left <= width - 4 * _FRAME and bottom - top <= height - 4 * _FRAME:
            return font
    raise ValueError(f"{text!r} does not fit a board of {width} x {height} pixels")
