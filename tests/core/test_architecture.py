"""ARCHITECTURE.md and docs/decisions name what exists, and say when each decision was made."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "src" / "clipseek"
TEXT = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
TODAY = TEXT.split("## Where coming features go")[0]
"""The part about what exists already."""
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
INDEX = (ROOT / "docs" / "decisions" / "README.md").read_text("utf-8")


def _rooms(heading: str) -> list[str]:
    """Return the names in the table below a heading, in their order."""
    section = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| \d+ \| `([\w.]+)` \|", section, re.MULTILINE)


def _resolved(name: str) -> object:
    """Return what a dotted name stands for: a module, or an attribute of one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise ModuleNotFoundError(name)


@pytest.mark.parametrize("heading", ["The path of one frame", "The path of one query"])
def test_a_path_enters_each_room_once(heading: str) -> None:
    """No room is listed twice, and the list is not empty."""
    rooms = _rooms(heading)
    assert len(rooms) > 5
    assert len(set(rooms)) == len(rooms)


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"`((?:clipseek|indexer|api)\.[\w.]+)`", TODAY)))
)
def test_a_name_of_the_code_exists(name: str) -> None:
    """Each module, class and function that is written with its module."""
    assert _resolved(name) is not None


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([\w/.]+(?:\.py|/))`", TODAY))))
def test_a_path_of_the_code_exists(path: str) -> None:
    """Each file and folder, named from the repository or from the library."""
    assert (ROOT / path).exists() or (LIBRARY / path).exists()


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_its_number_its_date_and_its_parts(path: Path) -> None:
    """The number of the file is that of the title; the parts come in one order."""
    text = path.read_text("utf-8")
    number, _, _ = path.stem.partition("-")
    assert re.match(rf"# {number}\. \S.*\n\nDate: 20\d\d-\d\d-\d\d\n\n", text)
    parts = re.findall(r"^\*\*(\w+)\.\*\* ", text, re.MULTILINE)
    assert re.fullmatch(
        "Context Decision (Rejected|Alternatives?) Consequence",
        " ".join(part for part in parts if part != "Measured"),
    )


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_the_index_lists_a_decision_with_its_date_and_its_title(path: Path) -> None:
    """The line of the index repeats what the file says."""
    title, date = re.match(r"# \d+\. (.*)\n\nDate: (\S+)\n", path.read_text("utf-8")).groups()  # type: ignore[union-attr]  # the test above says that it matches
    number = path.stem[:4]
    assert f"| [{number}]({path.name}) | {date} | {title} |\n" in INDEX


def test_the_index_lists_no_decision_that_is_gone() -> None:
    """One line for each file, in the order of their numbers; no number is that of two."""
    listed = re.findall(r"^\| \[(\d{4})\]", INDEX, re.MULTILINE)
    assert listed == [path.stem[:4] for path in DECISIONS]
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("application", ["indexer", "api", "client"])
def test_each_module_of_an_application_is_named_once(application: str) -> None:
    """In the tree, in the lines below its folder, and no module that is gone."""
    below = re.split(rf"^{application}/ .*\n", TEXT, maxsplit=1, flags=re.MULTILINE)[1]
    lines = below[: re.search(r"^\S", below, re.MULTILINE).start()].splitlines()  # type: ignore[union-attr]  # the tree goes on below
    named = [
        name
        for line in lines
        if not line.startswith("    ")
        for name in re.split(r"\s{2,}", line.strip())[0].split(", ")
        if not name.endswith("/")
    ]
    folder = ROOT / ("client/clipseek_client" if application == "client" else application)
    modules = (path.stem for path in folder.glob("[a-z]*.py"))
    assert sorted(named) == sorted(modules)


def test_no_file_of_the_code_is_too_long() -> None:
    """One that has more than 400 lines is about two things; split it."""
    files = [
        path for part in ("src", "indexer", "api", "client") for path in (ROOT / part).rglob("*.py")
    ]
    long = {str(path): len(path.read_text("utf-8").splitlines()) for path in files}
    assert {path: lines for path, lines in long.items() if lines > 400} == {}
