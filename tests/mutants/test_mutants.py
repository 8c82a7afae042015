"""`make mutants` over a project of two functions: what its tests notice and what they do not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.__main__ import Reason

SOURCE = """
LIMIT = 3


def larger(one: int, other: int) -> int:
    return one if one > other else other


def is_few(count: int) -> bool:
    return count < LIMIT
"""
TESTS = """
from toy import is_few, larger


def test_larger():
    assert larger(1, 2) == 2
    assert larger(2, 1) == 2


def test_few():
    assert is_few(1)
    assert not is_few(9)
"""
PROJECT = """
[tool.mutmut]
source_paths = ["src"]
also_copy = ["checks"]
pytest_add_cli_args = ["-p", "no:cacheprovider"]
pytest_add_cli_args_test_selection = ["checks"]
process_isolation = "forkserver"

[tool.clipseek-mutants.constants.toy]
names = ["LIMIT"]
tests = ["checks"]
"""
ACCEPTED = """
[[accepted]]
where = "toy.x_larger"
change = "one >= other"
reason = "Of two equal numbers either is the larger."
"""


@pytest.mark.long
def test_what_no_test_notices_is_named(tmp_path: Path) -> None:
    """A limit that no test touches survives, doubled too; a survivor with a reason is accepted."""
    (tmp_path / "src").mkdir()
    (tmp_path / "checks").mkdir()
    (tmp_path / "src" / "toy.py").write_text(SOURCE)
    (tmp_path / "checks" / "test_toy.py").write_text(TESTS)
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "accepted.toml").write_text(ACCEPTED)
    paths = [str(tmp_path / "src"), str(Path(__file__).parents[2])]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.mutants", "--accepted", "accepted.toml"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    line = json.loads(ended.stdout)
    assert line["unexplained"] == ["toy.LIMIT * 2", "toy.x_is_few__mutmut_1"]
    assert line["mutants"] - line["noticed"] == 3


def test_a_reason_speaks_of_its_own_kind() -> None:
    """Both the place and the change have to fit."""
    reason = Reason("ranking", "<= ", "Equal scores cannot be.")
    assert reason.covers("clipseek.ranking.x_merge__mutmut_1", "- a < b\n+ a <= b")
    assert not reason.covers("clipseek.search.x_merge__mutmut_1", "- a < b\n+ a <= b")
    assert not reason.covers("clipseek.ranking.x_merge__mutmut_1", "- a < b\n+ a > b")
