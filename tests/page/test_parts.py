"""The pure parts of the page, tested by node, and the types of all of it."""

import subprocess

import pytest

from tests.page.tools import HERE, node, packages

TESTS = sorted(HERE.glob("*.test.js"))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_parts(path: object) -> None:
    """Each file of tests passes under node's own runner."""
    done = subprocess.run(
        [node(), "--test", "--test-reporter=tap", str(path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n# pass 0\n" not in done.stdout


def test_types() -> None:
    """What the comments say about types is true."""
    compiler = packages() / ".bin" / "tsc"
    done = subprocess.run([str(compiler), "-p", str(HERE)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
