"""The documents say what the code does."""

import argparse
import re
from pathlib import Path

import pytest

from clipseek.config import PREFIX, Settings
from clipseek.evaluation import evaluate
from clipseek.ingest import Report
from indexer.cli import parser

ROOT = Path(__file__).parents[2]
README = (ROOT / "indexer" / "README.md").read_text(encoding="utf-8")


def _verbs() -> dict[str, argparse.ArgumentParser]:
    action = next(a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(action.choices)


def test_every_verb_is_documented_and_no_other() -> None:
    """The list of verbs at the top is the list of verbs there are."""
    listed = re.findall(r"^indexer (\w+) .*  ", README.split("```")[1], re.MULTILINE)
    assert sorted(listed) == sorted(_verbs())


@pytest.mark.parametrize("verb", sorted(_verbs()))
def test_help_fits_a_screen_and_ends_with_an_example(verb: str) -> None:
    """Twenty-four lines, the last of them something to type."""
    lines = _verbs()[verb].format_help().rstrip().splitlines()
    assert len(lines) <= 24
    assert lines[-1].startswith(f"  indexer {verb}")


def test_top_help_fits_a_screen_and_ends_with_two_examples() -> None:
    """The first thing that a new user reads."""
    lines = parser().format_help().rstrip().splitlines()
    assert len(lines) <= 54
    assert all(line.startswith("  indexer ") for line in lines[-2:])


def _options(verb: str) -> set[str]:
    return {option for action in _verbs()[verb]._actions for option in action.option_strings}


def _documented(verb: str) -> set[str]:
    section = re.split(r"^## ", README.split(f"\n## {verb}\n")[1], flags=re.MULTILINE)[0]
    return set(re.findall(r"`(--[a-z-]+)", section))


def test_every_option_of_ingest_is_documented() -> None:
    """Its table names each option once."""
    assert _documented("ingest") == _options("ingest") - {"-h", "--help", "--data-dir"}


def test_every_option_of_watch_that_ingest_does_not_have_is_documented() -> None:
    """The others mean the same."""
    assert _documented("watch") == _options("watch") - _options("ingest")


def test_every_setting_is_documented_with_its_default() -> None:
    """The table of settings is that of the code."""
    rows = dict(re.findall(rf"^\| `({PREFIX}\w+)` \| ([^|]*?) \|", README, re.MULTILINE))
    assert set(rows) == {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name, declared in Settings.model_fields.items():
        default = declared.get_default(call_default_factory=False)
        if isinstance(default, tuple):
            default = ",".join(default)
        if default is not None and name != "data_dir":
            assert rows[f"{PREFIX}{name.upper()}"] == f"`{default}`"


def test_the_fields_of_a_video_are_documented() -> None:
    """What `ingest --json` prints is named, key by key."""
    for key in Report.__slots__:
        assert re.search(rf"\b{key}\b", README)


def test_the_figures_of_evaluate_are_documented() -> None:
    """The keys of its JSON stand in the README, in their order."""
    keys = []
    for name, group in evaluate([], []).items():
        keys += [name, *(group if isinstance(group, dict) else ())]
    shape = next(block for block in README.split("```") if '"queries", "video"' in block)
    assert re.findall(r'"([^"]+)"', shape) == keys
