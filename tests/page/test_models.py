"""The models and a switch on the page, in a real browser: for admins, live, in words."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from starlette.middleware import Middleware

from api.app import create_app
from api.principal import Principal
from clipseek.catalog.jobs import SqlJobs
from clipseek.jobs import Progress
from tests.api.browser import Page
from tests.api.library import Library
from tests.api.server import serving
from tests.api.test_permissions import As
from tests.api.test_switch import AGREEMENT, Switched
from tests.contracts.catalogs import sqlite_url
from tests.installed_model import install
from tests.page.looking import violations

STEPS = "[...document.querySelectorAll('[data-step]')].map((each) => each.dataset.step).join()"
SAYS = "document.querySelector('.switch [role=status]')?.textContent"


@pytest.fixture
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Return a library whose collection has the model `toy`, and `other` to change to."""
    made = Library(tmp_path_factory.mktemp("models"), Switched())
    made.add("sea.webm", ["blue"], content=b"no video")
    install(made.folder, "other")
    sqlite_url(made.folder)
    return made


@pytest.fixture
def queue(library: Library) -> Iterator[SqlJobs]:
    """Return the queue of the jobs."""
    with closing(SqlJobs.open(f"sqlite:///{library.folder / 'catalog.db'}")) as opened:
        yield opened


def _tab_to(page: Page, selector: str) -> None:
    """Press Tab until an element has the focus, and can be seen to have it."""
    for _ in range(40):
        page.press("Tab")
        if page.run(f"document.activeElement.matches('{selector}')"):
            assert page.run("document.activeElement.matches(':focus-visible')")
            return
    raise AssertionError(f"Tab does not lead to {selector}")


def test_a_model_is_prepared_and_compared(page: Page, library: Library, queue: SqlJobs) -> None:
    """By keyboard, after a question; its progress is live, then both answers are side by side."""
    page.problems.clear()
    with serving(create_app(library.service())) as url:
        page.open(f"{url}/#/status")
        page.until(f"{STEPS} === 'prepare'")
        _tab_to(page, "[data-step]")
        page.press("Enter")
        page.until("document.querySelector('#confirm')?.innerText.includes('other')")
        assert queue.jobs() == []
        assert violations(page) == []
        _tab_to(page, "#without-missing")
        page.press(" ")
        _tab_to(page, "#confirmed")
        page.press("Enter")
        page.until(f"{SAYS}?.includes('waits for a worker')")
        job = queue.take("worker", 60)
        assert job is not None
        assert job.payload["model"] == "other"
        assert job.payload["without_missing"] is True
        assert queue.beat(job, Progress(0, 5, 0.5))
        page.until(f"{SAYS}?.includes('50%')")
        assert isinstance(library.catalog, Switched)
        library.catalog.begin("ready")
        assert queue.finish(job, "done", {"agreement": AGREEMENT})
        page.until(f"{STEPS} === 'cut,prepare,finish'")
        _tab_to(page, ".switch summary")
        page.press("Enter")
        page.until("document.querySelector('.switch details').open")
        shown = page.run("document.querySelector('.switch').innerText")
        assert "80% of the best moments are the same in 7 everyday sentences" in shown
        assert "sea 00:00.0 · 90%" in shown
        for dark in (False, True):
            page.look(dark=dark)
            assert violations(page) == []
        for width in (390, 1280):
            page.look(width=width)
            assert page.run("document.documentElement.scrollWidth") <= width
        page.look()
        library.catalog.found = [replace(library.catalog.found[0], state="switched")]
        page.open(f"{url}/#/library")
        page.until("!document.querySelector('.switch')")
        page.open(f"{url}/#/status")
        page.until(f"{STEPS} === 'rollback,finish'")
    assert page.problems == []


def test_only_admins_see_models(page: Page, library: Library) -> None:
    """Others see the collections alone."""
    app = create_app(library.service())
    reader = Principal("reader", frozenset({"search"}))
    app.user_middleware.append(Middleware(As, principals=[reader]))
    with serving(app) as url:
        page.open(f"{url}/#/status")
        page.until("document.querySelector('tbody tr')")
        for path in ("v1/models", "v1/jobs?state=running&limit=50", "v1/history?limit=20"):
            asked = f"performance.getEntriesByName(new URL('{path}', location).href)"
            page.until(f"{asked}[0]?.responseStatus === 403")
        assert page.run("document.querySelector('#models, .switch') === null")
        page.open("about:blank")  # what the browser says of refusals belongs to this test
    page.problems.clear()
