"""Examples of what two collections answer, side by side, as one page that needs no other file."""

import base64
from collections.abc import Callable, Mapping, Sequence
from html import escape

from clipseek.types import Hit
from indexer.agreement import Example, is_same
from indexer.output import clock, percent

Picture = Callable[[Hit], bytes | None]
"""Returns the JPEG of a hit, or None."""

SHOWN = 5
"""Hits of each side."""
STYLE = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { max-width: 70rem; margin: 1.5rem auto; padding: 0 1rem; }
table { border-collapse: collapse; }
th, td { padding: .25rem .75rem .25rem 0; text-align: left; font-variant-numeric: tabular-nums; }
section { border-top: 1px solid #8886; padding-top: .75rem; margin-top: 1.5rem; }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 1rem; }
ol { list-style: none; padding: 0; margin: 0; }
li { display: flex; gap: .75rem; margin: .4rem 0; align-items: center; }
li img { width: 9rem; height: auto; border-radius: 4px; }
li.alone { border-left: 4px solid #c60; padding-left: .5rem; }
"""


def page(
    title: str,
    names: tuple[str, str],
    lines: Sequence[tuple[str, Sequence[str]]],
    examples: Sequence[Example],
    picture: Picture,
    *,
    most: int = SHOWN,
) -> str:
    """Return the page.

    Args:
        title: What is compared.
        names: What the two sides are called.
        lines: The rows of the table of figures: the first cell and the others.
        examples: The queries that are shown.
        picture: Reads the pictures.
        most: How many hits of a side are shown.
    """
    rows = "".join(
        f"<tr><th scope=row>{escape(name)}</th>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>\n"
        for name, cells in lines
    )
    shown = "".join(_example(each, names, picture, most) for each in examples)
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n"
        f"<h1>{escape(title)}</h1>\n<table>\n{rows}</table>\n"
        "<h2>Queries whose answers differ most</h2>\n"
        "<p>Moments with a bar are among the first on one side alone.</p>\n"
        f"{shown}</html>\n"
    )


def records(examples: Sequence[Example], names: tuple[str, str]) -> list[Mapping[str, object]]:
    """Return the examples as JSON takes them."""
    return [
        {
            "query": each.query,
            "overlap": round(each.overlap, 4),
            "shift": round(each.shift, 4),
            names[0]: [_record(hit) for hit in each.before],
            names[1]: [_record(hit) for hit in each.after],
        }
        for each in examples
    ]


def _record(hit: Hit) -> dict[str, object]:
    return {
        "video_id": hit.video.id,
        "title": hit.video.title,
        "start": round(hit.span.start, 3),
        "end": round(hit.span.end, 3),
        "score": round(hit.score, 4),
        "relevance": round(hit.relevance, 4),
    }


def _example(example: Example, names: tuple[str, str], picture: Picture, most: int) -> str:
    sides = ((names[0], example.before, example.after), (names[1], example.after, example.before))
    columns = "".join(
        f"<div><h4>{escape(name)}</h4><ol>\n"
        + "".join(_hit(hit, others, picture) for hit in hits[:most])
        + "</ol></div>\n"
        for name, hits, others in sides
    )
    return (
        f"<section><h3>{escape(example.query)}</h3>\n<p>overlap {example.overlap:.0%}</p>\n"
        f'<div class="sides">\n{columns}</div></section>\n'
    )


def _hit(hit: Hit, others: Sequence[Hit], picture: Picture) -> str:
    kind = "" if any(is_same(hit, other) for other in others) else ' class="alone"'
    jpeg = picture(hit)
    shown = ""
    if jpeg is not None:
        encoded = base64.b64encode(jpeg).decode("ascii")
        shown = f'<img alt="" src="data:image/jpeg;base64,{encoded}">'
    return (
        f"<li{kind}>{shown}<span>{escape(hit.video.title)}<br>{clock(hit.span.start)} to "
        f"{clock(hit.span.end)}, {percent(hit.relevance)}</span></li>\n"
    )
