"""A number that is burned into a picture, so that a test reads from pixels when it was taken."""

import time
import zlib

import numpy as np
from numpy.typing import NDArray

_COLUMNS, _ROWS = 24, 2
_CHECK_BITS = 8
VALUE_BITS = _COLUMNS * _ROWS - _CHECK_BITS
"""Milliseconds of 34 years."""
_BAND = 9
"""The band of cells has a ninth of the height, at the top: cells of 10 pixels at 320x180, which
survive an encoder and a thumbnail."""


def burn(pixels: NDArray[np.uint8], value: int) -> NDArray[np.uint8]:
    """Return the picture, uint8 (H, W, 3), with a number (its lowest VALUE_BITS) as top band."""
    value %= 1 << VALUE_BITS
    code = value << _CHECK_BITS | _check(value)
    height, width = pixels.shape[:2]
    burned = pixels.copy()
    for number in range(_COLUMNS * _ROWS):
        rows, columns = _cell(number, height, width)
        burned[rows, columns] = 255 if code >> number & 1 else 0
    return burned


def read(pixels: NDArray[np.uint8]) -> int | None:
    """Return the number that is burned into a picture, uint8 (H, W, 3), or None if it has none."""
    height, width = pixels.shape[:2]
    code = 0
    for number in range(_COLUMNS * _ROWS):
        cell = pixels[_cell(number, height, width)]
        inner = cell[len(cell) // 4 : -(len(cell) // 4) or None, cell.shape[1] // 4 :]
        code |= int(inner[:, : max(1, cell.shape[1] // 2)].mean() > 127) << number
    value = code >> _CHECK_BITS
    return value if code & (1 << _CHECK_BITS) - 1 == _check(value) else None


def burn_now(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the picture with the milliseconds of the wall clock."""
    return burn(pixels, round(time.time() * 1000))


def read_time(pixels: NDArray[np.uint8]) -> float | None:
    """Return the wall clock in seconds that `burn_now` has burned, or None."""
    value = read(pixels)
    if value is None:
        return None
    now = round(time.time() * 1000)
    return (now - (now - value) % (1 << VALUE_BITS)) / 1000 if value <= now else None


def _cell(number: int, height: int, width: int) -> tuple[slice, slice]:
    row, column = divmod(number, _COLUMNS)
    tall = height // _BAND
    return (
        slice(row * tall // _ROWS, (row + 1) * tall // _ROWS),
        slice(column * width // _COLUMNS, (column + 1) * width // _COLUMNS),
    )


def _check(value: int) -> int:
    return zlib.crc32(value.to_bytes(8, "big")) & (1 << _CHECK_BITS) - 1
