"""Every state of the page in a real browser: for everybody, in each language."""

import json
import shlex
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from api.app import create_app
from clipseek.audit import Entry, Work
from clipseek.catalog.audit import SqlAudit
from clipseek.testing import MemoryCatalog
from tests.api.browser import Page
from tests.api.library import Library
from tests.api.server import serving
from tests.contracts.catalogs import sqlite_url
from tests.page.looking import CARD, STATUS, VIDEO, ask, violations

CUT_OFF = "[...document.querySelectorAll('dialog')].some((d) => d.scrollHeight > d.clientHeight)"
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
    "live": ("#/live", "document.getElementById('add-webcam')"),
    "login": ("login", "document.getElementById('in').textContent"),
    "docs": ("docs", "document.querySelectorAll('details').length > 12"),
}
INGEST = Work(
    "default", "ingest", "done", "", 40.0, 80.0, 3, 0, 2, 1, 62, 4, "b.mp4: it is damaged"
)
EDIT = Work("default", "edit", "failed", "A day at the sea", 1.0, reason="there is no such video")
ROWS = "document.querySelector('#history tbody')?.rows"
REASON = "document.querySelector('.reason[role=alert]')"
LOST = """((ask) => {
  window.fetch = (path, how) => {
    if (!path.includes("after=")) return ask(path, how);
    window.fetch = ask;
    return Promise.reject(new TypeError("no answer"));
  };
})(window.fetch)"""


def test_the_library_leads_to_a_video_and_its_moments(page: Page, address: str) -> None:
    """Each video, then all its segments, each of which plays; the status lists collections."""
    page.problems.clear()
    page.open(f"{address}/#/library")
    page.until("document.querySelectorAll('a.card.video').length === 3")
    first = "document.querySelector('a.card.video .title')?.textContent"
    sort = "document.getElementById('library-sort')"
    page.run(
        f"{sort}.value = 'title'; {sort}.dispatchEvent(new Event('change', {{bubbles: true}}))"
    )
    page.until(f"location.search === '?sort=title' && {first}.startsWith('<img')")
    page.run(
        f"{sort}.value = 'length'; {sort}.dispatchEvent(new Event('change', {{bubbles: true}}))"
    )
    page.until(f"{first} === 'traffic'")
    box = "document.getElementById('library-name')"
    page.run(f"{box}.value = 'SEA'; {box}.dispatchEvent(new Event('input', {{bubbles: true}}))")
    page.until(f"location.search === '?sort=length&name=SEA' && {first} === 'sea'")
    page.open(f"{address}/?name=nothing#/library")
    page.until("document.body.innerText.includes('No video has these words in its title.')")
    assert page.run(f"{box}.value") == "nothing"
    page.run("history.back()")
    page.until(f"{box}.value === 'SEA'")
    page.run(f"{box}.value = ''; {box}.dispatchEvent(new Event('input', {{bubbles: true}}))")
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
    page.look(width=320)
    assert page.run("document.documentElement.scrollWidth") == 320  # its words are longer
    page.look()
    page.until(f"{STATUS}.startsWith('1 Moment in 1 Video')")
    page.open(f"{address}/?q=red")
    page.until(f"document.querySelector('{CARD}')")
    assert "sehr wahrscheinlich" in page.run("document.querySelector('.relevance').innerText")
    page.run("localStorage.clear()")


@pytest.mark.parametrize("state", STATES)
def test_everybody_can_use_it(page: Page, address: str, state: str) -> None:
    """Axe finds nothing, light and dark; nothing is wider than the window, nor cut off in it."""
    path, there = STATES[state]
    page.open(f"{address}/{path}")
    page.until(there)
    for dark in (False, True):
        page.look(dark=dark)
        assert violations(page) == []
    for width in (320, 390, 844, 2560):
        page.look(width=width, height=390 if width == 844 else 900)
        assert page.run("document.documentElement.scrollWidth") <= width, width
    for width, height in ((1280, 900), (1280, 700), (390, 844)):
        page.look(width=width, height=height)
        assert page.run(CUT_OFF) is False, (width, height)
    page.look()


def test_the_documentation_shows_every_endpoint(page: Page, address: str) -> None:
    """It is drawn from the OpenAPI document."""
    page.problems.clear()
    page.open(f"{address}/docs")
    page.until("document.querySelectorAll('details').length > 12")
    shown = page.run("document.body.textContent")
    assert "/v1/search/batch" in shown
    assert page.problems == []


OPENED = """(name) => {
  const all = [...document.querySelectorAll("details")];
  const found = all.find((each) => each.querySelector("summary").innerText.startsWith(name));
  found.open = true;
  return found;
}"""


def test_requests_are_tried_in_the_documentation(page: Page, address: str) -> None:
    """A search and a picture; what changes something has no form; the same is given as a line."""
    page.problems.clear()
    page.open(f"{address}/docs")
    page.until("document.querySelectorAll('form.trial').length > 10")
    page.run("navigator.clipboard.writeText = async (text) => { globalThis.copied = text; }")

    page.run(f"globalThis.asked = ({OPENED})('POST /v1/search')")
    page.run(
        """((body) => { body.value = JSON.stringify({ query: "it's blue" }); })"""
        """(asked.querySelector("textarea"))"""
    )
    page.run("asked.querySelector('button.primary').click()")
    page.until("asked.querySelector('.answer p')?.textContent.startsWith('200')")
    assert '"hits"' in page.run("asked.querySelector('.answer code').textContent")
    page.run("asked.querySelector('button:not(.primary)').click()")
    page.until("globalThis.copied")
    words = shlex.split(page.run("globalThis.copied"))
    assert words[:4] == ["curl", "-X", "POST", f"{address}/v1/search"]
    assert json.loads(words[-1]) == {"query": "it's blue"}

    page.run(f"globalThis.asked = ({OPENED})('GET /v1/videos/{{video_id}}/thumbnail')")
    page.run("asked.querySelector('input[name=video_id]').value = 'traffic'")
    page.run("asked.querySelector('button.primary').click()")
    page.until("asked.querySelector('.answer img')?.src.endsWith('/traffic/thumbnail')")
    page.run("asked.querySelector('input[name=video_id]').value = '../../v1/models?'")
    page.run("asked.querySelector('button.primary').click()")
    page.until("asked.querySelector('.answer p')?.textContent.startsWith('404')")

    removing = f"({OPENED})('DELETE /v1/videos').querySelector('form.trial')"
    assert page.run(f"{removing} === null") is True
    assert [each for each in page.problems if "404" not in each] == []


def test_a_thousand_videos_are_scrolled(page: Page, tmp_path: Path) -> None:
    """More come as one scrolls, and only those near the window are in the document."""
    made = Library(tmp_path, MemoryCatalog())
    for number in range(1000):
        made.add(f"v{number:04}.webm", ["red"], content=b"no video")
    with serving(create_app(made.service())) as url:
        page.open(f"{url}/?sort=title#/library")
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


def entry(work: Work, what: str = "job edit") -> Entry:
    """Return an entry of the audit."""
    return Entry("2026-11-28T12:00:42Z", "ann", what, "", "done", work=work)


@pytest.fixture
def audit(library: Library) -> Iterator[SqlAudit]:
    """The audit of the library; its catalog is in memory."""
    url = sqlite_url(library.folder)
    with closing(SqlAudit.open(url)) as opened:
        yield opened


def test_the_status_says_what_was_done(page: Page, address: str, audit: SqlAudit) -> None:
    """The newest first, also of commands; what ends meanwhile comes by itself, older on demand."""
    page.problems.clear()
    audit.add([entry(replace(EDIT, name=f"v{number}")) for number in range(25)])
    audit.add([entry(INGEST, "indexer ingest")])
    page.open(f"{address}/#/status")
    page.until(f"{ROWS}?.length === 20")
    shown = page.run("document.getElementById('indexes').innerText")
    assert "every moment is compared" in shown
    assert "up to date" in shown
    told = page.run(f"{ROWS}[0].innerText")
    for said in ("indexer ingest", "3 indexed, 2 unchanged, 1 failed", "took 40 sec", "1 min"):
        assert said in told
    assert "1.6 frames/s, × 2" in told
    assert "b.mp4: it is damaged" in told
    page.run(LOST)
    page.run("document.getElementById('older').click()")
    page.until(f"{REASON}?.textContent.includes('Is it still running?')")
    page.run("document.getElementById('older').click()")
    page.until(f"{ROWS}.length === 26 && !document.getElementById('older')")
    assert "v0" in page.run(f"{ROWS}[25].innerText")
    assert page.run(REASON) is None
    audit.add([entry(EDIT)])
    page.until(f"{ROWS}.length === 27 && {ROWS}[0].innerText.includes('A day at the sea')")
    assert "there is no such video" in page.run(f"{ROWS}[0].innerText")
    page.until("document.getElementById('traffic')")
    shown = page.run("document.getElementById('traffic').innerText")
    assert "in the last five minutes." in shown
    assert "Half within" in shown or "Nobody has searched" in shown  # as the tests before did
    assert page.run("document.querySelectorAll('#traffic svg path.curve').length") == 3
    for dark in (False, True):
        page.look(dark=dark)
        assert violations(page) == []
    for width in (390, 1280, 2560):
        page.look(width=width)
        assert page.run("document.documentElement.scrollWidth") <= width
    page.look()
    page.open("about:blank")
    assert page.problems == []
