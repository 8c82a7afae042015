"""The geometry of a picture: pixel aspect, upright turn and reduced size, without any decoder."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import cos, radians, sin
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)

# A pixel aspect so near to square counts as square: nobody sees one percent, and the size stays
# the one that other tools print (tears_of_steel.webm states 399:400).
_SQUARE = Fraction(1, 100)
# Anamorphic formats reach 2:1 (ITU-R BT.601 wide screen: 64:45); more means a broken header.
_WIDEST = 4

# Width and height of the picture that a cut detector sees: 16:9, and small enough that averaging
# removes noise.
LUMA_SIZE = (64, 36)


@dataclass(frozen=True, slots=True)
class Turn:
    """How a stored picture becomes upright: transposed first, then flipped."""

    transposed: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @classmethod
    def of_matrix(cls, matrix: Sequence[int]) -> "Turn":
        """Read a display matrix, nine numbers by rows: (x, y) is shown at (ax + cy, bx + dy).

        ISO/IEC 14496-12, 6.2.2; ffmpeg, libavutil/display.h. Angles that are
        not multiples of 90 degrees count as the nearest multiple.
        """
        a, b, _, c, d, *_ = matrix
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(True, c < 0, b < 0)
        return cls(False, a < 0, d < 0)

    @classmethod
    def of_rotation(cls, degrees: int) -> "Turn":
        """Return the turn of a picture that is shown rotated counterclockwise."""
        sine, cosine = round(sin(radians(degrees))), round(cos(radians(degrees)))
        return cls.of_matrix((cosine, -sine, 0, sine, cosine, 0, 0, 0, 1))

    @property
    def mirrored(self) -> bool:
        """Whether a rotation alone does not make the picture upright."""
        return self.transposed ^ self.flip_x ^ self.flip_y

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return (width, height) after the turn; a turn of a size is its own inverse."""
        return size[::-1] if self.transposed else size

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn uint8 (H, W, 3) upright; the result is a view."""
        if self.transposed:
            pixels = pixels.swapaxes(0, 1)
        return pixels[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]


@dataclass(frozen=True, slots=True)
class Crop:
    """How many stored pixels at each edge are not part of the picture."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    @property
    def is_nothing(self) -> bool:
        """Whether the whole picture is shown."""
        return self == NO_CROP

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return (width, height) of the shown part of a stored size; all of it if none is left."""
        width, height = size[0] - self.left - self.right, size[1] - self.top - self.bottom
        return (width, height) if width > 0 and height > 0 else size

    def whole(self, shown: tuple[int, int], stored: tuple[int, int]) -> tuple[int, int]:
        """Return the size to scale a stored picture to, so that the shown part has size `shown`."""
        part = self.size(stored)
        return (
            max(shown[0], round(stored[0] * shown[0] / part[0])),
            max(shown[1], round(stored[1] * shown[1] / part[1])),
        )

    def cut(self, pixels: NDArray[Scalar], stored: tuple[int, int]) -> NDArray[Scalar]:
        """Return the shown part of a picture (H, W, 3) that was scaled as a whole."""
        if self.size(stored) == stored:
            return pixels
        height, width = pixels.shape[:2]
        part = self.size(stored)
        shown = round(width * part[0] / stored[0]), round(height * part[1] / stored[1])
        left = min(round(self.left * width / stored[0]), width - shown[0])
        top = min(round(self.top * height / stored[1]), height - shown[1])
        return pixels[top : top + shown[1], left : left + shown[0]]


NO_CROP = Crop()


def display_size(size: tuple[int, int], pixel_aspect: Fraction | None) -> tuple[int, int]:
    """Return (width, height) in square pixels of a picture with this aspect of pixels."""
    aspect = pixel_aspect or Fraction(1)
    if abs(aspect - 1) <= _SQUARE or not Fraction(1, _WIDEST) <= aspect <= _WIDEST:
        return size
    return max(1, round(size[0] * aspect)), size[1]


def reduced_size(size: tuple[int, int], short_side: int | None) -> tuple[int, int]:
    """Return (width, height) with the shorter side at most `short_side`, in proportion.

    Raises:
        ValueError: `short_side` is not positive.
    """
    if short_side is not None and short_side < 1:
        raise ValueError(f"short_side must be >= 1, got {short_side}")
    if short_side is None or min(size) <= short_side:
        return size
    factor = Fraction(short_side, min(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
