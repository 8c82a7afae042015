"""Which files a `.dockerignore` keeps from the build: cases of Docker's documentation."""

import pytest

from tests.deploy.ignored import Ignored


@pytest.mark.parametrize(
    ("patterns", "path", "expected"),
    [
        pytest.param("*/temp*", "some/temporary.txt", True, id="one folder down"),
        pytest.param("*/temp*", "some/other/temporary.txt", False, id="not two down"),
        pytest.param("*/temp*", "some/temp/dir/file", True, id="what lies in a match"),
        pytest.param("temp?", "tempa", True, id="one character"),
        pytest.param("**/*.go", "a/b/c.go", True, id="any depth"),
        pytest.param("**/*.go", "c.go", True, id="any depth, none"),
        pytest.param("*.md\n!README.md", "README.md", False, id="exception"),
        pytest.param(
            "*.md\n!README*.md\nREADME-secret.md", "README-secret.md", True, id="last wins"
        ),
        pytest.param("*\n!src", "src/a/b.py", False, id="a folder back in"),
        pytest.param("*\n!src\n**/x", "src/a/x/b.py", True, id="out of that again"),
        pytest.param("# *\n", "a", False, id="comment"),
        pytest.param("/a", "a", True, id="leading slash"),
    ],
)
def test_the_last_pattern_that_matches_decides(patterns: str, path: str, expected: bool) -> None:
    """Against the path and every folder above it."""
    assert (path in Ignored(patterns)) is expected
