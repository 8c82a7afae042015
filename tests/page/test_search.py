"""The page in a real browser: what is asked, and what comes."""

from pathlib import Path

from api.app import create_app
from clipseek.testing import MemoryCatalog
from tests.api.browser import Page
from tests.api.library import Library
from tests.api.server import serving
from tests.page.looking import (
    ACTIVE,
    CARD,
    CARDS,
    GOOD,
    STATUS,
    TITLES,
    VIDEO,
    ask,
    violations,
)


def test_a_sentence_is_asked_by_keyboard(page: Page, address: str) -> None:
    """Slash, words, Enter: moments come, and the address keeps the question."""
    page.open(address)
    page.until("document.querySelector('#examples button')")
    page.run(f"{ACTIVE}.blur()")
    page.press("/")
    page.write("red")
    page.press("Enter")
    page.until(f"document.querySelector('{CARD}')")
    assert page.run(TITLES)[0] == "traffic"
    assert page.run("location.search") == "?q=red"
    assert page.run("document.querySelector('.span').textContent") == "00:00.0–00:02.0"


def test_moments_come_while_typing_pauses(page: Page, address: str) -> None:
    """Without Enter; all that is typed at once is one step back."""
    page.open(address)
    page.until("document.querySelector('#examples button')")
    before = page.run("history.length")
    for words in ("re", "d"):
        page.write(words)
        page.until(
            "new URL(location).searchParams.get('q') === document.getElementById('query').value"
        )
    page.until(f"{TITLES}[0] === 'traffic'")
    assert page.run("history.length") == before + 1
    page.run("history.back()")
    page.until("document.querySelector('#examples')")
    page.until("document.getElementById('query').value === ''")


def test_recent_queries_are_offered_until_they_are_cleared(page: Page, address: str) -> None:
    """Those that were sent, in this browser alone."""
    page.open(address)
    page.run("localStorage.clear()")
    page.open(address)
    page.until("document.querySelector('#examples button')")
    page.write("blue")
    page.press("Enter")
    page.until(f"document.querySelector('{CARD}')")
    page.open(address)
    page.until("document.querySelector('#recent button')")
    assert page.run("document.querySelector('#recent .chip').textContent") == "blue"
    page.run("document.querySelector('#recent .plain').click()")
    page.until("!document.getElementById('recent')")
    assert page.run("localStorage.getItem('clipseek.recent')") is None


def test_arrows_move_between_moments(page: Page, address: str) -> None:
    """Right goes to the next card, up from the first row back to the box."""
    ask(page, address, "blue")
    place = f"[...document.querySelectorAll('{CARD}')].indexOf({ACTIVE})"
    page.run("document.getElementById('query').focus()")
    page.press("ArrowDown")
    page.press("ArrowRight")
    assert page.run(place) == 1
    page.press("ArrowLeft")
    page.press("ArrowUp")
    assert page.run(f"{ACTIVE}.id") == "query"


def test_nothing_that_matches_is_said(page: Page, address: str) -> None:
    """The nearest moments are shown only when they are asked for, and as such."""
    page.open(f"{address}/?q=violet")
    page.until("document.querySelector('.more button')")
    assert page.run(STATUS).startswith("Nothing here matches well.")
    assert page.run(CARDS) == 0
    page.run("document.querySelector('.more button').click()")
    page.until(f"{CARDS} === 3")
    assert page.run(GOOD) == 0
    assert "unlikely, " in page.run("document.querySelector('.relevance').innerText")


def test_weak_moments_are_apart(page: Page, address: str) -> None:
    """A line separates what matches from what is only nearest."""
    ask(page, address, "red")
    cards = "[...document.querySelectorAll('.divider ~ ol a.card')]"
    assert page.run(f"{cards}.length > 0 && {cards}.every((c) => c.classList.contains('weak'))")
    assert page.run(GOOD) == 1
    assert page.run(STATUS).startswith("1 moment in 1 video,")
    assert "very likely, 99%" in page.run("document.querySelector('.relevance').innerText")


def _choose(page: Page, name: str, value: str) -> None:
    """Fill in a filter as somebody does who then goes on to the next one."""
    page.run(f"document.getElementById('{name}').value = '{value}'")
    page.run(f"document.getElementById('{name}').dispatchEvent(new Event('change'))")


def test_videos_are_chosen_by_folder_length_and_date(page: Page, address: str) -> None:
    """The address keeps each filter, and one button removes them all."""
    ask(page, address, "blue&longer=5")
    assert page.run(STATUS).startswith("1 moment in 1 video,")
    page.until("document.getElementById('longest')")
    assert page.run("document.getElementById('shortest').value") == "5"
    _choose(page, "shortest", "")
    page.until("location.search === '?q=blue'")
    page.until(f"{STATUS}.startsWith('2 moments in 2 videos,')")
    _choose(page, "longest", "4")
    page.until(f"{STATUS}.startsWith('1 moment in 1 video,')")
    assert page.run("location.search") == "?q=blue&shorter=4"
    _choose(page, "until", "2020-01-01")
    page.until(f"{STATUS}.startsWith('No moment was found.')")
    _choose(page, "until", "2999-01-01")
    page.until(f"document.querySelector('{CARD}')")
    page.until("document.querySelector('#folders option')")
    folder = page.run("document.querySelector('#folders option').value")
    _choose(page, "folder", folder + "/none")
    page.until(f"{STATUS}.startsWith('No moment was found.')")
    _choose(page, "folder", folder)
    page.until(f"document.querySelector('{CARD}')")
    assert page.run("document.querySelector('.tools button').innerText").endswith("(3)")
    page.run("document.querySelectorAll('.tools button')[1].click()")
    page.until("location.search === '?q=blue'")
    page.until(f"{STATUS}.startsWith('2 moments in 2 videos,')")


def test_moments_are_counted_grouped_and_filtered(page: Page, tmp_path: Path) -> None:
    """52 moments in 26 videos, all near-identical; one of each video, and those with a tag."""
    made = Library(tmp_path, MemoryCatalog())
    for number in range(26):
        tags = ("holiday",) if number < 3 else ()
        made.add(f"v{number:02}.webm", ["red", "blue", "red"], content=b"no video", tags=tags)
    with serving(create_app(made.service())) as url:
        ask(page, url, "red")
        assert page.run(STATUS).startswith("52 moments in 26 videos,")
        assert page.run(GOOD) == 1
        assert page.run("document.querySelector('.fold').textContent.trim()") == "+51 similar"
        page.run("document.querySelector('.fold').focus()")
        page.press("Enter")
        page.until(f"{GOOD} === 52")
        assert page.run(f"{ACTIVE}.getAttribute('aria-expanded')") == "true"
        assert page.run(f"{ACTIVE}.textContent.trim()") == "Fewer similar"
        page.run("document.getElementById('grouped').click()")
        page.until(f"{GOOD} === 26")
        assert page.run("document.querySelector('.fold').textContent.trim()") == "+1 in this video"
        page.run("document.querySelector('.fold').click()")
        page.until(f"{GOOD} === 27")
        page.run("document.querySelector('.tools button').click()")
        page.until("document.querySelector('#facet-tag .chip')")
        page.run("document.querySelector('#facet-tag .chip').click()")
        page.until(f"{GOOD} === 3")
        assert "tag=holiday" in page.run("location.search")
        page.open(f"{url}/?q=red&min=0.9")
        page.until(f"document.querySelector('{CARD}')")
        assert page.run(STATUS).startswith("52 moments in 26 videos,")


SCROLL = "scrollTo(0, document.documentElement.scrollHeight)"
LAST = "document.querySelector('#results ol.cards').lastElementChild"


def test_more_moments_come_while_scrolling(page: Page, tmp_path: Path) -> None:
    """A hundred at once; until they have come, the page says that there are more."""
    made = Library(tmp_path, MemoryCatalog())
    for number in range(104):
        made.add(f"v{number:03}.webm", ["red"], content=b"no video")
    with serving(create_app(made.service())) as url:
        ask(page, url, "red&grouped=1")
        shown = page.run(STATUS)
        assert shown.startswith("104 moments in 104 videos,")
        assert shown.endswith("The first 100 are shown.")
        page.run(SCROLL)
        page.until(f"!{STATUS}.includes('shown')")
        page.run(SCROLL)
        page.until(f"{LAST}.getAttribute('aria-posinset') === '104'")
        assert page.run(f"{LAST}.getAttribute('aria-setsize')") == "104"
        assert not page.run("document.querySelector('#results .more.quiet')")
        page.open("about:blank")  # which asks for no more pictures when the server has ended


def test_a_library_that_changed_ends_the_list(page: Page, tmp_path: Path) -> None:
    """The next moments would be of another version; a button searches again."""
    made = Library(tmp_path, MemoryCatalog())
    for number in range(104):
        made.add(f"v{number:03}.webm", ["red"], content=b"no video")
    service = made.service()
    with serving(create_app(service)) as url:
        ask(page, url, "red&grouped=1")
        made.add("new.webm", ["red"], content=b"no video")
        service.collections.refresh()
        page.run(SCROLL)
        page.until("document.querySelector('#results .more[role=alert] button')")
        assert "has changed" in page.run("document.querySelector('#results .more').innerText")
        page.run("document.querySelector('#results .more button').click()")
        page.until(f"{STATUS}.startsWith('105 moments')")
        page.open("about:blank")


def test_the_examples_are_those_that_the_library_answers(page: Page, address: str) -> None:
    """Each finds something; another library has others, and one that knows none has none."""
    page.open(address)
    page.until("document.querySelector('#examples button')")
    offered = page.run(
        "[...document.querySelectorAll('#examples button')].map((b) => b.textContent)"
    )
    assert "a red car at night" in offered
    for example in offered:
        ask(page, address, example)
        assert page.run(GOOD) > 0


def test_a_query_that_was_cut_is_said(page: Page, address: str) -> None:
    """Up to where it was read."""
    ask(page, address, "+".join(["red"] * 50))
    assert "read only up to" in page.run(STATUS)


def test_names_are_text(page: Page, address: str) -> None:
    """A file's name that looks like HTML is shown as it is; a long one keeps its end."""
    ask(page, address, "green")
    assert "<img src=x onerror=alert(1)>" in page.run(TITLES)
    assert page.run("document.querySelectorAll('img[src=x]').length") == 0
    ask(page, address, "white&collection=archive")
    assert page.run(TITLES)[0].endswith("take 12")


def test_collections_are_chosen_and_a_wrong_one_is_said(page: Page, address: str) -> None:
    """The choice is there because there are two, and the address keeps it."""
    ask(page, address, "blue&collection=archive")
    assert page.run(TITLES)[0] == "storm"
    assert page.run("document.getElementById('collection').value") == "archive"
    page.open(f"{address}/?q=blue&collection=nope")
    page.until("document.getElementById('notice')")
    assert "nope" in page.run("document.getElementById('notice').innerText")
    assert page.run(CARDS) == 0


def test_an_empty_library_names_the_command_and_fills(page: Page, tmp_path: Path) -> None:
    """Who starts sees what to run, and then the videos without loading the page again."""
    made = Library(tmp_path, MemoryCatalog())
    with serving(create_app(made.service())) as url:
        page.problems.clear()
        page.open(url)
        page.until("document.getElementById('notice')")
        shown = page.run("document.getElementById('notice').innerText")
        assert "indexer ingest ~/Videos" in shown
        made.add("red.webm", ["red"], content=b"no video")
        page.until("!document.getElementById('notice')")
        assert "1 video" in page.run("document.getElementById('library').textContent")
        assert page.problems == []


def test_an_error_is_shown_with_its_request(page: Page, address: str) -> None:
    """The detail and the id under which the log has it."""
    ask(page, address, "red")
    page.run("document.getElementById('query').value = 'a\\u0007b'")
    page.run("document.getElementById('form').requestSubmit()")
    page.until("document.getElementById('notice')")
    shown = page.run("document.getElementById('notice').innerText")
    assert "query must have no control characters" in shown
    assert "Request " in shown


def test_a_server_that_comes_back_is_asked_again(page: Page, library: Library) -> None:
    """Meanwhile the page says so; nobody has to press anything."""
    with serving(create_app(library.service())) as url:
        ask(page, url, "red")
        port = url.rsplit(":", 1)[1]
    page.run("document.getElementById('form').requestSubmit()")
    page.until("document.getElementById('notice')")
    assert "does not answer" in page.run("document.getElementById('notice').innerText")
    with serving(create_app(library.service()), port=int(port)):
        page.until(f"document.querySelector('{CARD}')")


CHIPS = "[...document.querySelectorAll('#recent .chip')].map((chip) => chip.textContent.trim())"
STEPS = "[...document.querySelectorAll('.card:not(.weak) .steps')].map((each) => each.innerText)"
FIELDS = "document.querySelectorAll('.composed input[type=text]').length"


def test_parts_are_asked_for_under_the_box(page: Page, address: str) -> None:
    """By keyboard; shared, gone back from, recalled, marked in the player, and cleared at once."""
    page.open(address)
    page.run("localStorage.clear()")
    ask(page, address, "green")
    assert page.run(GOOD) == 1
    page.run("document.getElementById('add-then').focus()")
    page.press("Enter")
    page.until(f"{ACTIVE}.closest('.composed')")
    page.write("blue")
    page.press("Enter")
    page.until(f"{STEPS}.length === 1")
    assert page.run("location.search") == "?q=green&then=blue&within=10"
    assert page.run(STEPS) == ["00:02.0–00:04.0\nthen 00:04.0–00:06.0"]
    page.run("document.getElementById('add-without').click()")
    page.until(f"{FIELDS} === 2 && !{ACTIVE}.value && {ACTIVE}.type === 'text'")
    page.write("green")
    page.press("Enter")
    page.until(f"{STATUS}.startsWith('Nothing here matches well.')")
    assert page.run("location.search") == "?q=green&not=green&then=blue&within=10"
    for dark in (False, True):
        page.look(dark=dark)
        assert violations(page) == []
    page.look()
    page.run("history.back()")
    page.until(f"{STEPS}.length === 1 && {FIELDS} === 1")
    page.run(f"document.querySelector('{CARD}').click()")
    # Both steps, and the moment of the first one on its curve.
    page.until(f"{VIDEO} && document.querySelectorAll('.timeline .found').length === 3")
    page.press("Escape")
    page.run("document.querySelector('.composed .away').click()")
    page.until(f"location.search === '?q=green' && {FIELDS} === 0")
    assert page.run(f"{ACTIVE}.id") == "query"
    page.open(address)
    page.until(f"{CHIPS}.length > 1")
    assert page.run(CHIPS)[0] == "green, then blue within 10 s"
    page.run("document.querySelector('#recent .chip').click()")
    page.until(f"location.search.includes('then=blue') && {TITLES}[0] === 'traffic'")
    assert page.problems == []


def test_what_the_server_refuses_is_said(page: Page, address: str) -> None:
    """In its own sentence."""
    page.open(f"{address}/?q=green&then=blue&within=0")
    page.until("document.getElementById('notice')")
    assert "then.within must be " in page.run("document.getElementById('notice').innerText")


def test_an_alias_in_the_address_is_said(page: Page, library: Library, address: str) -> None:
    """With the name of the collection behind it, on each page of it; its own name says nothing."""
    library.catalog.set_alias("weather", "archive")
    for path in ("?q=blue&collection=weather", "?collection=weather#/library"):
        page.open("about:blank")
        page.open(f"{address}/{path}")
        page.until("document.getElementById('alias')?.innerText.includes('archive')")
        assert page.run("document.getElementById('alias').innerText").startswith("“weather”")
        assert violations(page) == []
    page.open("about:blank")
    page.open(f"{address}/?q=blue&collection=archive")
    page.until(f"document.querySelector('{CARD}')")
    assert not page.run("Boolean(document.getElementById('alias'))")
