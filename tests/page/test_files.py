"""What the page loads: every module at once, and few bytes."""

import re

import pytest

from api.edit_lists import MAX_NAME
from api.excerpts import MAX_CLIP_S, MAX_PREVIEW_S
from api.job_schemas import MAX_TITLE_CHARACTERS as MAX_EDITED_CHARACTERS
from api.limits import MAX_TITLE_CHARACTERS
from api.pages import STATIC
from clipseek.explaining import MOST
from clipseek.matching import MATCHING
from clipseek.parts import MAX_PARTS, MAX_QUERY_CHARACTERS, MAX_WEIGHT, MIN_WEIGHT
from clipseek.query import MAX_LIMIT, MAX_THEN, MAX_WITHIN_S

MOST_BYTES = 330_000
INDEX = (STATIC / "index.html").read_text("utf-8")
IMPORTED = re.compile(
    r"""^(?:import|export)\b[^"';]*?["'](\.[^"']+)["']|import\("([^"`]+)"\)""", re.MULTILINE
)
LATER = (
    "languages/",
    "live/",
    "review/",
    "docs.js",
    "login.js",
    "make.js",
    "trying.js",
    "types.js",
    "vendor/tus.js",
)
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
    files += [STATIC / "index.html", STATIC / "icon.svg"]
    files += (STATIC / "languages" / "de").iterdir()
    assert sum(path.stat().st_size for path in files) < MOST_BYTES


@pytest.mark.parametrize(
    ("name", "constant", "limit"),
    [
        pytest.param("searching.js", "LIMIT", MAX_LIMIT, id="moments"),
        pytest.param("composed.js", "LONGEST", MAX_QUERY_CHARACTERS, id="query"),
        pytest.param("composed.js", "MOST", MAX_PARTS, id="parts"),
        pytest.param("composed.js", "LEAST_WEIGHT", MIN_WEIGHT, id="least weight"),
        pytest.param("composed.js", "MOST_WEIGHT", MAX_WEIGHT, id="most weight"),
        pytest.param("components/filters.js", "LONGEST_TITLE", MAX_TITLE_CHARACTERS, id="titles"),
        pytest.param("composed.js", "MOST_STEPS", MAX_THEN, id="steps"),
        pytest.param("composed.js", "LONGEST_S", MAX_WITHIN_S, id="what follows"),
        pytest.param("format.js", "WEAK", MATCHING, id="relevance"),
        pytest.param("saving.js", "LONGEST_S", MAX_CLIP_S, id="clip"),
        pytest.param("components/playing.js", "LONGEST_PREVIEW_S", MAX_PREVIEW_S, id="preview"),
        pytest.param("components/where.js", "MOST", MOST, id="explained"),
        pytest.param("components/selection.js", "LONGEST_NAME", MAX_NAME, id="name of a moment"),
        pytest.param("components/editing.js", "LONGEST_TITLE", MAX_EDITED_CHARACTERS, id="title"),
    ],
)
def test_the_page_knows_the_limits_of_the_server(name: str, constant: str, limit: float) -> None:
    """The page asks for no more, and the server refuses what is more."""
    text = (STATIC / name).read_text("utf-8")
    (said,) = re.findall(rf"^(?:export )?const {constant} = ([\d.]+);", text, re.MULTILINE)
    assert float(said) == limit


def test_files_are_short() -> None:
    """One noun of the page each."""
    ours = [path for path in STATIC.rglob("*.js") if path.parent.name != "vendor"]
    assert all(len(path.read_text("utf-8").splitlines()) <= 300 for path in ours)
