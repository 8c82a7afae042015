"""From decoded pictures to what a model's visual tower takes, by the model's own recipe.

The steps are those of open_clip's `image_transform` for inference (open_clip 3.3, transform.py)
with torchvision's roundings (`Resize`, `CenterCrop`), written with Pillow and NumPy: a bundle
gives the same pixels as the library that it was exported from, without torch. Of a wide picture
only the columns that are kept are scaled; Pillow places them to float32 alone, so that of 640x360,
6 values in 10 000 differ by a level of 255, and none by more than 2.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clipseek.patches import Box
from clipseek.types import Resize

Interpolation = Literal["bicubic", "bilinear"]

_FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model wants its pictures.

    image_size: side of the square picture in pixels. mean, std: per channel, of values in [0, 1].
    resize: "shortest" side to size and crop the centre; "longest" side to size and pad with
    `fill` (0 to 255); "squash" to the square whatever the aspect.
    """

    image_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: Interpolation = "bicubic"
    resize: Resize = "shortest"
    fill: int = 0


def prepare(pixels: NDArray[np.uint8], recipe: Recipe, *, threads: int = 1) -> NDArray[np.uint8]:
    """Scale and cut uint8 (N, H, W, 3) RGB to (N, S, S, 3); what has that size stays as it is."""
    side = recipe.image_size
    height, width = pixels.shape[1:3]
    if recipe.resize == "shortest" and scaled_size(width, height, recipe) == (width, height):
        left, top = _margin(width, side), _margin(height, side)
        return pixels[:, top : top + side, left : left + side]
    if (height, width) == (side, side):
        return pixels
    square = np.empty((len(pixels), side, side, 3), np.uint8)

    def scale(row: int) -> None:
        square[row] = np.asarray(_square(Image.fromarray(pixels[row]), recipe))

    if min(threads, len(pixels)) == 1:
        for row in range(len(pixels)):
            scale(row)
        return square
    with ThreadPoolExecutor(threads) as pool:  # Pillow lets go of the interpreter as it scales
        list(pool.map(scale, range(len(pixels))))
    return square


def normalise(square: NDArray[np.uint8], recipe: Recipe) -> NDArray[np.float32]:
    """Turn fitted uint8 (N, S, S, 3) into what the tower takes, float32 (N, 3, S, S)."""
    # The order of operations is torchvision's (ToTensor, then Normalize), all in float32.
    scaled = square.transpose(0, 3, 1, 2).astype(np.float32, order="C")
    scaled /= np.float32(255)
    scaled -= np.asarray(recipe.mean, np.float32)[:, None, None]
    scaled /= np.asarray(recipe.std, np.float32)[:, None, None]
    return scaled


def scaled_size(width: int, height: int, recipe: Recipe) -> tuple[int, int]:
    """Return the width and height that a picture is scaled to before it is cut or padded."""
    side = recipe.image_size
    if recipe.resize == "squash":
        return side, side
    if recipe.resize == "longest":
        ratio = max(width, height) / side
        return max(1, round(width / ratio)), max(1, round(height / ratio))
    short = min(width, height)
    return int(side * width / short), int(side * height / short)


def covered(width: int, height: int, recipe: Recipe) -> Box:
    """Return which part of a picture the model sees; padding is outside the picture."""
    side, sizes = recipe.image_size, scaled_size(width, height, recipe)
    if recipe.resize == "longest":
        edges = [(-((side - size) // 2), size) for size in sizes]
    else:
        edges = [(_margin(size, side), size) for size in sizes]
    (left, across), (top, down) = edges
    return Box(left / across, top / down, (left + side) / across, (top + side) / down)


def _square(picture: Image.Image, recipe: Recipe) -> Image.Image:
    (width, height), side = scaled_size(*picture.size, recipe), recipe.image_size
    by = _FILTERS[recipe.interpolation]
    if recipe.resize == "shortest" and width > height:
        left = _margin(width, side)
        columns = (left * picture.width / width, (left + side) * picture.width / width)
        return picture.resize((side, side), by, box=(columns[0], 0, columns[1], picture.height))
    scaled = picture if picture.size == (width, height) else picture.resize((width, height), by)
    if recipe.resize == "longest":
        return _centre_pad(scaled, side, recipe.fill)
    top = _margin(height, side)
    return scaled.crop((0, top, side, top + side))


def _margin(length: int, side: int) -> int:
    """Return how many pixels are before the part that is kept."""
    return round((length - side) / 2)


def _centre_pad(picture: Image.Image, side: int, fill: int) -> Image.Image:
    canvas = Image.new("RGB", (side, side), (fill, fill, fill))
    canvas.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return canvas
