"""Small plots as inline SVG: bars, lines, a map of points, a grid of days, and a histogram.

Every text is escaped. Widths are those of the page, in CSS pixels; the picture scales with it.
"""

from collections.abc import Sequence
from html import escape
from math import floor, log10

COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#b58900",
    "#56b4e9",
    "#6a3d9a",
    "#7f7f7f",
    "#a6761d",
    "#1b9e77",
    "#e7298a",
    "#3b4a5a",
)
"""Those of Okabe and Ito, which people with any kind of colour vision tell apart, and some more."""

WIDTH = 720
_ROW, _LABEL, _VALUE = 22, 190, 70


def bars(rows: Sequence[tuple[str, float, str]], *, colour: str = COLOURS[0]) -> str:
    """Draw a bar for each row: its label, its length and what is written beside it."""
    most = max((value for _, value, _ in rows), default=0) or 1
    room = WIDTH - _LABEL - _VALUE - 10
    drawn = []
    for i, (label, value, said) in enumerate(rows):
        y, length = i * _ROW, max(1.0, room * value / most) if value > 0 else 0.0
        drawn.append(
            _text(_LABEL - 8, y + 15, shortened(label), anchor="end", title=label)
            + f'<rect x="{_LABEL}" y="{y + 3}" width="{length:.1f}" height="15" fill="{colour}"/>'
            + _text(_LABEL + length + 6, y + 15, said)
        )
    return _svg(len(rows) * _ROW + 4, drawn, "bars")


def lines(series: Sequence[tuple[str, Sequence[float]]], ticks: Sequence[str]) -> str:
    """Draw a line for each series, from 0 to the largest value, with its name as legend."""
    most = nice(max((max(values, default=0) for _, values in series), default=0) or 1)
    left, bottom, height, right = 46, 172, 160, WIDTH - 12
    step = (right - left) / max(1, len(ticks) - 1)
    drawn = [_axis(left, right, bottom, height, most)]
    drawn += [
        _text(left + i * step, bottom + 16, ticks[i], anchor="middle") for i in _some(len(ticks), 8)
    ]
    for number, (_, values) in enumerate(series):
        points = [(left + i * step, bottom - height * v / most) for i, v in enumerate(values)]
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        drawn += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in points]
    legend, top = legend_of([name for name, _ in series], bottom + 30)
    return _svg(top + 6, [*drawn, legend], "lines")


def scatter(points: Sequence[tuple[float, float, int]], names: Sequence[str]) -> str:
    """Draw points (x, y in [0, 1], and the number of their group), and these numbers."""
    height, pad = 400, 14
    places = [
        (pad + x * (WIDTH - 2 * pad), pad + (1 - y) * (height - 2 * pad), group)
        for x, y, group in points
    ]
    drawn = [f'<rect width="{WIDTH}" height="{height}" fill="#f6f7f8"/>']
    drawn += [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[group % len(COLOURS)]}"'
        ' fill-opacity="0.55"/>'
        for x, y, group in places
    ]
    for group in range(len(names)):
        own = [(x, y) for x, y, of in places if of == group]
        if own:
            x = sorted(each[0] for each in own)[len(own) // 2]
            y = sorted(each[1] for each in own)[len(own) // 2]
            drawn.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="10" fill="#fff" stroke="'
                f'{COLOURS[group % len(COLOURS)]}" stroke-width="2"/>'
                + _text(x, y + 4, str(group + 1), anchor="middle", weight="bold")
            )
    return _svg(height, drawn, "a map of points")


def grid(rows: Sequence[tuple[str, Sequence[float]]], ticks: Sequence[str]) -> str:
    """Draw a cell for each row and tick, the darker the more."""
    most = max((max(values, default=0) for _, values in rows), default=0) or 1
    step = (WIDTH - _LABEL - 4) / max(1, len(ticks))
    drawn = []
    for i, (label, values) in enumerate(rows):
        y = i * _ROW
        drawn.append(_text(_LABEL - 8, y + 15, shortened(label), anchor="end", title=label))
        for j, value in enumerate(values):
            shade = 0.0 if value <= 0 else 0.12 + 0.88 * value / most
            drawn.append(
                f'<rect x="{_LABEL + j * step:.1f}" y="{y + 2}" width="{max(1, step - 1.5):.1f}" '
                f'height="{_ROW - 3}" fill="{COLOURS[0] if value > 0 else "#eceff1"}" '
                f'fill-opacity="{shade if value > 0 else 1:.2f}">'
                f"<title>{escape(f'{label}, {ticks[j]}: {value:.2f}')}</title></rect>"
            )
    bottom = len(rows) * _ROW
    for j in _some(len(ticks), 7):
        x = _LABEL + (j + 0.5) * step
        drawn.append(_text(x, bottom + 14, ticks[j], anchor="middle"))
    return _svg(bottom + 20, drawn, "a grid of days")


def histogram(counts: Sequence[int], end: float, mark: float, said: str) -> str:
    """Draw counts of equal parts of [0, end], and a line at a mark, on a third of the width."""
    width, height = 230, 96
    most = max(counts, default=0) or 1
    step = (width - 10) / max(1, len(counts))
    drawn = [
        f'<rect x="{5 + i * step:.1f}" y="{70 - 62 * count / most:.1f}" width="{step - 0.6:.1f}" '
        f'height="{62 * count / most:.1f}" fill="#9fb3c4"/>'
        for i, count in enumerate(counts)
    ]
    x = 5 + (width - 10) * min(1.0, mark / (end or 1))
    drawn.append(f'<line x1="5" y1="70" x2="{width - 5}" y2="70" stroke="#888"/>')
    drawn.append(
        f'<line x1="{x:.1f}" y1="4" x2="{x:.1f}" y2="70" stroke="{COLOURS[1]}" stroke-width="2"/>'
    )
    drawn.append(_text(5, 88, said))
    return _svg(height, drawn, "a histogram", width=width)


def legend_of(names: Sequence[str], top: float) -> tuple[str, float]:
    """Return a legend of some lines, and where it ends."""
    drawn, x, y = [], 46.0, top
    for number, name in enumerate(names):
        said = shortened(name, 30)
        needed = 28 + 6.6 * len(said)
        if x + needed > WIDTH:
            x, y = 46.0, y + 18
        colour = COLOURS[number % len(COLOURS)]
        drawn.append(f'<rect x="{x}" y="{y}" width="11" height="11" fill="{colour}"/>')
        drawn.append(_text(x + 16, y + 10, said, title=name))
        x += needed
    return "".join(drawn), y + 14


def shortened(text: str, most: int = 26) -> str:
    """Return the end of a text that is too long: of a path, its name."""
    return text if len(text) <= most else f"…{text[1 - most :]}"


def nice(value: float) -> float:
    """Return the next 1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** floor(log10(value))
    return next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= value * 0.999999)


def figure(value: float) -> str:
    """Write a number with three digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _axis(left: float, right: float, bottom: float, height: float, most: float) -> str:
    drawn = []
    for share in (0, 0.5, 1):
        y = bottom - height * share
        drawn.append(f'<line x1="{left}" y1="{y}" x2="{right}" y2="{y}" stroke="#dde2e6"/>')
        drawn.append(_text(left - 6, y + 4, figure(most * share), anchor="end"))
    return "".join(drawn)


def _some(count: int, most: int) -> list[int]:
    """Return at most so many places, evenly spread, the first one among them."""
    step = max(1, -(-count // most))
    return list(range(0, count, step))


def _text(
    x: float, y: float, said: str, *, anchor: str = "start", title: str = "", weight: str = "normal"
) -> str:
    hint = f"<title>{escape(title)}</title>" if title and title != said else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">'
        f"{escape(said)}{hint}</text>"
    )


def _svg(height: float, drawn: Sequence[str], what: str, *, width: int = WIDTH) -> str:
    wide = ' class="wide"' if width == WIDTH else ""  # scrolls where the page is narrow
    return (
        f'<div{wide}><svg viewBox="0 0 {width} {height:.0f}" role="img" '
        f'aria-label="{escape(what)}" style="max-width:{width}px">{"".join(drawn)}</svg></div>'
    )
