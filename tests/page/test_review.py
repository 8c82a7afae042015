"""The review page in a real browser: samples are decided on by keyboard."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.app import create_app
from clipseek.curating import SegmentTag, Tagging, tag_id
from clipseek.rules import Rule
from clipseek.testing import MemoryCatalog, MemoryCurating
from tests.api.browser import Page
from tests.api.library import Library
from tests.api.server import serving
from tests.page.looking import violations

RED, SEA = Rule("red", ("red",)), Rule("sea", ("blue",))
HEAD = "document.querySelector('.sample h2')"
WAITING = "(document.querySelector('.review [role=status]')?.innerText ?? '')"
Reviewed = tuple[str, MemoryCurating]


@pytest.fixture
def reviewed(page: Page, tmp_path: Path) -> Iterator[Reviewed]:
    """Serve three proposed tags; return the address and the store."""
    library = Library(tmp_path, MemoryCatalog())
    library.add("traffic.mp4", ["red", "green", "red"])
    app = create_app(library.service())
    app.state.curating.close()
    store = app.state.curating = MemoryCurating(library.catalog)
    store.put_rules("default", [RED, SEA], "ann")
    tags = [
        SegmentTag(tag_id("traffic", "red", s, s + 2), "traffic", s, s + 2, "red", RED.version, r)
        for s, r in ((0.0, 0.55), (2.0, 0.7), (4.0, 0.9))
    ]
    store.apply("default", [Tagging("traffic", "red", RED.version, "stamp", tags)])
    with serving(app) as address:
        yield address, store


def test_samples_are_decided_on_by_keyboard(page: Page, reviewed: Reviewed) -> None:
    """Yes, undo, no and skip; each decision has its time, and everybody can use the page."""
    address, store = reviewed
    page.open(f"{address}/#/review")
    page.until(f"{WAITING}.includes('3 samples wait')")
    assert "red" in page.run(f"{HEAD}.innerText")
    for width in (320, 1280):
        for dark in (False, True):
            page.look(width=width, dark=dark)
            assert violations(page) == []
            assert page.run("document.documentElement.scrollWidth <= innerWidth")
    page.look()
    page.press("a")
    page.until(f"{WAITING}.includes('2 samples wait')")
    page.press("u")
    page.until(f"{WAITING}.includes('3 samples wait')")
    page.press("r")
    page.until(f"{WAITING}.includes('2 samples wait')")
    page.until("document.querySelector('.sample p').innerText.includes('70%')")
    page.press("s")
    page.until("document.querySelector('.sample p').innerText.includes('90%')")
    said = store.decisions("default")
    assert [each.verdict for each in said] == ["accept", "undo", "reject", "skip"]
    assert all(each.seconds > 0 for each in said)
    assert [tag.state for tag in store.tags("default")] == ["rejected", "proposed", "proposed"]


def test_a_sample_is_corrected(page: Page, reviewed: Reviewed) -> None:
    """Another tag and another span; letters in the form decide nothing."""
    address, store = reviewed
    page.open(f"{address}/#/review")
    page.until(f"{WAITING}.includes('3 samples wait')")
    page.press("c")
    page.until("document.querySelector('.correction [name=label]')")
    assert violations(page) == []
    page.run(
        "(() => { const form = document.querySelector('.correction');"
        " form.label.focus(); form.label.value = 'sea'; form.end.value = '1.5';"
        " form.requestSubmit(); })()"
    )
    page.until(f"{WAITING}.includes('2 samples wait')")
    (said,) = store.decisions("default")
    assert (said.verdict, said.label, said.new_start, said.new_end) == ("correct", "sea", 0, 1.5)
