"""The status in a real browser: what ingests and jobs have done, live and in words."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from api.app import create_app
from clipseek.audit import Entry, Work
from clipseek.catalog import SqlCatalog
from clipseek.catalog.audit import SqlAudit
from tests.api.browser import Page
from tests.api.library import Library
from tests.api.server import serving
from tests.page.looking import violations

INGEST = Work(
    "default", "ingest", "done", "", 40.0, 80.0, 3, 0, 2, 1, 62, 4, "b.mp4: it is damaged"
)
EDIT = Work("default", "edit", "failed", "A day at the sea", 1.0, reason="there is no such video")
ROWS = "document.querySelector('#history tbody')?.rows"


def entry(work: Work, what: str = "job edit") -> Entry:
    """Return an entry of the audit."""
    return Entry("2026-11-28T12:00:42Z", "ann", what, "", "done", work=work)


@pytest.fixture
def audit(library: Library) -> Iterator[SqlAudit]:
    """The audit of the library; its catalog is in memory."""
    url = f"sqlite:///{library.folder / 'catalog.db'}"
    SqlCatalog.open(url).close()
    with closing(SqlAudit.open(url)) as opened:
        yield opened


def test_the_status_says_what_was_done(page: Page, library: Library, audit: SqlAudit) -> None:
    """The newest first, also of commands; what ends meanwhile comes by itself, older on demand."""
    page.problems.clear()
    audit.add([entry(replace(EDIT, name=f"v{number}")) for number in range(25)])
    audit.add([entry(INGEST, "indexer ingest")])
    with serving(create_app(library.service())) as url:
        page.open(f"{url}/#/status")
        page.until(f"{ROWS}?.length === 20")
        shown = page.run("document.getElementById('indexes').innerText")
        assert "every moment is compared" in shown
        assert "up to date" in shown
        told = page.run(f"{ROWS}[0].innerText")
        for said in ("indexer ingest", "3 indexed, 2 unchanged, 1 failed", "took 40 sec", "1 min"):
            assert said in told
        assert "1.6 frames/s, × 2" in told
        assert "b.mp4: it is damaged" in told
        page.run("document.getElementById('older').click()")
        page.until(f"{ROWS}.length === 26 && !document.getElementById('older')")
        assert "v0" in page.run(f"{ROWS}[25].innerText")
        audit.add([entry(EDIT)])
        page.until(f"{ROWS}.length === 27 && {ROWS}[0].innerText.includes('A day at the sea')")
        assert "there is no such video" in page.run(f"{ROWS}[0].innerText")
        page.until("document.getElementById('traffic')")
        shown = page.run("document.getElementById('traffic').innerText")
        assert "in the last five minutes." in shown
        assert "Nobody has searched" in shown
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
