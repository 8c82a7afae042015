"""The fields of a search: what one types into them stays there, and what they suggest."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.app import create_app
from clipseek.curating import SegmentTag, Tagging, tag_id
from clipseek.rules import Rule
from clipseek.testing import MemoryCatalog, MemoryCurating
from clipseek.timed import Cue, TimedText
from tests.api.browser import Page
from tests.api.library import Library
from tests.api.server import serving
from tests.page.looking import violations

RULE = Rule("sunset", ("red",))
HELD = """
const ask = window.fetch;
const held = new Promise((resolve) => { window.release = resolve; });
window.fetch = async (path, options) => {
  if (String(path).endsWith("v1/collections")) await held;
  return ask(path, options);
};"""
TYPE = """((id, text) => {
  const field = document.getElementById(id);
  field.value = text;
  field.dispatchEvent(new Event("input", {bubbles: true}));
})"""
FILTERS = "['folder', 'shortest', 'until'].map((id) => document.getElementById(id).value)"
FACETS = (
    "performance.getEntriesByType('resource').filter(({name}) => name.includes('v1/facets')).length"
)
NEXT = """((id, letters, next) => {
  const box = document.getElementById(id);
  const type = (text) => {
    box.value += text;
    box.dispatchEvent(new Event("input", {bubbles: true}));
  };
  for (const how of ["pushState", "replaceState"]) {
    const step = history[how];
    history[how] = (...given) => {
      step.apply(history, given);
      if (box.value === letters) setTimeout(() => type(next));
    };
  }
  type(letters);
})"""
CHANGE = """((id, text) => {
  const field = document.getElementById(id);
  field.value = text;
  field.dispatchEvent(new Event("change", {bubbles: true}));
})"""
SHORTEST = "document.getElementById('shortest')"
CHOOSE = f"{SHORTEST}.dispatchEvent(new Event('change', {{bubbles: true}}))"


def test_of_many_folders_those_that_one_types_are_suggested(page: Page, tmp_path: Path) -> None:
    """All of them at first would be too many; what is typed stays while they come."""
    page.problems.clear()
    made = Library(tmp_path, MemoryCatalog())
    for number in range(120):
        (tmp_path / f"take {number:03}").mkdir()
        made.add(f"take {number:03}/v{number}.webm", ["red"], content=b"no video")
    offered = "[...document.querySelectorAll('#folders option')].map(({value}) => value)"
    with serving(create_app(made.service())) as url:
        page.open(f"{url}/?q=red&min=0.1")
        page.until(f"{offered}.length === 100")
        wanted = f"{tmp_path}/take 119"
        assert wanted not in page.run(offered)
        page.run(f"{TYPE}('folder', '{tmp_path}/take 11')")
        page.until(f"{offered}.includes('{wanted}')")
        assert page.run("document.getElementById('folder').value") == f"{tmp_path}/take 11"
        page.open("about:blank")
    assert page.problems == []


def test_what_one_types_into_filters_stays_while_the_page_is_drawn_again(
    page: Page, address: str
) -> None:
    """The collections come late, and something else is chosen; then the field itself is chosen."""
    page.problems.clear()
    held = page.call("Page.addScriptToEvaluateOnNewDocument", source=HELD)["identifier"]
    page.open(f"{address}/?q=red&longer=1")
    page.call("Page.removeScriptToEvaluateOnNewDocument", identifier=held)
    page.until(f"document.querySelector('.filters') && {FACETS} === 1")
    unfinished = ["/fil", "12", "2026-11-28"]
    for name, text in zip(("folder", "shortest", "until"), unfinished, strict=True):
        page.run(f"{TYPE}('{name}', '{text}')")
    page.run("release()")
    page.until("document.getElementById('collection')")
    assert page.run(FILTERS) == unfinished
    page.run("document.getElementById('grouped').click()")
    page.until("document.getElementById('grouped').checked && location.search.includes('grouped')")
    assert page.run(FILTERS) == unfinished
    assert page.run(FACETS) == 1
    page.run(CHOOSE)
    page.until("location.search.includes('longer=12')")
    for _ in range(2):
        page.run(f"{TYPE}('shortest', '-5')")
        page.run(CHOOSE)
        page.until(f"!location.search.includes('longer') && !{SHORTEST}.value")
    page.run("history.back()")
    page.until(f"{SHORTEST}.value === '12'")
    assert page.problems == []


@pytest.mark.parametrize(
    ("path", "box", "found"),
    [
        pytest.param("", "query", "?q=sea", id="sentence"),
        pytest.param("#/library", "library-name", "?name=sea", id="titles"),
    ],
)
def test_a_letter_typed_as_the_search_begins_stays(
    page: Page, address: str, path: str, box: str, found: str
) -> None:
    """It comes after the address has the letters before it, and before the page is painted."""
    page.problems.clear()
    page.open("about:blank")
    page.open(f"{address}/{path}")
    page.until(f"document.getElementById('{box}')")
    page.run(f"{NEXT}('{box}', 'se', 'a')")
    page.until(f"location.search === '{found}'")
    assert page.run(f"document.getElementById('{box}').value") == "sea"
    assert page.problems == []


CHIPS = (
    "((kind) => [...document.querySelectorAll(`#facet-${kind} .chip`)].map((chip) => "
    "[chip.querySelector('bdi').textContent, chip.querySelector('.count')?.textContent ?? '']))"
)
CHIP = (
    "((kind, name) => [...document.querySelectorAll(`#facet-${kind} .chip`)]"
    ".find((chip) => chip.querySelector('bdi').textContent === name))"
)
FOUND = "[...document.querySelectorAll('#results .card .title')].map((each) => each.textContent)"
STARTS = "[...document.querySelectorAll('#results .span')].map((each) => each.textContent)"


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve four videos of red, two of them with two moments, in two folders, with tags."""
    folder = tmp_path_factory.mktemp("counted")
    made = Library(folder, MemoryCatalog())
    for name, colours, tags, recorded in (
        ("b", ["red", "blue", "red"], ("city", "night"), "2024-12-31T23:59:59Z"),
        ("a", ["red"], ("city",), "2025-01-01T00:00:00Z"),
        ("c", ["red", "blue", "red"], (), ""),
        ("d", ["blue"], ("night", "sea"), "2025-06-01T00:00:00Z"),
    ):
        home = "one" if name in "ab" else "two"
        (folder / home).mkdir(exist_ok=True)
        made.add(f"{home}/{name}.webm", colours, tags=tags, content=b"none", recorded_at=recorded)
    said = Cue(0.0, 1.0, "hello", "en-GB"), Cue(1.0, 2.0, "salut", "fr")
    made.catalog.put_text("default", "a", TimedText("subtitle", "1", said))
    store = MemoryCurating(made.catalog)
    store.put_rules("default", [RULE], "ann")
    span = 0.0, 2.0
    tag = SegmentTag(tag_id("b", "sunset", *span), "b", *span, "sunset", RULE.version, 0.9)
    store.apply("default", [Tagging("b", "sunset", RULE.version, "stamp", [tag])])
    with serving(create_app(made.service())) as url:
        yield url


def test_moments_are_found_by_their_tags(page: Page, counted: str) -> None:
    """Each card shows the tags of its moment; a click on one of the filters leaves these alone."""
    page.problems.clear()
    page.open(f"{counted}/?q=red&min=0.1&grouped=1")
    page.until(f"{FOUND}.length > 2")
    page.run(
        "document.querySelector('.tools .plain').getAttribute('aria-expanded') === 'true'"
        " || document.querySelector('.tools .plain').click()"
    )
    page.until("document.querySelector('#marks .chip .count')?.textContent === '1'")
    assert page.run("[...document.querySelectorAll('.marks bdi')].map((each) => each.title)") == [
        "Proposed by a rule, 90% sure"
    ]
    page.run("document.querySelector('#marks .chip').click()")
    page.until(f"location.search.includes('mark=sunset') && {FOUND}.join() === 'b'")
    page.until("document.querySelector('.tools').textContent.includes('Filters (2)')")
    assert violations(page) == []
    assert page.problems == []


def test_filters_count_the_videos_that_match(page: Page, counted: str) -> None:
    """By what they have, for the present search and its filters; a click chooses among them."""
    page.problems.clear()
    page.look()
    page.open(f"{counted}/?q=red&min=0.1&grouped=1")
    page.until(f"{CHIPS}('tag').length === 3")
    assert {kind: page.run(f"{CHIPS}('{kind}')") for kind in ("tag", "folder", "year")} == {
        "tag": [["city", "2"], ["night", "1"], ["sea", ""]],
        "folder": [["one", "2"], ["two", "1"]],
        "year": [["2025", "1"], ["2024", "1"]],
    }
    assert sorted(page.run(f"{CHIPS}('language')")) == [["English", "1"], ["French", "1"]]
    assert violations(page) == []
    page.run(f"{CHIP}('year', '2025').click()")
    page.until(f"{FOUND}.join() === 'a'")
    assert "from=2025-01-01&to=2025-12-31" in page.run("location.search")
    page.until(f"{CHIP}('year', '2025').getAttribute('aria-pressed') === 'true'")
    assert page.run(f"{CHIPS}('tag')")[0] == ["city", "1"]
    page.run(f"{CHIP}('year', '2025').click()")
    page.until(f"{FOUND}.length === 3")
    page.run(f"{CHIP}('language', 'French').click()")
    page.until(f"{FOUND}.join() === 'a' && location.search.includes('language=fr')")
    page.run(f"{CHIP}('language', 'French').click()")
    page.until(f"{FOUND}.length === 3 && {CHIP}('folder', 'two')")
    page.run(f"{CHIP}('folder', 'two').click()")
    page.until(f"{FOUND}.join() === 'c'")
    page.run(f"{CHANGE}('lowest', '720')")
    page.until(f"location.search.includes('height=720') && !{FOUND}.length")
    assert page.problems == []


def test_the_server_sorts_and_groups(page: Page, counted: str) -> None:
    """By time with one of each video, of which the others come when they are asked for."""
    page.problems.clear()
    page.open(f"{counted}/?q=red&order=time&grouped=1&min=0.1")
    page.until(f"{FOUND}.join() === 'a,b,c'")
    assert page.run("document.querySelectorAll('.fold').length") == 2
    fold = "document.querySelector('.fold')"
    assert page.run(f"{fold}.textContent.trim()") == "+1 in this video"
    page.run(f"{fold}.click()")
    page.until(f"{FOUND}.join() === 'a,b,b,c'")
    assert page.run(STARTS) == [
        "00:00.0–00:02.0",
        "00:00.0–00:02.0",
        "00:04.0–00:06.0",
        "00:00.0–00:02.0",
    ]
    page.run(f"{fold}.click()")
    page.until(f"{FOUND}.join() === 'a,b,c'")
    page.run("document.getElementById('grouped').click()")
    page.until(f"{FOUND}.join() === 'a' && {fold}.textContent.trim() === '+4 similar'")
    assert page.problems == []


def test_more_filters_are_in_the_page(page: Page, counted: str) -> None:
    """Where is searched, how a title begins, the greatest height, and whether moments are cut."""
    page.problems.clear()
    page.open(f"{counted}/?q=red&min=0.1&grouped=1&title=A")
    page.until(f"{FOUND}.join() === 'a' && document.getElementById('title').value === 'A'")
    page.run("document.querySelector('.tools .plain + .plain').click()")
    page.until(f"{FOUND}.length > 3")
    page.run(f"{CHANGE}('highest', '480')")
    page.until("location.search.includes('upto=480')")
    page.run("document.getElementById('sharpen').click()")
    page.until("location.search.includes('sharpen=1')")
    page.until("document.querySelector('.tools').textContent.includes('Filters (2)')")
    assert violations(page) == []
    page.run("document.querySelectorAll('#fields button')[1].click()")
    page.until("location.search.includes('in=subtitle') && !document.getElementById('sharpen')")
    page.until(f"!{FOUND}.length")
    page.open(f"{counted}/?q=hello&in=subtitle")
    page.until(f"{FOUND}.join() === 'a'")
    assert page.problems == []
