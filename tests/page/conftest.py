"""A browser, and a library that it can play."""

from collections.abc import Iterator

import pytest

from api.app import create_app
from clipseek.testing import MemoryCatalog
from tests.api import browser
from tests.api.browser import Page
from tests.api.library import Library
from tests.api.server import serving
from tests.lacking import lacking
from tests.page.looking import video

LONG = "Interview with the director of photography, day 3, second camera, north side, take 12"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Return a tab of a browser, or skip; where all must be tested, fail."""
    found = browser.find()
    if found is None:
        reason = f"no browser; install one of {', '.join(browser.NAMES)}"
        lacking(reason)
    with browser.opened(found, tmp_path_factory.mktemp("profile")) as opened:
        opened.look()
        yield opened


@pytest.fixture(autouse=True)
def _own_problems(request: pytest.FixtureRequest) -> None:
    """Forget what the page complained of in the test before, also what nobody has read yet."""
    if "page" in request.fixturenames:
        page: Page = request.getfixturevalue("page")
        page.run("0")
        page.problems.clear()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Return a library of videos that a browser can play."""
    made = Library(tmp_path_factory.mktemp("videos"), MemoryCatalog())
    made.add("traffic.webm", ["red", "green", "blue"], content=video(["red", "green", "blue"]))
    made.add("sea.webm", ["blue", "green"], content=video(["blue", "green"]))
    made.add("<img src=x onerror=alert(1)>.webm", ["green"], content=video(["green"]))
    made.add("storm.webm", ["blue"], collection="archive", content=video(["blue"]))
    made.add(
        f"{LONG}.webm", ["white"], collection="archive", content=video(["green"]), tags=("set",)
    )
    return made


@pytest.fixture(scope="module")
def address(library: Library) -> Iterator[str]:
    """Serve the library."""
    with serving(create_app(library.service())) as url:
        yield url
