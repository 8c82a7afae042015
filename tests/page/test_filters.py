"""The fields of a search: what one types into them stays there, and what they suggest."""

from pathlib import Path

import pytest

from api.app import create_app
from clipseek.testing import MemoryCatalog
from tests.api.browser import Page
from tests.api.library import Library
from tests.api.server import serving

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
    "performance.getEntriesByType('resource').filter(({name}) => name.includes('facets')).length"
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
