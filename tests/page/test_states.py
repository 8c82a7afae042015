"""Every state of the page in a real browser: for everybody, in each language."""

from pathlib import Path

import pytest

from api.app import create_app
from clipseek.testing import MemoryCatalog
from tests.api.browser import Page
from tests.api.library import Library
from tests.api.server import serving
from tests.page.looking import CARD, STATUS, VIDEO, ask, violations

STATES = {
    "start": ("", "document.querySelector('#examples button')"),
    "results": ("?q=green", f"document.querySelector('{CARD}')"),
    "filters": ("?q=green&min=0.1&grouped=1", "document.querySelector('.filters')"),
    "nothing": ("?q=violet", "document.querySelector('.more button')"),
    "alike": (
        "?like=traffic&at=5",
        f"document.querySelector('#asked img') && document.querySelector('{CARD}')",
    ),
    "unlike": ("?like=traffic&at=0", "document.querySelector('.more button')"),
    "player": ("?q=red&v=traffic&t=0,2", f"{VIDEO}?.readyState > 1"),
    "unplayable": ("?q=red&v=nope&t=0,2", "document.querySelector('dialog .notice')"),
    "wrong": ("?q=red&collection=nope", "document.getElementById('notice')"),
    "library": ("#/library", "document.querySelector('a.card.video')"),
    "video": ("#/library/traffic", "document.querySelector('a.card.bare')"),
    "status": ("#/status", "document.querySelector('tbody tr')"),
    "login": ("login", "document.getElementById('in').textContent"),
    "docs": ("docs", "document.querySelectorAll('details').length > 12"),
}


def test_the_library_leads_to_a_video_and_its_moments(page: Page, address: str) -> None:
    """Each video, then all its segments, each of which plays; the status lists collections."""
    page.problems.clear()
    page.open(f"{address}/#/library")
    page.until("document.querySelectorAll('a.card.video').length === 3")
    cards = "[...document.querySelectorAll('a.card')]"
    page.run(f"{cards}.find((card) => card.innerText.includes('traffic')).click()")
    page.until("document.querySelectorAll('a.card.bare').length === 3")
    assert page.run("document.querySelector('h1').textContent") == "traffic"
    page.run("document.querySelectorAll('a.card.bare')[1].click()")
    page.until(f"{VIDEO}?.currentTime >= 2")
    page.press("Escape")
    page.until("!document.getElementById('player')")
    page.open(f"{address}/#/status")
    page.until("document.querySelector('tbody')?.rows.length === 2")
    assert "archive" in page.run("document.querySelector('tbody').innerText")
    assert page.problems == []


def test_the_page_speaks_german(page: Page, address: str) -> None:
    """When it is chosen, also after the next load, with the numbers of the language."""
    ask(page, address, "red")
    choose = "document.querySelector('.languages select')"
    page.run(
        f"{choose}.value = 'de'; {choose}.dispatchEvent(new Event('change', {{bubbles: true}}))"
    )
    page.until("document.documentElement.lang === 'de'")
    page.until(f"{STATUS}.startsWith('1 Moment in 1 Video')")
    page.open(f"{address}/?q=red")
    page.until(f"document.querySelector('{CARD}')")
    assert "sehr wahrscheinlich" in page.run("document.querySelector('.relevance').innerText")
    page.run("localStorage.clear()")


@pytest.mark.parametrize("state", STATES)
def test_everybody_can_use_it(page: Page, address: str, state: str) -> None:
    """Tests of axe find nothing, light and dark; at no width a state is wider than the window."""
    path, there = STATES[state]
    page.open(f"{address}/{path}")
    page.until(there)
    for dark in (False, True):
        page.look(dark=dark)
        assert violations(page) == []
    for width in (320, 390, 844, 2560):
        page.look(width=width, height=390 if width == 844 else 900)
        assert page.run("document.documentElement.scrollWidth") <= width, width
    page.look()


def test_the_documentation_shows_every_endpoint(page: Page, address: str) -> None:
    """It is drawn from the OpenAPI document."""
    page.problems.clear()
    page.open(f"{address}/docs")
    page.until("document.querySelectorAll('details').length > 12")
    shown = page.run("document.body.textContent")
    assert "/v1/search/batch" in shown
    assert page.problems == []


def test_a_thousand_videos_are_scrolled(page: Page, tmp_path: Path) -> None:
    """More come as one scrolls, and only those near the window are in the document."""
    made = Library(tmp_path, MemoryCatalog())
    for number in range(1000):
        made.add(f"v{number:04}.webm", ["red"], content=b"no video")
    with serving(create_app(made.service())) as url:
        page.open(f"{url}/#/library")
        page.until("document.querySelector('a.card.video')")
        end = "[...document.querySelectorAll('.title')].at(-1).textContent === 'v0999'"
        page.until(f"(scrollTo(0, document.body.scrollHeight), {end})")
        assert page.run("document.querySelectorAll('a.card').length") < 100
        assert page.run("document.querySelector('.status').textContent") == "1,000 videos"
        page.until("(scrollTo(0, 0), document.querySelector('.title').textContent === 'v0000')")


SCROLLED = """(async () => {
  const at = (file) => new URL(file, document.querySelector("script[type=module]").src).href;
  const [{ VirtualList }, { html, render }] = await Promise.all(
    [import(at("components/virtuallist.js")), import(at("vendor/preact.js"))]);
  const frame = () => new Promise(
    (resolve) => requestAnimationFrame(() => setTimeout(resolve, 20)));
  const place = document.body.appendChild(document.createElement("div"));
  const items = Array.from({ length: 500 }, (_, number) => number);
  const drawn = [];
  const draw = (number) => {
    drawn.push(number);
    return html`<p style=${{ height: "100px" }}>${number}</p>`;
  };
  render(html`<${VirtualList} items=${items} draw=${draw} keyOf=${String} label="list" />`, place);
  await frame();
  place.scrollIntoView();
  for (let i = 0; i < 10; i++) { scrollBy(0, 200); await frame(); }
  const shown = [...place.querySelectorAll("p")].map((item) => Number(item.textContent));
  render(null, place);
  place.remove();
  return { drawn, shown };
})()"""


def test_what_stays_in_the_window_is_drawn_once(page: Page, address: str) -> None:
    """Scrolled by ten steps, only cards near the window are there, and none was drawn twice."""
    page.open(f"{address}/#/status")
    found = page.run(SCROLLED)
    assert 0 < found["shown"][0] < found["shown"][-1] < 499
    assert sorted(found["drawn"]) == list(range(500))
