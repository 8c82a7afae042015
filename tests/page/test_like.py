"""The page in a real browser: what looks like a moment."""

import pytest

from tests.api.browser import Page
from tests.page.looking import ACTIVE, CARD, GOOD, STATUS, TITLES, VIDEO, ask, violations

GIVEN = """new Promise((given) => {{
  const canvas = Object.assign(document.createElement("canvas"), {{width: 900, height: 600}});
  const pen = canvas.getContext("2d");
  pen.fillStyle = "blue";
  pen.fillRect(0, 0, 900, 600);
  canvas.toBlob((blob) => {{
    const data = new DataTransfer();
    data.items.add(new File([{content}], "x.png", {{type: "image/png"}}));
    {event}
    given(true);
  }});
}})"""
PASTED = "dispatchEvent(new ClipboardEvent('paste', {clipboardData: data}));"
DROPPED = "dispatchEvent(new DragEvent('drop', {dataTransfer: data}));"
CHOSEN = """const chooser = document.querySelector('#form input[type=file]');
    chooser.files = data.files;
    chooser.dispatchEvent(new Event('change', {bubbles: true}));"""
ROWS = "#asked .part"
ASKED = "document.getElementById('asked')"


def test_a_card_leads_to_what_looks_like_it(page: Page, address: str) -> None:
    """By keyboard: it is asked for alone; a screen reader says where it is."""
    ask(page, address, "red")
    link = "document.querySelector('#results a.alike')"
    assert page.run(f"{link}.ariaLabel") == "More like this: traffic, 00:00.0–00:02.0"
    page.run(f"{link}.focus()")
    page.press("Enter")
    page.until(f"{ASKED}?.innerText.includes('traffic')")
    page.until("location.search === '?like=traffic&at=0.5'")
    page.until(f"{ACTIVE}.id === 'asked'")
    page.until("!document.querySelector('#asked .only, #results.old')")
    page.until(f"{STATUS}.startsWith('Nothing else looks like this.')")
    assert "Whole pictures are compared" in page.run(f"{ASKED}.innerText")
    page.run("document.querySelector('#results .more button').click()")
    page.until(f"{STATUS}.includes('These moments are the nearest:')")
    page.run("history.back()")
    page.until(f"!{ASKED} && document.getElementById('query').value === 'red'")
    assert page.problems == []


def test_a_shared_address_shows_the_moment_and_its_like(page: Page, address: str) -> None:
    """With a score in words, until the moment is taken away."""
    page.open(f"{address}/?like=traffic&at=5")
    page.until(f"document.querySelector('{CARD}') && document.querySelector('#asked img')")
    assert page.run(TITLES)[0] == "sea"
    assert page.run("document.querySelector('.relevance').innerText") == "looks alike, 1.00"
    assert page.run(GOOD) == 1
    page.run("document.querySelector('#asked .away').click()")
    page.until("document.querySelector('#examples')")
    assert page.run("location.search") == ""
    assert page.run(f"{ACTIVE}.id") == "query"


def test_words_join_the_moment(page: Page, address: str) -> None:
    """Both are asked for; with the moment as what is not wanted, the words alone are wanted."""
    page.open(f"{address}/?like=traffic&at=5")
    page.until(f"{ASKED}?.innerText.includes('traffic')")
    page.run("document.getElementById('query').focus()")
    page.write("red")
    page.press("Enter")
    page.until("location.search === '?q=red&like=traffic&at=5'")
    _turn(page, "Wanted or not: what looks like a moment at 00:05.0", "not")
    page.until("location.search === '?q=red&unlike=traffic&at=5'")
    page.until(f"{GOOD} === 1 && {TITLES}[0] === 'traffic'")
    page.run("document.getElementById('query').value = ''")
    page.run("document.getElementById('query').focus()")
    page.press("Enter")
    page.until(f"{ASKED}?.innerText.includes('Only what is not wanted is given.')")
    assert page.run("location.search") == ""


def _turn(page: Page, label: str, value: str) -> None:
    """Choose a value in the list of a row."""
    chosen = f"document.querySelector('#asked select[aria-label=\"{label}\"]')"
    page.until(chosen)
    change = f"{chosen}.dispatchEvent(new Event('change', {{bubbles: true}}))"
    page.run(f"({chosen}.value = '{value}', {change})")  # at once, as by hand


def test_the_player_asks_for_what_it_shows(page: Page, address: str) -> None:
    """The time that is seen now, in whatever moment it is."""
    page.open(f"{address}/?q=red&v=traffic&t=0,2")
    page.until(f"{VIDEO}?.readyState > 1")
    page.run(f"({VIDEO}.pause(), {VIDEO}.currentTime = 4.5)")
    page.until(f"!{VIDEO}.seeking")
    page.run("document.getElementById('alike').click()")
    page.until("location.search === '?like=traffic&at=4.5'")
    page.until(f"{ASKED}?.innerText.includes('traffic')")


def test_a_moment_that_is_gone_is_said(page: Page, address: str) -> None:
    """In the sentence of the server."""
    page.open(f"{address}/?like=nowhere&at=1")
    page.until("document.getElementById('notice')")
    assert "no video 'nowhere'" in page.run("document.getElementById('notice').innerText")


@pytest.mark.parametrize("event", [PASTED, DROPPED, CHOSEN], ids=["pasted", "dropped", "chosen"])
def test_a_picture_is_searched_with(page: Page, address: str, event: str) -> None:
    """Its preview is shown, the address does not contain it, and everybody can use that state."""
    page.problems.clear()
    page.open(address)
    page.until("document.querySelector('#examples button')")
    page.run(GIVEN.format(content="blob", event=event))
    page.until(f"document.querySelector('{CARD}') && document.querySelector('#asked canvas')")
    assert page.run(f"{TITLES}.slice(0, 2).sort()") == ["sea", "traffic"]
    assert page.run(GOOD) == 2
    assert page.run("document.querySelector('#asked canvas').width") == 512
    assert page.run("location.search") == ""
    assert "not part of the address" in page.run(f"{ASKED}.innerText")
    assert page.run(f"{ACTIVE}.id") == "asked"
    for dark in (False, True):
        page.look(dark=dark)
        assert violations(page) == []
    page.look()
    page.run("document.querySelector('#asked .away').click()")
    page.until("document.querySelector('#examples')")
    page.run("history.back()")
    page.until("document.querySelector('#asked canvas')")
    assert page.problems == []


def test_a_picture_that_cannot_be_read_is_said(page: Page, address: str) -> None:
    """And nothing is sent; the next one that can be read takes the sentence away."""
    page.open(address)
    page.until("document.querySelector('#examples button')")
    page.run(GIVEN.format(content="'no picture'", event=PASTED))
    page.until("document.getElementById('unread')")
    assert "cannot read the picture" in page.run("document.getElementById('unread').innerText")
    page.run(GIVEN.format(content="blob", event=PASTED))
    page.until(f"{ASKED} && !document.getElementById('unread')")


def test_pictures_moments_and_words_are_asked_for_together(page: Page, address: str) -> None:
    """Each has its row, its importance in words, and everybody can use that state."""
    page.open(address)
    page.until("document.querySelector('#examples button')")
    page.run(GIVEN.format(content="blob", event=PASTED))
    page.until(f"document.querySelector('{CARD}') && {ASKED}")
    page.run("document.querySelector('#results a.alike').click()")
    page.until("location.search.startsWith('?like=') && document.querySelector('#asked img')")
    page.until(f"document.querySelectorAll('{ROWS}').length === 1")
    page.run(GIVEN.format(content="blob", event=PASTED))
    page.until(f"document.querySelectorAll('{ROWS}').length === 2")
    page.run("document.getElementById('query').focus()")
    page.write("blue")
    page.press("Enter")
    page.until(f"location.search.startsWith('?q=blue&like=') && {GOOD} === 1")
    assert page.run(f"document.querySelectorAll('{ROWS}').length") == 2
    _turn(page, "How important: What looks like your picture", "more")
    page.until(f"document.querySelector('#asked option[value=more]:checked') && {GOOD} === 1")
    for width in (390, 1280):
        for dark in (False, True):
            page.look(width=width, dark=dark)
            assert violations(page) == []
    page.look()
    page.run("document.getElementById('add-without').click()")
    page.until(f"{ACTIVE}.matches('{ROWS} input') && !{ACTIVE}.value")
    page.write("red")
    page.press("Enter")
    page.until("location.search.endsWith('&not=red')")
    page.run(GIVEN.format(content="blob", event=PASTED))
    page.until(f"document.querySelectorAll('{ROWS}').length === 4")
    assert page.problems == []


STEP = "document.querySelector('#asked .step')"


def test_a_step_has_parts_and_pictures_of_its_own(page: Page, address: str) -> None:
    """What must follow is words and a picture, and not something else; by keyboard."""
    page.problems.clear()
    page.open(f"{address}/?q=green&then=blue&within=5")
    page.until(f"{GOOD} === 1 && {STEP}")
    page.run(f"{STEP}.querySelectorAll('.more-parts button')[1].focus()")
    page.press("Enter")
    page.until(f"{ACTIVE}.matches('.step .part + .part input')")
    page.write("red")
    page.press("Enter")
    page.until("location.search === '?q=green&then=blue&within=5&not=red'")
    page.run(GIVEN.format(content="blob", event=CHOSEN.replace("#form input", ".step input")))
    page.until(f"{STEP}.querySelector('canvas') && {GOOD} === 1 && {TITLES}[0] === 'traffic'")
    assert page.run(f"document.querySelectorAll('{ROWS}').length") == 3
    assert "not part of the address" in page.run(f"{ASKED}.innerText")
    _turn(page, "How important: What looks like your picture", "exact")
    page.until(f"{STEP}.querySelector('.weight')")
    weight = f"{STEP}.querySelector('.weight')"
    page.run(
        f"({weight}.value = '3.5', {weight}.dispatchEvent(new Event('input', {{bubbles: true}})), "
        f"{weight}.dispatchEvent(new Event('change', {{bubbles: true}})))"
    )
    page.until(f"{weight}.value === '3.5' && {GOOD} === 1")
    for width in (390, 1280):
        page.look(width=width)
        assert violations(page) == []
    page.look()
    page.run("history.back()")
    page.until(f"{STEP}.querySelector('canvas') && {weight}.value === '1'")
    page.run(f"{STEP}.querySelector('.away').click()")
    page.until("location.search === '?q=green'")
    assert page.problems == []
