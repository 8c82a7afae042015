"""Tests of the second run of tests that failed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.again import verdict

ONCE = """
from pathlib import Path

def test_first_time_only():
    seen = Path("seen")
    first = not seen.exists()
    seen.touch()
    assert not first

def test_never():
    assert {never}
"""


@pytest.mark.parametrize(("never", "code"), [("True", 0), ("False", 1)])
def test_what_fails_twice_fails(tmp_path: Path, never: str, code: int) -> None:
    """A test that passes alone is named; one that fails alone too fails the run."""
    (tmp_path / "test_made_up.py").write_text(ONCE.format(never=never), "utf-8")
    paths = {"PYTHONPATH": str(Path(__file__).parents[2])}
    first = [sys.executable, "-m", "pytest", "-q", "-n", "0"]
    assert subprocess.run(first, cwd=tmp_path, env=paths, capture_output=True).returncode == 1
    again = [sys.executable, "-m", "tests.again"]
    ran = subprocess.run(again, cwd=tmp_path, env=paths, capture_output=True, text=True)
    assert ran.returncode == code
    assert "test_first_time_only" in ran.stdout
    assert ("Please mend them" in ran.stdout) is (code == 0)


def test_many_failures_are_no_chance(tmp_path: Path) -> None:
    """Those of many files are not run again, and neither is a run that was cut off."""
    files = [f"tests/test_{name}.py" for name in "abcde"]
    assert verdict([f"{file}::test_{number}" for file in files[:4] for number in range(9)]) is None
    assert "5 tests of 5 files" in str(verdict([f"{file}::test_one" for file in files]))
    assert "has ended before" in str(verdict([]))
    kept = tmp_path / ".pytest_cache" / "v" / "cache"
    kept.mkdir(parents=True)
    (kept / "lastfailed").write_text(json.dumps({}), "utf-8")
    again = [sys.executable, "-m", "tests.again"]
    paths = {"PYTHONPATH": str(Path(__file__).parents[2])}
    assert subprocess.run(again, cwd=tmp_path, env=paths, capture_output=True).returncode == 1
