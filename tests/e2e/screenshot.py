"""`make screenshot`: the picture of the page that the README shows, of the demo's own videos.

    python -m tests.e2e.screenshot [--out FILE] [--states DIR] [--videos N] [--seed N] [--query Q]

Draws demo videos, indexes them with the demo model, serves the page and asks in a headless browser.
With `--states`, it also takes every state of the page at three widths, light and dark.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image

from benchmarks.servers import serving
from tests.api import browser
from tests.api.browser import Page

ROOT = Path(__file__).parents[2]
WIDTH, HEIGHT = 1200, 744
PICTURE = ROOT / "docs" / "page.png"
SEEN = (
    "[...document.querySelectorAll('#results img')]"
    ".filter((img) => img.getBoundingClientRect().top < innerHeight)"
)
SEEN_PICTURES = (
    "[...document.images].filter((img) => img.getBoundingClientRect().top < innerHeight)"
    ".every((img) => img.complete)"
)
LOADED = f"{SEEN}.length >= 3 && {SEEN}.every((img) => img.complete && img.naturalWidth)"
CARD = "document.querySelector('#results a.card')"
VIDEO = "document.querySelector('a.card.video')"
DIALOG = "document.querySelector('dialog[open]')"
PLAYS = "document.getElementById('video')?.readyState > 1"
ROWS = "document.querySelectorAll('.upload:is(.done, .failed)')"


@dataclass(frozen=True, slots=True)
class State:
    """A state of the page: its address, what must be there, what is done then, what comes of it.

    whole: Whether the picture is of the whole page, and not of the window alone.
    """

    path: str
    there: str
    action: str = ""
    then: str = "true"
    whole: bool = False


STATES = {
    "start": State("", "document.querySelector('.some img')"),
    "many": State("?q=a+car", CARD),
    "few": State("?q=a+red+balloon+at+night&min=0.9", f"{CARD} ?? document.querySelector('.none')"),
    "grouped": State("?q=a+balloon&grouped=1&min=0.3", CARD),
    "nothing": State("?q=a+submarine+in+space", "document.querySelector('.more button')"),
    "wrong": State("?q=a+boat&collection=none", "document.getElementById('notice')"),
    "player": State("?q=a+balloon", CARD, f"{CARD}.click()", PLAYS),
    "library": State("#/library", VIDEO),
    "video": State("#/library", VIDEO, f"{VIDEO}.click()", "document.querySelector('a.card.bare')"),
    "status": State("#/status", "document.querySelector('.switch')", whole=True),
    "help": State("?q=a+balloon", CARD, "document.querySelector('.keys').click()", DIALOG),
    "login": State("login", "document.getElementById('in').textContent"),
    "docs": State("docs", "document.querySelector('details')"),
}
"""By name; uploads and an empty library come besides."""
SIZES = ((390, 844), (1280, 900), (2560, 1440))


def take(out: Path, *, videos: int, seed: int, query: str, states: Path | None = None) -> None:
    """Write the picture, and those of the states; the folder that it needs is deleted afterwards.

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
            if states:
                _take_states(page, server.url, states)
        if states:
            settings = {"CLIPSEEK_DATA_DIR": str(folder / "empty"), "CLIPSEEK_MODEL": "demo"}
            files = [*sorted(drawn.glob("*.mp4"))[:2], drawn / "captions.jsonl"]
            with (
                serving(["clipseek", "serve", "--quiet"], "readyz", settings) as server,
                browser.opened(chosen, folder / "profile") as page,
            ):
                _take_uploads(page, server.url, states, files)
        with Image.open(out) as picture:
            # A drawn page has few colours: as many as a palette holds make it a third as large.
            picture.convert("RGB").quantize(256).save(out, optimize=True)


def _take_states(page: Page, url: str, folder: Path) -> None:
    """Write `STATE-WIDTH-light.png` and `-dark.png` for each state and width."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, state in STATES.items():
        for size in SIZES:
            page.look(width=size[0], height=size[1])
            page.open("about:blank")
            page.open(url + state.path)
            page.until(state.there)
            if state.action:
                page.run(state.action)
            page.until(state.then)
            _take_both(page, folder / name, size, whole=state.whole)


def _take_both(page: Page, path: Path, size: tuple[int, int], *, whole: bool = False) -> None:
    width, height = size
    page.until(SEEN_PICTURES)
    for dark in (False, True):
        page.look(width=width, height=height, dark=dark)
        colours = "dark" if dark else "light"
        page.screenshot(path.with_name(f"{path.name}-{width}-{colours}.png"), whole=whole)


def _take_uploads(page: Page, url: str, folder: Path, files: Sequence[Path]) -> None:
    """Write the same of an empty library, and of one to which files are added."""
    page.open(f"{url}#/library")
    page.until("document.getElementById('notice')")
    for size in SIZES:
        _take_both(page, folder / "empty", size)
    page.choose("input[type=file][multiple]", files)
    page.until(f"{ROWS}.length === {len(files)} && {VIDEO}")
    for size in SIZES:
        _take_both(page, folder / "uploads", size)


def _index(*arguments: object) -> None:
    command = [sys.executable, "-m", "indexer", *map(str, arguments)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Take the picture of the README.")
    parser.add_argument("--out", type=Path, default=PICTURE, help="where it goes (docs/page.png)")
    parser.add_argument("--states", type=Path, help="a folder for pictures of every state")
    parser.add_argument("--videos", type=int, default=12, help="demo videos (12)")
    parser.add_argument("--seed", type=int, default=7, help="of the demo videos (7)")
    parser.add_argument("--query", default="a balloon", help="what is asked")
    options = parser.parse_args(arguments)
    take(
        options.out,
        videos=options.videos,
        seed=options.seed,
        query=options.query,
        states=options.states,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
