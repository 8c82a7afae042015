"""A package that clipseek needs and that is not installed is one sentence, before anything else."""

import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import api.__main__
import clipseek.__main__
import indexer.__main__
from clipseek.requirements import MODULES, lacking

ROOT = Path(__file__).resolve().parents[2]


def test_every_dependency_of_all_platforms_is_asked_for() -> None:
    """Those of pyproject.toml whose version depends on no platform."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        needed = tomllib.load(file)["project"]["dependencies"]
    assert list(MODULES) == [re.split("[>=]", each)[0] for each in needed if ";" not in each]


def test_here_nothing_is_lacking() -> None:
    """Each package has the module that is looked for."""
    assert lacking() is None


def test_what_is_lacking_is_named_with_what_to_do() -> None:
    """By the name that pip knows, quoted if a shell would read it."""
    said = lacking(lambda module: module not in {"psycopg", "tantivy"})
    assert said == (
        "clipseek needs the packages psycopg[binary], tantivy, which are not installed in this "
        "environment; run `make install` in the repository, or "
        "`pip install 'psycopg[binary]' tantivy`"
    )


@pytest.mark.parametrize(
    ("main", "said"),
    [
        pytest.param(indexer.__main__.main, "indexer: ", id="indexer"),
        pytest.param(clipseek.__main__.main, "clipseek: ", id="clipseek"),
        pytest.param(api.__main__.main, "api: ", id="api"),
    ],
)
def test_a_command_says_it_and_ends_with_2(
    main: Callable[[list[str]], int],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In one line, whatever was asked for."""
    monkeypatch.setitem(sys.modules, "tantivy", None)
    arguments = [] if said == "api: " else ["search", "a car"]
    assert main(arguments) == 2
    shown = capsys.readouterr().err
    assert shown.startswith(f"{said}clipseek needs the package tantivy, ")
    assert "`pip install tantivy`" in shown
    assert shown.count("\n") == 1
