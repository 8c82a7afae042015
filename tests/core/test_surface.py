"""What a program that embeds clipseek may use: few names, pinned."""

import subprocess
import sys

import pytest

import clipseek

PROMISED = [
    "ClipseekError",
    "Filters",
    "Hit",
    "Query",
    "SearchResult",
    "Service",
    "Settings",
    "Span",
    "Video",
    "__version__",
    "open_service",
]


def test_the_names_are_as_promised() -> None:
    """A name that goes, or comes, is a decision."""
    assert clipseek.__all__ == PROMISED


@pytest.mark.parametrize("name", PROMISED)
def test_each_name_is_there_and_documented(name: str) -> None:
    """It is imported on its first use."""
    found = getattr(clipseek, name)
    assert name == "__version__" or found.__doc__


def test_another_name_is_no_attribute() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="no attribute 'Searcher'"):
        getattr(clipseek, "Searcher")  # noqa: B009  mypy knows that it is not there


def test_importing_the_package_imports_nothing_else() -> None:
    """Neither NumPy nor a part of the library."""
    code = "import clipseek, sys; print(*[m for m in sys.modules if m.split('.')[0] in HEAVY])"
    heavy = "HEAVY = {'numpy', 'pydantic', 'sqlalchemy', 'faiss', 'av', 'onnxruntime'}; "
    done = subprocess.run(
        [sys.executable, "-c", heavy + code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
