"""`make screenshot`: the picture of the page that the README shows, of the demo's own videos.

    python -m tests.e2e.screenshot [--out FILE] [--videos N] [--seed N] [--query TEXT]

Draws demo videos, indexes them with the demo model, serves the page and asks in a headless browser.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image

from benchmarks.servers import serving
from tests.api import browser

ROOT = Path(__file__).parents[2]
WIDTH, HEIGHT = 1200, 744
PICTURE = ROOT / "docs" / "page.png"
SEEN = (
    "[...document.querySelectorAll('#results img')]"
    ".filter((img) => img.getBoundingClientRect().top < innerHeight)"
)
LOADED = f"{SEEN}.length >= 3 && {SEEN}.every((img) => img.complete && img.naturalWidth)"


def take(out: Path, *, videos: int, seed: int, query: str) -> None:
    """Write the picture; the folder that it needs is deleted afterwards.

    Raises:
        FileNotFoundError: there is no browser.
    """
    chosen = browser.find()
    if chosen is None:
        raise FileNotFoundError(f"no browser; install one of {', '.join(browser.NAMES)}")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        drawn, data = folder / "videos", folder / "data"
        _index("demo", "--videos", videos, "--seed", seed, "--out", drawn)
        _index("--data-dir", data, "ingest", drawn, "--model", "demo", "--quiet")
        settings = {"CLIPSEEK_DATA_DIR": str(data)}
        with (
            serving(["api", "--quiet"], "readyz", settings) as server,
            browser.opened(chosen, folder / "profile") as page,
        ):
            page.look(width=WIDTH, height=HEIGHT)
            page.open(f"{server.url}?{urlencode({'q': query})}")
            page.until(LOADED)
            page.screenshot(out)
        with Image.open(out) as picture:
            # A drawn page has few colours: as many as a palette holds make it a third as large.
            picture.convert("RGB").quantize(256).save(out, optimize=True)


def _index(*arguments: object) -> None:
    command = [sys.executable, "-m", "indexer", *map(str, arguments)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Take the picture of the README.")
    parser.add_argument("--out", type=Path, default=PICTURE, help="where it goes (docs/page.png)")
    parser.add_argument("--videos", type=int, default=12, help="demo videos (12)")
    parser.add_argument("--seed", type=int, default=7, help="of the demo videos (7)")
    parser.add_argument("--query", default="a balloon", help="what is asked")
    options = parser.parse_args(arguments)
    take(options.out, videos=options.videos, seed=options.seed, query=options.query)
    return 0


if __name__ == "__main__":
    sys.exit(main())
