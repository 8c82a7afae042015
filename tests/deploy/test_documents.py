"""What the documents at the top name does exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "*/README.md", "docs/*.md")
    for path in sorted(ROOT.glob(pattern))
]
# A decision names the code of its day; its links must lead somewhere all the same.
DECISIONS = [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("docs/decisions/*.md"))]


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS + DECISIONS)
def test_links_lead_to_files(document: str) -> None:
    """Every relative link of the document, whatever heading it leads to there."""
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", _text(document)):
        assert ((ROOT / document).parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS + DECISIONS)
def test_links_lead_to_headings(document: str) -> None:
    """Every relative link with a fragment, as GitHub makes fragments of headings."""
    for target, fragment in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", _text(document)):
        page = ((ROOT / document).parent / target) if target else ROOT / document
        headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
        slugs = [re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings]
        assert fragment in slugs, f"{target}#{fragment}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_make_verbs_exist(document: str) -> None:
    """Every `make VERB` that a document tells to type."""
    verbs = set(re.findall(r"^([a-z-]+):", _text("Makefile"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z][a-z-]+)", _text(document), re.MULTILINE))
    assert named <= verbs


@pytest.mark.parametrize("document", DOCUMENTS)
def test_test_files_exist(document: str) -> None:
    """Every test, benchmark and source that is named by its path."""
    for path in re.findall(r"\b(?:tests|benchmarks|src|api|indexer)/[\w/]+\.\w+", _text(document)):
        assert (ROOT / path).exists(), path


def test_the_tree_of_the_architecture_exists() -> None:
    """Each file that the tree lists under src/clipseek, and none of the library is left out."""
    tree = _text("ARCHITECTURE.md").split("## The tree")[1].split("```")[1]
    library = tree.split("src/clipseek/")[1].split("\nindexer/")[0]
    listed = {name.rstrip("/") for name in re.findall(r"\b\w+(?:\.py|/)", library)}
    there = {
        path.name
        for path in (ROOT / "src" / "clipseek").iterdir()
        if (path.suffix == ".py" or path.is_dir()) and not path.name.startswith("__")
    }
    assert listed - {"migrations"} == there - {"migrations"}


def test_make_lists_its_verbs() -> None:
    """Every public verb has the comment that `make` prints."""
    makefile = _text("Makefile")
    phony = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())  # type: ignore[index]  # it is there
    described = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    assert phony == described
