"""Moving pictures made of the photographs that scikit-image and scikit-learn ship in their wheels.

They are for tests only and stay in those packages. A video of them has real textures and real
brightness, and cuts, pans, zooms, dissolves and flashes at frames that are known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]

LUMA = (64, 36)
"""Width and height of what the cut detector sees."""

_FOLDERS = {"skimage": Path("data"), "sklearn": Path("datasets", "images")}
_FILES = {
    "astronaut": "skimage/astronaut.png",
    "brick": "skimage/brick.png",
    "camera": "skimage/camera.png",
    "chelsea": "skimage/chelsea.png",
    "coffee": "skimage/coffee.png",
    "coins": "skimage/coins.png",
    "grass": "skimage/grass.png",
    "ihc": "skimage/ihc.png",
    "motorcycle_left": "skimage/motorcycle_left.png",
    "motorcycle_right": "skimage/motorcycle_right.png",
    "page": "skimage/page.png",
    "rocket": "skimage/rocket.jpg",
    "china": "sklearn/china.jpg",
    "flower": "sklearn/flower.jpg",
}


@cache
def photograph(name: str) -> Image.Image:
    """Open one of the photographs in RGB."""
    package, _, file = _FILES[name].partition("/")
    found = find_spec(package)
    assert found, f"{package} is not installed"
    return Image.open(Path(str(found.origin)).parent / _FOLDERS[package] / file).convert("RGB")


@dataclass(frozen=True)
class Look:
    """What a camera looks at: a 16:9 window of a photograph.

    `x` and `y` are its place in [0, 1]; at `zoom` 1 it is as wide as fits.
    """

    x: float = 0.5
    y: float = 0.5
    zoom: float = 1.25

    def at(self, name: str, size: tuple[int, int]) -> Image.Image:
        """Take a photograph's picture, scaled to `size`."""
        picture = photograph(name)
        width = min(picture.width, picture.height * 16 / 9) / self.zoom
        height = width * 9 / 16
        left, top = (picture.width - width) * self.x, (picture.height - height) * self.y
        box = (left, top, left + width, top + height)
        return picture.resize(size, Image.Resampling.BOX, box=box)

    def luma(self, name: str) -> Picture:
        """Return what the cut detector sees, uint8 (36, 64)."""
        return np.asarray(self.at(name, LUMA).convert("L"))


def moving(begin: Look, end: Look, count: int) -> list[Look]:
    """Move the camera evenly from one look to another in so many frames."""
    return [
        Look(
            begin.x + share * (end.x - begin.x),
            begin.y + share * (end.y - begin.y),
            begin.zoom * (end.zoom / begin.zoom) ** share,
        )
        for share in np.linspace(0, 1, count).tolist()
    ]


def shot(name: str, begin: Look, end: Look, count: int) -> list[Picture]:
    """Return the luma of a shot in which the camera moves evenly."""
    return [look.luma(name) for look in moving(begin, end, count)]


def still(name: str, count: int) -> list[Picture]:
    """Return the luma of a shot in which nothing moves."""
    return [Look().luma(name)] * count


def slow(name: str, count: int) -> list[Picture]:
    """Return the luma of a shot with a slow pan."""
    return shot(name, Look(0.3), Look(0.5, zoom=1.35), count)


def mixed(one: Picture, other: Picture, shares: Sequence[float]) -> list[Picture]:
    """Return pictures that hold these shares of the other one."""
    first, second = one.astype(float), other.astype(float)
    return [levels(first + share * (second - first)) for share in shares]


def levels(picture: NDArray[np.floating]) -> Picture:
    """Round and limit to uint8."""
    exact = np.asarray(picture, np.float64)
    return np.clip(exact.round(), 0, 255).astype(np.uint8)


def noisy(frames: Sequence[Picture], deviation: float) -> list[Picture]:
    """Add a camera's noise of that standard deviation, the same at each run."""
    rng = np.random.default_rng(7)
    return [levels(frame + rng.normal(0, deviation, frame.shape)) for frame in frames]
