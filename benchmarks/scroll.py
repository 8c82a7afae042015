"""How smoothly the page scrolls through a thousand moments, in a real browser.

    python -m benchmarks.scroll

Indexes 100 videos of ten moments with pictures of 640x360, asks for what looks like one of them,
and scrolls by 60 pixels in each frame until the list ends. Prints how many frames took more than
50 ms, the longest one, and the CPU time of the page's thread.
"""

import io
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from PIL import Image

from api.app import create_app
from clipseek.testing import MemoryCatalog
from tests.api import browser, library
from tests.api.browser import Page
from tests.api.server import serving

VIDEOS, EACH, LONG_MS = 100, 10, 50.0
SCROLL = """new Promise((done) => {
  const frames = [];
  let last = 0, still = 0, place = -1;
  const step = (now) => {
    if (last) frames.push(now - last);
    last = now;
    scrollBy(0, 60);
    still = scrollY === place ? still + 1 : 0;
    place = scrollY;
    const item = document.querySelector("#results li");
    const count = item.getAttribute("aria-setsize");
    if (still > 90) done({ frames: frames.slice(0, -still), count });
    else requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})"""


def main() -> int:
    """Measure and print the figures."""
    found = browser.find()
    if found is None:
        sys.stderr.write(f"no browser; install one of {', '.join(browser.NAMES)}\n")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        service = indexed(Path(folder)).service()
        with (
            serving(create_app(service)) as address,
            browser.opened(found, Path(folder) / "profile") as page,
        ):
            count, frames, busy_s = scrolled(page, address)
    over = sum(frame > LONG_MS for frame in frames)
    sys.stdout.write(
        f"{count} moments, {len(frames)} frames: {over} took more than {LONG_MS:g} ms, the longest "
        f"{max(frames):.0f} ms; {busy_s:.1f} s of CPU time\n"
    )
    return 0


def indexed(folder: Path) -> library.Library:
    """Return a library whose moments look the same to the model, each with a picture."""
    made = library.Library(folder, MemoryCatalog())
    for number in range(VIDEOS):
        with mock.patch.object(library, "JPEG", picture(number)):
            made.add(f"v{number}.webm", ["red"] * EACH, content=b"no video")
    return made


def picture(seed: int) -> bytes:
    """Return a JPEG of coloured blocks."""
    blocks = np.random.default_rng(seed).integers(0, 255, (18, 32, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(blocks.repeat(20, 0).repeat(20, 1)).save(file, "JPEG")
    return file.getvalue()


def scrolled(page: Page, address: str) -> tuple[str, Sequence[float], float]:
    """Scroll through the moments; return how many there were, the frames in ms, and seconds."""
    page.look()
    page.open(f"{address}/?like=v0&at=0.5")
    page.until("document.querySelector('#results a.card')")
    page.call("Performance.enable", timeDomain="threadTicks")
    before = busy(page)
    found: dict[str, Any] = page.run(SCROLL)
    return found["count"], found["frames"], busy(page) - before


def busy(page: Page) -> float:
    """Return the CPU time that the thread of the page has taken, in seconds."""
    metrics = page.call("Performance.getMetrics")["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))


if __name__ == "__main__":
    raise SystemExit(main())
