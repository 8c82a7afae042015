"""What the page loads: every module at once, and few bytes."""

import re

from api.pages import STATIC

MOST_BYTES = 300_000
INDEX = (STATIC / "index.html").read_text("utf-8")
IMPORTED = re.compile(
    r"""^(?:import|export)\b[^"';]*?["'](\.[^"']+)["']|import\("([^"`]+)"\)""", re.MULTILINE
)
LATER = ("languages/", "docs.js", "login.js", "types.js", "vendor/tus.js")
"""What is loaded only when it is needed, or contains types alone."""


def _scripts() -> set[str]:
    found = (path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.js"))
    return {path for path in found if not path.startswith(LATER)}


def test_every_module_is_asked_for_at_once() -> None:
    """Without `modulepreload` a browser finds them one after the other."""
    named = set(re.findall(r'(?:src|href)="static/([^"]+\.js)"', INDEX))
    assert named == _scripts()


def test_every_import_leads_to_a_file() -> None:
    """Of each module, relative to it."""
    for name in _scripts():
        path = STATIC / name
        for found in IMPORTED.findall(path.read_text("utf-8")):
            assert (path.parent / (found[0] or found[1])).is_file(), (name, found)


def test_the_page_is_light() -> None:
    """All that the first view can load, before thumbnails."""
    styles = [STATIC / each for each in re.findall(r'href="static/(styles/[^"]+)"', INDEX)]
    files = [STATIC / name for name in _scripts()] + styles
    files += [STATIC / "index.html", STATIC / "icon.svg", STATIC / "languages" / "de.js"]
    assert sum(path.stat().st_size for path in files) < MOST_BYTES


def test_files_are_short() -> None:
    """One noun of the page each."""
    ours = [path for path in STATIC.rglob("*.js") if path.parent.name != "vendor"]
    assert all(len(path.read_text("utf-8").splitlines()) <= 300 for path in ours)
