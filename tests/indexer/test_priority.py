"""The priority of a command: low if it computes for long, so that searches do not wait for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from indexer.cli import main

PROGRAM = """\
import os
from {module} import main
main()
print(os.getpriority(os.PRIO_PROCESS, 0))
"""
LOW = 10


def priority(module: str, *arguments: str) -> int:
    """Run a command in a process of its own; return the priority that it then has."""
    program = PROGRAM.format(module=module)
    command = [sys.executable, "-c", program, *arguments]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return int(said.splitlines()[-1])


@pytest.mark.parametrize("module", ["indexer.cli", "clipseek.__main__"])
def test_a_verb_that_computes_for_long_gives_way(tmp_path: Path, module: str) -> None:
    """Also if the folder comes before it."""
    assert priority(module, "--data-dir", str(tmp_path), "build") >= LOW


def test_other_verbs_do_not(tmp_path: Path) -> None:
    """Somebody waits for a search, also for words that are verbs."""
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert priority("indexer.cli", "--data-dir", str(tmp_path), "search", "build") == own


def test_a_program_that_calls_the_command_keeps_its_priority(tmp_path: Path) -> None:
    """It may have other work."""
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert main(["--data-dir", str(tmp_path), "build"]) == 2
    assert os.getpriority(os.PRIO_PROCESS, 0) == own


def test_cameras_are_between_searches_and_the_backlog(tmp_path: Path) -> None:
    """What happens now is searched before what was filmed long ago."""
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert priority("indexer.cli", "--data-dir", str(tmp_path), "record") == max(5, own)
