"""The page in a real browser: what is said in a moment is on its card, as plain text."""

import httpx2

from clipseek.timed import Cue, TimedText
from tests.api.browser import Page
from tests.api.library import Library
from tests.chaos.program import wait_until
from tests.page.looking import CARD, ask, violations

SAID = "<img src=x onerror=alert(1)> Anna sells 😀 two guitars"


def answer(address: str, query: str) -> str:
    """Return what the API answers, as text."""
    found = httpx2.post(f"{address}/v1/search", json={"query": query})
    return found.text.partition('"hits"')[2]


def test_words_are_on_the_card_and_marked(page: Page, library: Library, address: str) -> None:
    """What a file of subtitles says is never HTML, and what was asked for stands out."""
    said = TimedText("subtitle", "1", (Cue(2.5, 3.5, SAID, "en"),))
    library.catalog.put_text("default", "traffic", said)
    card = f"document.querySelector('{CARD}')"
    wait_until(lambda: "guitars" in answer(address, "two guitars"), "a view of the server")
    ask(page, address, "two guitars")
    assert page.run(f"{card}.querySelector('.said').textContent") == SAID
    marked = f"[...{card}.querySelectorAll('mark')].map((mark) => mark.textContent)"
    assert page.run(marked) == ["two", "guitars"]
    assert page.run(f"{card}.querySelectorAll('.said img').length") == 0
    assert page.run(f"{card}.querySelector('.said').title") == f"Subtitle: {SAID}"
    assert page.run("document.querySelectorAll('.said').length") == 1
    page.press("ArrowDown")
    page.press("Enter")
    page.until("document.querySelector('#player .heard')")
    heard = page.run("document.querySelector('#player .heard').textContent")
    assert " ".join(heard.split()) == f"Subtitle: {SAID}"
    assert page.run("document.querySelectorAll('#player .heard mark').length") == 2
    page.run("document.getElementById('where').click()")
    page.until(
        "document.querySelector('#where-shown figcaption')?.textContent.includes('subtitle')"
    )
    assert violations(page) == []
    assert page.problems == []
