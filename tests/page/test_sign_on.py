"""The page of logins with single sign-on: a real browser goes to a real issuer and comes back."""

from contextlib import suppress

from tests.api.browser import Page
from tests.api.issuer import SmallIssuer
from tests.api.library import Library
from tests.api.oidc import application, is_known
from tests.api.server import serving
from tests.chaos.program import wait_until
from tests.page.looking import CARD

LINK = "#sso:not([hidden]) a"


def follow(page: Page, ends: str) -> None:
    """Log in by the link, and wait for the condition at the end."""
    page.until(f"document.querySelector('{LINK}')?.textContent.length > 0")
    page.run(f"document.querySelector('{LINK}').click()")

    def is_over() -> bool:
        with suppress(RuntimeError):
            return bool(page.run(ends))
        return False

    wait_until(is_over, ends)


def test_a_person_logs_in_by_the_link(page: Page, library: Library) -> None:
    """First without a group, which is told in words; then with one, and pictures are shown."""
    with SmallIssuer().running() as issuer:
        issuer.subject["groups"] = ["<img src=x>"]
        app = application(library, issuer)
        with serving(app) as address:
            wait_until(lambda: is_known(app.state.oidc.issuer), "the keys of the issuer")
            page.open(f"{address}/login")
            follow(page, "document.getElementById('said')?.textContent.startsWith('None of your')")
            assert page.run("location.pathname + location.hash") == "/login"
            issuer.subject["groups"] = ["viewers"]
            follow(page, "location.pathname === '/' && document.readyState === 'complete'")
            page.open(f"{address}/?q=red")
            page.until(f"document.querySelector('{CARD} img')?.complete")
            page.until("document.getElementById('log-out') !== null")
            assert page.run("document.cookie") == ""
