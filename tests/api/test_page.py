"""The web page in a real browser: asked, seen, played, by keyboard."""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from api.app import create_app
from clipseek.testing import MemoryCatalog
from tests.api import browser
from tests.api.browser import Page
from tests.api.library import Library
from tests.api.server import serving

COLOURS = {"red": (220, 30, 30), "green": (30, 180, 60), "blue": (30, 60, 220)}
TITLES = "[...document.querySelectorAll('.title')].map((title) => title.textContent)"
Open = Callable[[Library], str]


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


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Return a tab of a browser, or skip; where all must be tested, fail."""
    found = browser.find()
    if found is None:
        reason = f"no browser; install one of {', '.join(browser.NAMES)}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with browser.opened(found, tmp_path_factory.mktemp("profile")) as opened:
        opened.look()
        yield opened


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Return a library of videos that a browser can play."""
    made = Library(tmp_path_factory.mktemp("videos"), MemoryCatalog())
    made.add("traffic.webm", ["red", "green", "blue"], content=video(["red", "green", "blue"]))
    made.add("sea.webm", ["blue", "green"], content=video(["blue", "green"]))
    made.add("<img src=x onerror=alert(1)>.webm", ["green"], content=video(["green"]))
    made.add("storm.webm", ["blue"], collection="archive", content=video(["blue"]))
    return made


@pytest.fixture(scope="module")
def address(library: Library) -> Iterator[str]:
    """Serve the library."""
    with serving(create_app(library.service())) as url:
        yield url


def ask(page: Page, address: str, query: str) -> None:
    """Open the page with a query and wait for its moments."""
    page.problems.clear()
    page.open(f"{address}/?q={query}")
    page.until("document.querySelector('button.card')")


def test_a_sentence_is_asked_by_keyboard(page: Page, address: str) -> None:
    """Slash, words, Enter: moments come, and the address keeps the question."""
    page.open(address)
    page.until("document.querySelector('#examples button')")
    page.run("document.activeElement.blur()")
    page.press("/")
    page.write("red")
    page.press("Enter")
    page.until("document.querySelector('button.card')")
    assert page.run(TITLES)[0] == "traffic"
    assert page.run("location.search").startswith("?q=red")
    assert page.run("document.querySelector('.span').textContent") == "00:00.0–00:02.0"


def test_a_moment_plays_and_stops_at_its_end(page: Page, address: str) -> None:
    """Play on goes past it, and Escape leads back to the card."""
    ask(page, address, "red")
    page.press("ArrowDown")
    page.press("Enter")
    page.until("document.getElementById('player').open")
    page.until("document.getElementById('play-on').classList.contains('primary')")
    assert page.run("document.getElementById('video').paused")
    assert 2 <= page.run("document.getElementById('video').currentTime") < 3
    page.run("document.getElementById('play-on').click()")
    page.until("document.getElementById('video').currentTime > 3")
    page.press("Escape")
    page.until("!document.getElementById('player').open")
    assert page.run("document.activeElement.className") == "card"
    assert page.problems == []


def test_arrows_move_between_moments(page: Page, address: str) -> None:
    """Right goes to the next card, up from the first row back to the box."""
    ask(page, address, "blue")
    place = "[...document.querySelectorAll('.card')].indexOf(document.activeElement)"
    page.press("ArrowDown")
    page.press("ArrowRight")
    assert page.run(place) == 1
    page.press("ArrowUp")
    assert page.run("document.activeElement.id") == "query"


STATUS = "document.getElementById('status').textContent"
CARDS = "document.querySelectorAll('button.card').length"


def test_nothing_that_matches_is_said(page: Page, address: str) -> None:
    """The nearest moments are shown only when they are asked for, and as such."""
    page.open(f"{address}/?q=violet")
    page.until("document.querySelector('li.more button')")
    assert page.run(STATUS).startswith("Nothing here matches well.")
    assert page.run(CARDS) == 0
    page.run("document.querySelector('li.more button').click()")
    assert page.run(CARDS) == 3
    assert page.run("document.querySelectorAll('.card:not(.weak)').length") == 0


def test_weak_moments_are_apart(page: Page, address: str) -> None:
    """A line separates what matches from what is only nearest."""
    ask(page, address, "red")
    cards = "[...document.querySelectorAll('.divider ~ li .card')]"
    assert page.run(f"{cards}.length > 0 && {cards}.every((c) => c.classList.contains('weak'))")
    assert page.run("document.querySelectorAll('.card:not(.weak)').length") == 1
    assert page.run(STATUS).startswith("1 moment in 1 video,")


def test_the_count_is_of_all_that_match_and_all_can_be_seen(page: Page, tmp_path: Path) -> None:
    """52 moments in 26 videos: 24 at first, the others by a button, and no divider before them."""
    made = Library(tmp_path, MemoryCatalog())
    for number in range(26):
        made.add(f"v{number}.webm", ["red", "blue", "red"], content=b"no video")
    with serving(create_app(made.service())) as url:
        ask(page, url, "red")
        assert page.run(STATUS).startswith("52 moments in 26 videos,")
        shown = []
        while True:
            shown.append(page.run("document.querySelectorAll('.card:not(.weak)').length"))
            if not page.run("Boolean(document.querySelector('li.more button'))"):
                break
            page.run("document.querySelector('li.more button').click()")
        page.open(f"{url}/?q=violet")
        page.until("document.querySelector('li.more button')")
        page.run("document.querySelector('li.more button').click()")
        assert page.run(CARDS) == 4
    assert shown[0] == 24
    assert shown[-1] == 52


def test_the_examples_are_those_that_the_library_answers(page: Page, address: str) -> None:
    """Each finds something; another library has others, and one that knows none has none."""
    page.open(address)
    page.until("document.querySelector('#examples button')")
    offered = page.run(
        "[...document.querySelectorAll('#examples button')].map((b) => b.textContent)"
    )
    assert "a red car at night" in offered
    for example in offered:
        ask(page, address, example)
        assert page.run("document.querySelectorAll('.card:not(.weak)').length") > 0


def test_a_query_that_was_cut_is_said(page: Page, address: str) -> None:
    """Up to where it was read."""
    ask(page, address, "+".join(["red"] * 50))
    assert "read only up to" in page.run(STATUS)


def test_names_are_text(page: Page, address: str) -> None:
    """A file's name that looks like HTML is shown as it is."""
    ask(page, address, "green")
    assert "<img src=x onerror=alert(1)>" in page.run(TITLES)
    assert page.run("document.querySelectorAll('img[src=x]').length") == 0


def test_another_collection_is_chosen(page: Page, address: str) -> None:
    """The choice is there because there are two, and the address keeps it."""
    ask(page, address, "blue&collection=archive")
    assert page.run(TITLES) == ["storm"]
    assert page.run("document.getElementById('collection').hidden") is False


def test_a_video_that_is_gone_is_explained(page: Page, address: str, library: Library) -> None:
    """The player shows the server's sentence."""
    lost = library.folder / "storm.webm"
    kept = lost.with_suffix(".kept")
    ask(page, address, "blue&collection=archive")
    lost.rename(kept)
    page.run("document.querySelector('.card').click()")
    page.until("!document.getElementById('player-error').hidden")
    kept.rename(lost)
    shown = page.run("document.getElementById('player-error').textContent")
    assert "does not exist any more" in shown
    assert str(library.folder) not in shown
    page.press("Escape")


def test_an_empty_library_names_the_command(page: Page, tmp_path: Path) -> None:
    """Who starts sees what to run."""
    with serving(create_app(Library(tmp_path, MemoryCatalog()).service())) as url:
        page.problems.clear()
        page.open(url)
        page.until("!document.getElementById('notice').hidden")
        shown = page.run("document.getElementById('notice').innerText")
        assert "indexer ingest ~/Videos" in shown
        assert page.problems == []


def test_an_error_is_shown_with_its_request(page: Page, address: str) -> None:
    """The detail and the id under which the log has it."""
    ask(page, address, "red")
    page.run("document.getElementById('query').value = 'a\\u0007b'")
    page.run("document.getElementById('form').requestSubmit()")
    page.until("!document.getElementById('notice').hidden")
    shown = page.run("document.getElementById('notice').innerText")
    assert "query must have no control characters" in shown
    assert "Request " in shown


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_is_cut_off(page: Page, address: str, width: int, dark: bool) -> None:
    """The page is never wider than the window."""
    page.look(width=width, dark=dark)
    ask(page, address, "green")
    assert page.run("document.documentElement.scrollWidth") == width
    page.look()


def test_the_documentation_shows_every_endpoint(page: Page, address: str) -> None:
    """It is drawn from the OpenAPI document."""
    page.problems.clear()
    page.open(f"{address}/docs")
    page.until("document.querySelectorAll('details').length > 12")
    shown = page.run("document.body.textContent")
    assert "/v1/search/batch" in shown
    assert page.problems == []
