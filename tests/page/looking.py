"""What tests of the page look at, and the videos that they play."""

import io

import av
import numpy as np

from tests.api.browser import Page

COLOURS = {"red": (220, 30, 30), "green": (30, 180, 60), "blue": (30, 60, 220)}
CARD = "#results a.card"
TITLES = "[...document.querySelectorAll('.title')].map((title) => title.textContent)"
STATUS = "document.getElementById('status').innerText"
CARDS = f"document.querySelectorAll('{CARD}').length"
GOOD = "document.querySelectorAll('#results a.card:not(.weak)').length"
VIDEO = "document.getElementById('video')"
ACTIVE = "document.activeElement"


def video(colours: list[str]) -> bytes:
    """Return a WebM video that shows each colour for two seconds, ten pictures a second."""
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as container:
        stream = container.add_stream("libvpx", rate=10)
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
