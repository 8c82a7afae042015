"""What tests of the page look at, and the videos that they play."""

import io
from typing import Literal

import av
import numpy as np

from tests.api.browser import Page
from tests.page.tools import packages

COLOURS = {"red": (220, 30, 30), "green": (30, 180, 60), "blue": (30, 60, 220)}
CARD = "#results a.card"
TITLES = "[...document.querySelectorAll('.title')].map((title) => title.textContent)"
STATUS = "document.getElementById('status').innerText"
CARDS = f"document.querySelectorAll('{CARD}').length"
GOOD = "document.querySelectorAll('#results a.card:not(.weak)').length"
VIDEO = "document.getElementById('video')"
ACTIVE = "document.activeElement"
FOUND = """axe.run().then(({violations}) => violations.map(({id, nodes}) =>
  id + ": " + nodes.map((node) => node.target.join(" ") + " " + node.failureSummary).join("; ")))"""


def video(
    colours: list[str], kind: str = "webm", codec: Literal["libvpx", "mpeg4"] = "libvpx"
) -> bytes:
    """Return a video that shows each colour for two seconds, ten pictures a second."""
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for colour in colours:
            picture = np.full((48, 64, 3), COLOURS[colour], np.uint8)
            for _ in range(20):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()


def ask(page: Page, address: str, query: str) -> None:
    """Open the page with a query and wait for its moments."""
    page.problems.clear()
    page.open(f"{address}/?q={query}")
    page.until(f"document.querySelector('{CARD}')")


def violations(page: Page) -> list[str]:
    """Return what axe finds: what keeps somebody from using the page as it is now."""
    page.run((packages() / "axe-core" / "axe.min.js").read_text("utf-8"))
    found: list[str] = page.run(FOUND)
    return found
