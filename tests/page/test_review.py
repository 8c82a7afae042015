"""The review page in a real browser: samples are decided on by keyboard."""

from collections.abc import Iterator
from dataclasses import replace
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
PANEL = "document.querySelector('.quality').innerText"
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


def test_how_good_rules_are_and_what_to_do_next(page: Page, reviewed: Reviewed) -> None:
    """A quiet panel, closed at first, which follows each decision and leads to what is missing."""
    address, store = reviewed
    page.open(f"{address}/#/review")
    page.until(f"{WAITING}.includes('3 samples wait')")
    page.run("document.querySelector('.quality summary').click()")
    page.until(f"{PANEL}.includes('At most 381 decisions')")
    page.until(f"{PANEL}.includes('Nobody has decided yet')")
    assert "It has given no tag yet" in page.run(
        "document.querySelectorAll('.quality li')[1].innerText"
    )
    page.press("a")
    page.until(f"{PANEL}.includes('About 34 more decisions until precision is known')")
    page.until(f"{PANEL}.includes('needs 7 more yes and 8 more no')")
    page.until("document.querySelector('.paces th[scope=row]')?.innerText === 'anonymous'")
    assert "100%21% to 100%, 1 sample" in page.run(f"{PANEL}.replaceAll(/\\n|\\s(?=21)/g, '')")
    (first,) = store.decisions("default")
    store.decide("default", replace(first, annotator="bob", verdict="reject", by_reviewer=False))
    store.decide("default", replace(first, annotator="eve", by_reviewer=False))
    page.press("s")
    page.until("document.querySelectorAll('.pairs tbody tr').length === 3")
    for width in (320, 1280):
        for dark in (False, True):
            page.look(width=width, dark=dark)
            assert violations(page) == []
            assert page.run("document.documentElement.scrollWidth <= innerWidth")
    page.look()
    page.run("document.querySelector('.quality li button').click()")
    page.until("document.querySelectorAll('.quality li').length === 1")
    assert page.run("document.activeElement === document.querySelector('.review select')")
    assert page.run("document.activeElement.value") == "rule:red"


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
