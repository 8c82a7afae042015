"""Draws a scene: sky, place and weather as flat cartoon scenery, and the things in it."""

from collections.abc import Callable
from functools import lru_cache
from math import sin
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from clipseek.demo.things import Rgb, draw_thing, mix
from clipseek.demo.world import Place, Scene, Weather

HORIZON = 0.52

_SKIES: dict[Weather, tuple[Rgb, Rgb]] = {
    "day": ((92, 178, 240), (205, 234, 250)),
    "night": ((10, 12, 40), (44, 50, 98)),
    "rain": ((92, 102, 118), (158, 166, 176)),
    "snow": ((150, 164, 190), (206, 214, 226)),
}
_GROUNDS: dict[Place, Rgb] = {
    "beach": (240, 218, 160),
    "city": (150, 150, 156),
    "desert": (226, 170, 92),
    "forest": (70, 112, 60),
    "lake": (70, 140, 190),
    "meadow": (128, 196, 84),
    "mountains": (140, 150, 112),
    "road": (92, 92, 98),
}
_ODD = (False, True) * 16


class Stage:
    """The canvas of a place; coordinates are fractions of width and height."""

    def __init__(self, picture: Image.Image, weather: Weather, rng: Random) -> None:
        self.canvas = ImageDraw.Draw(picture)
        self.width, self.height = picture.size
        self.weather = weather
        self.rng = rng

    def lit(self, colour: Rgb, snowed: float = 0.0) -> Rgb:
        """Return the colour in this weather's light; `snowed` is how much snow is on it."""
        if self.weather == "night":
            red, green, blue = colour
            return round(red * 0.36), round(green * 0.4), round(blue * 0.54 + 14)
        if self.weather == "rain":
            return mix(colour, (84, 92, 104), 0.42)
        return mix(colour, (246, 248, 252), snowed if self.weather == "snow" else 0.0)

    def scaled(self, points: tuple[float, ...]) -> list[float]:
        """Turn fractions into pixels."""
        return [
            value * (self.height if odd else self.width)
            for value, odd in zip(points, _ODD, strict=False)
        ]

    def shape(self, *points: float, fill: Rgb) -> None:
        """Draw a polygon."""
        self.canvas.polygon(self.scaled(points), fill)

    def block(self, *box: float, fill: Rgb) -> None:
        """Draw a rectangle (left, top, right, bottom)."""
        self.canvas.rectangle(self.scaled(box), fill)

    def oval(self, *box: float, fill: Rgb) -> None:
        """Draw an ellipse."""
        self.canvas.ellipse(self.scaled(box), fill)


def _beach(stage: Stage) -> None:
    stage.block(0, HORIZON, 1, 0.66, fill=stage.lit((46, 150, 200), 0.1))
    for _ in range(4):
        x, y = stage.rng.random(), stage.rng.uniform(0.54, 0.63)
        stage.block(x, y, x + 0.1, y + 0.01, fill=stage.lit((190, 230, 240)))
    x = stage.rng.choice((0.03, 0.36, 0.64, 0.93))
    stage.shape(x, 0.78, x + 0.025, 0.78, x + 0.03, 0.34, fill=stage.lit((140, 96, 52)))
    for dx, dy in ((-0.1, 0.06), (-0.08, -0.06), (0.08, -0.06), (0.1, 0.06), (0.02, -0.12)):
        leaf = stage.lit((64, 140, 56), 0.4)
        stage.shape(x + 0.03, 0.32, x + dx / 2, 0.31 + dy, x + dx, 0.37 + dy, fill=leaf)


def _city(stage: Stage) -> None:
    x = -0.02
    while x < 1:
        width, top = stage.rng.uniform(0.07, 0.13), stage.rng.uniform(0.1, 0.38)
        tone = stage.rng.randint(0, 40)
        wall = stage.lit((104 + tone, 108 + tone, 124 + tone), 0.15)
        stage.block(x, top, x + width, 0.62, fill=wall)
        pane = (236, 216, 120) if stage.weather == "night" else stage.lit((196, 214, 228))
        for row in range(int((0.58 - top) / 0.09)):
            y = top + 0.03 + row * 0.09
            stage.block(x + 0.012, y, x + 0.028, y + 0.04, fill=pane)
            stage.block(x + width - 0.03, y, x + width - 0.014, y + 0.04, fill=pane)
        x += width + 0.008
    stage.block(0, 0.6, 1, 0.64, fill=stage.lit((196, 196, 198), 0.5))


def _desert(stage: Stage) -> None:
    for _ in range(3):
        x, top = stage.rng.uniform(0, 1), stage.rng.uniform(0.4, 0.5)
        stage.shape(x - 0.4, 0.62, x, top, x + 0.45, 0.62, fill=stage.lit((236, 188, 112), 0.4))
    for x in stage.rng.sample((0.05, 0.35, 0.65, 0.95), 2):
        green = stage.lit((72, 136, 72), 0.2)
        stage.block(x - 0.014, 0.4, x + 0.014, 0.72, fill=green)
        stage.block(x - 0.05, 0.47, x - 0.034, 0.56, fill=green)
        stage.block(x - 0.05, 0.54, x, 0.58, fill=green)
        stage.block(x + 0.034, 0.44, x + 0.05, 0.53, fill=green)
        stage.block(x, 0.51, x + 0.05, 0.55, fill=green)


def _forest(stage: Stage) -> None:
    for row, base in enumerate((0.6, 0.68)):
        x = stage.rng.uniform(-0.06, 0.0)
        while x < 1.05:
            tall = stage.rng.uniform(0.4, 0.56)
            green = stage.lit(mix((38, 84, 58), (24, 62, 44), row), 0.35)
            half = 0.058
            stage.shape(x - half, base, x, base - tall, x + half, base, fill=green)
            stage.block(x - 0.01, base, x + 0.01, base + 0.06, fill=stage.lit((84, 58, 40)))
            x += stage.rng.uniform(0.08, 0.12) * (1 + row)


def _lake(stage: Stage) -> None:
    for _ in range(3):
        x, top = stage.rng.uniform(0, 1), stage.rng.uniform(0.38, 0.46)
        green = stage.lit((104, 160, 104), 0.6)
        stage.oval(x - 0.35, top, x + 0.35, 0.7, fill=green)
    stage.block(0, 0.56, 1, 1, fill=stage.lit(_GROUNDS["lake"], 0.1))
    for _ in range(9):
        x, y = stage.rng.random(), stage.rng.uniform(0.6, 0.97)
        stage.block(x, y, x + 0.09, y + 0.012, fill=stage.lit((160, 208, 230)))
    for _ in range(4):
        x = stage.rng.choice((0.01, 0.93)) + stage.rng.uniform(0, 0.06)
        stage.block(x, 0.66, x + 0.006, 0.95, fill=stage.lit((70, 120, 60)))
        stage.oval(x - 0.006, 0.6, x + 0.012, 0.72, fill=stage.lit((116, 78, 44)))


def _meadow(stage: Stage) -> None:
    for _ in range(2):
        x = stage.rng.uniform(0, 1)
        stage.oval(x - 0.5, 0.42, x + 0.5, 0.9, fill=stage.lit((150, 210, 100), 0.6))
    for _ in range(26):
        x, y = stage.rng.random(), stage.rng.uniform(0.58, 0.97)
        petal = stage.rng.choice(((255, 255, 255), (255, 226, 90), (250, 170, 200)))
        stage.oval(x, y, x + 0.011, y + 0.02, fill=stage.lit(petal))


def _mountains(stage: Stage) -> None:
    for spread in (0.2, 0.5, 0.8, 0.36, 0.68):
        x, top = spread + stage.rng.uniform(-0.08, 0.08), stage.rng.uniform(0.06, 0.24)
        half = stage.rng.uniform(0.2, 0.28)
        rock = stage.lit((122, 122, 140), 0.12)
        stage.shape(x - half, 0.64, x, top, x + half, 0.64, fill=rock)
        dark = stage.lit((92, 92, 112), 0.12)
        stage.shape(x + 0.02, 0.64, x, top, x + half, 0.64, fill=dark)
        cut = 0.3
        left, right, low = x - half * cut, x + half * cut, top + (0.64 - top) * cut
        white = stage.lit((250, 250, 255))
        stage.shape(left, low, x, top, right, low, x, low - 0.03, fill=white)
    stage.block(0, 0.62, 1, 1, fill=stage.lit(_GROUNDS["mountains"], 0.75))


def _road(stage: Stage) -> None:
    stage.block(0, HORIZON, 1, 0.64, fill=stage.lit((140, 190, 96), 0.75))
    for x in range(8):
        left = x * 0.14 + 0.02
        stage.block(left, 0.5, left + 0.012, 0.62, fill=stage.lit((240, 240, 240)))
    stage.block(0, 0.53, 1, 0.555, fill=stage.lit((240, 240, 240)))
    start = stage.rng.uniform(-0.15, 0)
    for step in range(7):
        left = start + step * 0.19
        stage.block(left, 0.79, left + 0.1, 0.82, fill=stage.lit((250, 220, 70), 0.1))
    stage.block(0, 0.65, 1, 0.665, fill=stage.lit((240, 240, 240)))


_PLACES: dict[Place, Callable[[Stage], None]] = {
    "beach": _beach,
    "city": _city,
    "desert": _desert,
    "forest": _forest,
    "lake": _lake,
    "meadow": _meadow,
    "mountains": _mountains,
    "road": _road,
}


@lru_cache(maxsize=32)
def _sky(weather: Weather, width: int, height: int) -> Image.Image:
    top, bottom = (np.array(colour, dtype=np.float64) for colour in _SKIES[weather])
    share = np.linspace(0, 1, height)[:, None] ** 0.8
    rows = (top + (bottom - top) * share)[:, None, :].repeat(width, axis=1)
    return Image.fromarray(rows.round().astype(np.uint8))


def _cloud(stage: Stage, x: float, y: float, fill: Rgb) -> None:
    for dx, dy, r in ((-0.05, 0.01, 0.04), (0.0, -0.02, 0.05), (0.055, 0.01, 0.038)):
        stage.oval(x + dx - r, y + dy - r, x + dx + r, y + dy + r, fill=fill)


def _heaven(stage: Stage) -> None:
    x, y = stage.rng.uniform(0.08, 0.92), stage.rng.uniform(0.1, 0.16)
    wide = 9 / 16
    if stage.weather == "night":
        for _ in range(28):
            a, b = stage.rng.random(), stage.rng.uniform(0, 0.5)
            stage.oval(a, b, a + 0.005, b + 0.009, fill=(236, 236, 210))
        stage.oval(x - 0.08 * wide, y - 0.08, x + 0.08 * wide, y + 0.08, fill=(244, 240, 206))
        stage.oval(x - 0.03 * wide, y - 0.09, x + 0.1 * wide, y + 0.06, fill=(16, 18, 50))
        return
    if stage.weather == "day":
        stage.oval(x - 0.09 * wide, y - 0.09, x + 0.09 * wide, y + 0.09, fill=(255, 238, 120))
    grey: Rgb = {"day": (255, 255, 255), "rain": (84, 90, 102)}.get(stage.weather, (184, 192, 206))
    for _ in range(2 if stage.weather == "day" else 4):
        _cloud(stage, stage.rng.random(), stage.rng.uniform(0.05, 0.18), grey)


def _rain(stage: Stage, clock: float) -> None:
    for _ in range(44):
        x, y, speed = stage.rng.random(), stage.rng.random(), stage.rng.uniform(1.4, 1.8)
        y = (y + clock * speed) % 1.1 - 0.06
        ends = stage.scaled((x, y, x - 0.016, y + 0.09))
        stage.canvas.line(ends, (198, 212, 232), max(1, stage.height // 110))


def _snow(stage: Stage, clock: float) -> None:
    for _ in range(52):
        x, y, speed = stage.rng.random(), stage.rng.random(), stage.rng.uniform(0.12, 0.24)
        x = (x + 0.02 * sin(clock * 2 + 9 * y)) % 1
        y = (y + clock * speed) % 1.06 - 0.03
        r = 0.007 + 0.006 * speed / 0.24
        stage.oval(x - r * 0.6, y - r, x + r * 0.6, y + r, fill=(255, 255, 255))


def draw(scene: Scene, width: int, height: int, *, oversampling: int = 1) -> NDArray[np.uint8]:
    """Draw a scene as uint8 (height, width, 3), RGB; the same scene gives the same picture.

    With `oversampling` n the picture is drawn n times as large and averaged down: soft edges.
    """
    picture = _sky(scene.weather, width * oversampling, height * oversampling).copy()
    stage = Stage(picture, scene.weather, Random(scene.look))
    _heaven(stage)
    stage.block(0, HORIZON, 1, 1, fill=stage.lit(_GROUNDS[scene.place], 0.75))
    _PLACES[scene.place](stage)
    for thing in sorted(scene.things, key=lambda each: each.y):
        draw_thing(stage.canvas, picture.size, thing, dark=scene.weather == "night")
    if scene.weather == "rain":
        _rain(stage, scene.clock)
    if scene.weather == "snow":
        _snow(stage, scene.clock)
    if oversampling > 1:
        picture = picture.reduce(oversampling)
    return np.asarray(picture)
