"""The twelve kinds of thing as outlined shapes."""

from collections.abc import Callable
from math import cos, pi, sin

from PIL import ImageDraw

from clipseek.demo.world import Colour, Kind, Thing

Rgb = tuple[int, int, int]

PAINT: dict[Colour, Rgb] = {
    "red": (222, 38, 42),
    "orange": (247, 138, 20),
    "yellow": (250, 222, 48),
    "green": (52, 168, 62),
    "blue": (38, 92, 220),
    "purple": (132, 52, 176),
    "pink": (250, 140, 190),
    "brown": (128, 78, 40),
    "black": (30, 30, 34),
    "white": (248, 248, 248),
}
INK: Rgb = (34, 30, 40)


def mix(first: Rgb, second: Rgb, share: float) -> Rgb:
    """Blend two colours; `share` in [0, 1] is that of the second."""
    a, b, c = (round(x + (y - x) * share) for x, y in zip(first, second, strict=True))
    return a, b, c


class Pen:
    """Draws in the unit box of one thing, (-0.5, -0.5) to (0.5, 0.5), y down."""

    def __init__(self, canvas: ImageDraw.ImageDraw, size: tuple[int, int], thing: Thing) -> None:
        self._canvas = canvas
        self._x, self._y = thing.x * size[0], thing.y * size[1]
        self._down = thing.size * size[1]
        self._across = -self._down if thing.mirrored else self._down
        self.stroke = max(1, round(self._down / 40))

    def _points(self, coordinates: tuple[float, ...]) -> list[float]:
        return [
            self._y + self._down * value if odd else self._x + self._across * value
            for value, odd in zip(coordinates, _ODD, strict=False)
        ]

    def _box(self, coordinates: tuple[float, ...]) -> list[float]:
        left, top, right, bottom = self._points(coordinates)
        return [min(left, right), top, max(left, right), bottom]

    def oval(self, *box: float, fill: Rgb, line: Rgb | None = None) -> None:
        """Draw an ellipse in the box (left, top, right, bottom)."""
        self._canvas.ellipse(self._box(box), fill, line, self.stroke)

    def block(self, *box: float, fill: Rgb, line: Rgb | None = None) -> None:
        """Draw a rectangle."""
        self._canvas.rectangle(self._box(box), fill, line, self.stroke)

    def shape(self, *points: float, fill: Rgb, line: Rgb | None = None) -> None:
        """Draw a polygon."""
        self._canvas.polygon(self._points(points), fill, line, self.stroke)

    def path(self, *points: float, fill: Rgb, width: float = 1) -> None:
        """Draw a line; `width` in strokes."""
        self._canvas.line(self._points(points), fill, max(1, round(width * self.stroke)))

    def dome(self, *box: float, fill: Rgb, line: Rgb | None = None) -> None:
        """Draw the upper half of an ellipse."""
        self._canvas.pieslice(self._box(box), 180, 360, fill, line, self.stroke)


_ODD = (False, True) * 16


def _ball(pen: Pen, fill: Rgb, line: Rgb) -> None:
    pen.oval(-0.42, -0.42, 0.42, 0.42, fill=fill, line=line)
    pen.path(-0.4, -0.1, -0.15, 0.05, 0.15, 0.05, 0.4, -0.1, fill=line, width=1.5)
    pen.path(-0.1, -0.4, 0.04, -0.15, 0.04, 0.15, -0.1, 0.4, fill=line, width=1.5)


def _balloon(pen: Pen, fill: Rgb, line: Rgb) -> None:
    pen.path(0, 0.2, 0.05, 0.32, -0.04, 0.42, 0.02, 0.5, fill=line, width=1.5)
    pen.shape(-0.07, 0.27, 0.07, 0.27, 0, 0.17, fill=fill, line=line)
    pen.oval(-0.3, -0.5, 0.3, 0.21, fill=fill, line=line)
    pen.oval(-0.18, -0.38, -0.06, -0.2, fill=mix(fill, (255, 255, 255), 0.6))


def _bird(pen: Pen, fill: Rgb, line: Rgb) -> None:
    pen.shape(-0.5, -0.1, -0.25, 0.0, -0.25, 0.14, -0.48, 0.16, fill=fill, line=line)
    pen.shape(0.4, -0.16, 0.5, -0.1, 0.4, -0.04, fill=(250, 170, 30), line=line)
    pen.oval(-0.36, -0.12, 0.26, 0.26, fill=fill, line=line)
    pen.oval(0.1, -0.28, 0.43, 0.05, fill=fill, line=line)
    pen.shape(-0.16, 0.08, 0.12, 0.06, -0.2, -0.48, fill=mix(fill, line, 0.25), line=line)
    pen.oval(0.27, -0.19, 0.35, -0.1, fill=(255, 255, 255), line=INK)


def _boat(pen: Pen, fill: Rgb, line: Rgb) -> None:
    pen.path(0, -0.48, 0, 0.15, fill=line, width=2)
    pen.shape(0.04, -0.46, 0.04, 0.08, 0.36, 0.08, fill=mix((250, 246, 236), fill, 0.3), line=line)
    pen.shape(
        -0.04, -0.36, -0.04, 0.08, -0.3, 0.08, fill=mix((250, 246, 236), fill, 0.5), line=line
    )
    pen.shape(-0.5, 0.14, 0.5, 0.14, 0.33, 0.46, -0.33, 0.46, fill=fill, line=line)


def _car(pen: Pen, fill: Rgb, line: Rgb) -> None:
    glass = (190, 226, 240)
    pen.shape(-0.34, 0.0, -0.2, -0.28, 0.16, -0.28, 0.32, 0.0, fill=fill, line=line)
    pen.shape(-0.24, -0.02, -0.15, -0.21, -0.03, -0.21, -0.03, -0.02, fill=glass)
    pen.shape(0.02, -0.02, 0.02, -0.21, 0.13, -0.21, 0.24, -0.02, fill=glass)
    pen.block(-0.5, -0.02, 0.5, 0.24, fill=fill, line=line)
    pen.block(0.4, 0.04, 0.49, 0.12, fill=(255, 244, 150))
    for x in (-0.27, 0.27):
        pen.oval(x - 0.14, 0.1, x + 0.14, 0.38, fill=(36, 36, 40), line=line)
        pen.oval(x - 0.06, 0.18, x + 0.06, 0.3, fill=(190, 190, 196))


def _cat(pen: Pen, fill: Rgb, line: Rgb) -> None:
    pen.path(-0.2, 0.4, -0.42, 0.34, -0.46, 0.1, -0.38, 0.0, fill=line, width=4)
    pen.path(-0.2, 0.4, -0.42, 0.34, -0.46, 0.1, -0.38, 0.0, fill=fill, width=2.6)
    pen.oval(-0.28, -0.02, 0.26, 0.5, fill=fill, line=line)
    pen.shape(-0.2, -0.24, -0.2, -0.5, 0.02, -0.36, fill=fill, line=line)
    pen.shape(0.32, -0.24, 0.32, -0.5, 0.1, -0.36, fill=fill, line=line)
    pen.oval(-0.22, -0.4, 0.34, 0.08, fill=fill, line=line)
    for x in (-0.06, 0.18):
        pen.oval(x - 0.05, -0.24, x + 0.05, -0.11, fill=(210, 240, 120), line=INK)
    pen.shape(0.02, -0.08, 0.1, -0.08, 0.06, -0.03, fill=(240, 130, 140))
    for y in (-0.06, 0.0):
        pen.path(0.14, -0.04, 0.42, y, fill=line)
        pen.path(-0.02, -0.04, -0.3, y, fill=line)


def _fish(pen: Pen, fill: Rgb, line: Rgb) -> None:
    pen.shape(-0.2, 0.0, -0.5, -0.26, -0.42, 0.0, -0.5, 0.26, fill=fill, line=line)
    pen.shape(-0.12, -0.2, 0.02, -0.38, 0.16, -0.18, fill=mix(fill, line, 0.25), line=line)
    pen.oval(-0.3, -0.26, 0.5, 0.26, fill=fill, line=line)
    pen.shape(0.02, 0.04, -0.14, 0.2, 0.08, 0.14, fill=mix(fill, line, 0.25), line=line)
    pen.oval(0.28, -0.13, 0.38, -0.02, fill=(255, 255, 255), line=INK)
    pen.path(0.4, 0.1, 0.48, 0.06, fill=line, width=1.4)


def _flower(pen: Pen, fill: Rgb, line: Rgb) -> None:
    leaf = (70, 150, 60)
    pen.path(0, -0.1, 0, 0.5, fill=(50, 120, 50), width=2.5)
    pen.shape(0, 0.36, 0.26, 0.18, 0.2, 0.36, fill=leaf)
    pen.shape(0, 0.42, -0.26, 0.24, -0.2, 0.42, fill=leaf)
    for turn in range(6):
        x, y = 0.2 * cos(turn * pi / 3), -0.18 + 0.2 * sin(turn * pi / 3)
        pen.oval(x - 0.14, y - 0.14, x + 0.14, y + 0.14, fill=fill, line=line)
    pen.oval(-0.1, -0.28, 0.1, -0.08, fill=mix((250, 210, 60), INK, 0.12), line=line)


def _house(pen: Pen, fill: Rgb, line: Rgb) -> None:
    pen.block(0.16, -0.46, 0.28, -0.16, fill=mix(fill, INK, 0.4), line=line)
    pen.block(-0.38, -0.1, 0.38, 0.48, fill=fill, line=line)
    pen.shape(-0.5, -0.08, 0, -0.5, 0.5, -0.08, fill=mix(fill, INK, 0.3), line=line)
    pen.block(-0.1, 0.16, 0.1, 0.48, fill=mix((120, 80, 50), fill, 0.15), line=line)
    for x in (-0.25, 0.25):
        pen.block(x - 0.09, 0.0, x + 0.09, 0.17, fill=(252, 240, 170), line=line)


def _robot(pen: Pen, fill: Rgb, line: Rgb) -> None:
    steel = (172, 178, 186)
    pen.path(0, -0.34, 0, -0.48, fill=line, width=1.5)
    pen.oval(-0.05, -0.5, 0.05, -0.4, fill=(240, 90, 70), line=line)
    for x in (-0.14, 0.14):
        pen.block(x - 0.07, 0.26, x + 0.07, 0.5, fill=steel, line=line)
        pen.block(x * 2.5 - 0.06, -0.02, x * 2.5 + 0.06, 0.26, fill=steel, line=line)
    pen.block(-0.26, -0.06, 0.26, 0.3, fill=fill, line=line)
    pen.block(-0.2, -0.36, 0.2, -0.06, fill=fill, line=line)
    for x in (-0.09, 0.09):
        pen.oval(x - 0.06, -0.28, x + 0.06, -0.16, fill=(255, 255, 255), line=INK)
    pen.block(-0.12, 0.06, 0.12, 0.18, fill=mix(steel, fill, 0.2), line=line)


def _tree(pen: Pen, fill: Rgb, line: Rgb) -> None:
    pen.block(-0.08, 0.08, 0.08, 0.5, fill=(118, 78, 44), line=line)
    for x, y, r in ((-0.22, 0.0, 0.22), (0.22, 0.0, 0.22), (0.0, -0.22, 0.27)):
        pen.oval(x - r, y - r, x + r, y + r, fill=fill, line=line)
    pen.oval(-0.28, -0.2, 0.28, 0.18, fill=fill)


def _umbrella(pen: Pen, fill: Rgb, line: Rgb) -> None:
    pen.path(0, -0.46, 0, 0.42, 0.06, 0.48, 0.14, 0.46, 0.16, 0.38, fill=line, width=2)
    pen.dome(-0.5, -0.42, 0.5, 0.5, fill=fill, line=line)
    for x in (-0.17, 0.17):
        pen.path(0, -0.42, x, 0.04, fill=line)
    for x in (-0.335, 0.0, 0.335):
        pen.oval(x - 0.165, -0.03, x + 0.165, 0.11, fill=mix(fill, INK, 0.3), line=line)


_THINGS: dict[Kind, Callable[[Pen, Rgb, Rgb], None]] = {
    "ball": _ball,
    "balloon": _balloon,
    "bird": _bird,
    "boat": _boat,
    "car": _car,
    "cat": _cat,
    "fish": _fish,
    "flower": _flower,
    "house": _house,
    "robot": _robot,
    "tree": _tree,
    "umbrella": _umbrella,
}


def draw_thing(
    canvas: ImageDraw.ImageDraw, size: tuple[int, int], thing: Thing, *, dark: bool
) -> None:
    """Draw one thing on a canvas of this size (width, height in pixels); `dark` dims it."""
    fill = PAINT[thing.colour]
    if dark:
        fill = mix(fill, (20, 24, 60), 0.16)
    # Black needs a light outline, because it is in front of dark woods and the night sky.
    line = (160, 160, 172) if thing.colour == "black" else mix(fill, INK, 0.75)
    _THINGS[thing.kind](Pen(canvas, size, thing), fill, line)
