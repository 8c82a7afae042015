"""The page of a server that needs keys: it asks for one, once, and shows pictures with it."""

from contextlib import suppress

from api.app import create_app
from tests.api.browser import Page
from tests.api.library import Library
from tests.api.server import serving
from tests.chaos.program import wait_until
from tests.page.looking import CARD

WATCH_TIMERS = """window.timers = []; const real = window.setTimeout;
window.setTimeout = (action, ms) => { timers.push(ms); return real(action, ms); }; 0"""
REFUSED = "performance.getEntriesByType('resource').find((e) => e.name.includes('/v1/jobs?'))"


def arrive(page: Page, path: str) -> None:
    """Wait until the page has gone somewhere by itself; on its way it cannot be asked."""

    def is_there() -> bool:
        with suppress(RuntimeError):
            return bool(page.run("location.pathname + document.readyState") == f"{path}complete")
        return False

    wait_until(is_there, f"the page {path}")


def test_the_page_asks_for_a_key_and_then_searches(page: Page, library: Library) -> None:
    """A wrong key is refused in words; after the right one, moments have their pictures."""
    secret = library.key("ann", "search")["Authorization"].split()[1]
    with serving(create_app(library.service(access="keys"))) as address:
        page.open(address)
        arrive(page, "/login")
        page.until("document.activeElement.id === 'key'")
        page.until("document.querySelector('label').textContent.startsWith('This server needs')")
        page.write("clipseek_wrong")
        page.press("Enter")
        page.until("document.getElementById('said').textContent.includes('not known')")
        page.run("document.getElementById('key').value = ''")
        page.run("document.getElementById('key').focus()")
        page.write(secret)
        page.press("Enter")
        arrive(page, "/")
        page.open(f"{address}/?q=red")
        page.until(f"document.querySelector('{CARD} img')?.complete")
        assert page.run("document.cookie") == ""
        page.run(WATCH_TIMERS)
        page.run("document.querySelector('nav a[href=\"#/status\"], nav a:last-child').click()")
        page.until(f"{REFUSED}?.responseStatus === 403")
        page.run("new Promise(requestIdleCallback)")
        assert page.run("timers.includes(2000)") is False  # each refusal is noted in the audit
        page.run("document.getElementById('log-out').click()")
        arrive(page, "/login")
        page.until("document.getElementById('out').textContent === 'Log out'")
        page.run("document.getElementById('out').click()")
        page.until("document.getElementById('said').textContent === 'You are logged out.'")
        page.open(address)
        arrive(page, "/login")
