"""`make mutants`: change the code in small ways, and see whether a test fails each time.

mutmut (https://mutmut.readthedocs.io) changes the functions of the modules that `[tool.mutmut]` in
pyproject.toml names, and runs those tests that reach the change. It leaves constants alone, so each
constant that decides quality is doubled and halved here. Survivors that no test can tell from the
original, or that are not worth a test, are in `accepted.toml` with the reason.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.scaled import VARIABLE

ACCEPTED = Path(__file__).with_name("accepted.toml")
ENOUGH = 0.85
"""The share of changes that must fail a test."""
NOTICED = frozenset({"killed", "timeout", "segfault", "caught by type check"})
FACTORS = ("2", "0.5")
MUTMUT = str(Path(sys.executable).with_name("mutmut"))


@dataclass(frozen=True)
class Reason:
    """Why survivors of one kind are accepted: `where` and `change` are regular expressions."""

    where: str
    change: str
    reason: str

    def covers(self, name: str, change: str) -> bool:
        """Say whether it speaks of this survivor."""
        return bool(re.search(self.where, name) and re.search(self.change, change))


@dataclass(frozen=True)
class Constant:
    """A constant, times a factor, and the tests that should fail by it."""

    name: str
    factor: str
    tests: tuple[str, ...]

    @property
    def label(self) -> str:
        """Return what is printed of it."""
        return f"{self.name} * {self.factor}"


def read_accepted(path: Path) -> list[Reason]:
    """Read the reasons."""
    return [Reason(**each) for each in tomllib.loads(path.read_text("utf-8"))["accepted"]]


def read_constants(path: Path = Path("pyproject.toml")) -> list[Constant]:
    """Read which constants are pinned by which tests."""
    table = tomllib.loads(path.read_text("utf-8"))["tool"]["clipseek-mutants"]["constants"]
    return [
        Constant(f"{module}.{name}", factor, tuple(tests))
        for module, entry in table.items()
        for tests in [entry["tests"]]
        for name in entry["names"]
        for factor in FACTORS
    ]


def statuses(names: Sequence[str]) -> dict[str, str]:
    """Run mutmut over the mutants whose names match, or over all; return what became of each."""
    subprocess.run([MUTMUT, "run", *names], check=True, stdout=sys.stderr)
    printed = subprocess.run(
        [MUTMUT, "results", "--all", "true"], check=True, capture_output=True, text=True
    ).stdout
    found = (line.strip().partition(": ") for line in printed.splitlines() if ": " in line)
    return {name: status for name, _, status in found if status != "not checked"}


def change_of(name: str) -> str:
    """Return the changed lines of a mutant, as in a diff, without the file's name."""
    diff = subprocess.run([MUTMUT, "show", name], check=True, capture_output=True, text=True)
    lines = diff.stdout.splitlines()
    changed = (line for line in lines if line[:1] in "+-" and line[:3] not in ("---", "+++"))
    return "\n".join(f"{line[0]} {line[1:].strip()}" for line in changed)


def survivors_of(constants: Sequence[Constant]) -> Iterator[str]:
    """Run the tests of each constant, changed, and yield the label of those that nothing failed."""
    for constant in constants:
        print(constant.label, file=sys.stderr)
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-n",
            "0",
            "-p",
            "tests.mutants.scaled",
        ]
        environment = {**os.environ, VARIABLE: f"{constant.name}*{constant.factor}"}
        ended = subprocess.run(
            [*command, *constant.tests], env=environment, stdout=subprocess.DEVNULL, check=False
        )
        if ended.returncode == 0:
            yield constant.label


def main() -> int:
    """Print one JSON line; 1 where too few are noticed or a survivor has no reason."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="mutants, as in clipseek.ranking.*; all without")
    parser.add_argument("--constants", action="store_true", help="only the constants")
    parser.add_argument("--accepted", type=Path, default=ACCEPTED, help="survivors with reasons")
    options = parser.parse_args()
    accepted = read_accepted(options.accepted)
    found = {} if options.constants else statuses(options.names)
    survivors = {name: change_of(name) for name, status in found.items() if status not in NOTICED}
    constants = [] if options.names else read_constants()
    for label in survivors_of(constants):
        survivors[label] = ""
    unexplained = {
        name: change
        for name, change in survivors.items()
        if not any(reason.covers(name, change) for reason in accepted)
    }
    total = len(found) + len(constants)
    share = 1 - len(survivors) / total if total else 0.0
    for name, change in survivors.items():
        mark = "UNEXPLAINED" if name in unexplained else "accepted"
        print(f"{mark} {name}\n{change}", file=sys.stderr)
    line = {"mutants": total, "noticed": total - len(survivors), "share": round(share, 4)}
    print(json.dumps({**line, "unexplained": sorted(unexplained)}))
    return int(share < ENOUGH or bool(unexplained))


if __name__ == "__main__":
    sys.exit(main())
