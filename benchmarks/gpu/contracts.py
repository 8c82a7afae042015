"""The contract tests that need a GPU, run by pytest."""

import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.gpu.work import Work
from benchmarks.servers import ROOT

FILES = ("tests/contracts/test_vector_index.py", "tests/contracts/test_embedder.py")


def measure(work: Work) -> None:
    """Run them; those that are skipped count as left out.

    Raises:
        ValueError: some failed, or none ran.
    """
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "tests.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *FILES]
        command += ["-k", work.size.tests, f"--junitxml={said}"]
        try:
            done = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, timeout=work.left_s, check=False
            )
        except subprocess.TimeoutExpired:
            work.left_out.append("the contract tests: they did not end in time")
            return
        if not said.exists():
            raise ValueError(f"pytest ended with {done.returncode}: {done.stdout[-300:].strip()}")
        passed, skipped, failed = counted(said.read_text("utf-8"))
    work.figures.update(passed=passed, skipped=skipped, failed=failed)
    if skipped:
        work.left_out.append(f"{skipped} contract tests: they were skipped")
    if failed or not passed:
        raise ValueError(f"{failed} contract tests failed, {passed} passed: {' '.join(command)}")


def counted(report: str) -> tuple[int, int, int]:
    """Return how many tests passed, were skipped and failed, by pytest's file of results."""
    suites = ElementTree.fromstring(report).iter("testsuite")  # noqa: S314  pytest wrote it
    counts = [
        [int(suite.get(name, 0)) for name in ("tests", "skipped", "failures", "errors")]
        for suite in suites
    ]
    tests, skipped, failures, errors = (sum(column) for column in zip(*counts, strict=True))
    return tests - skipped - failures - errors, skipped, failures + errors
