"""The library in a program of somebody else."""

from pathlib import Path

import pytest

from tests.e2e.conftest import Library

ROOT = Path(__file__).parents[2]


def test_a_program_embeds_the_library(library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    """The example of ARCHITECTURE.md runs as it is written."""
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    example = text.split("```python")[1].split("```")[0]
    assert '"clipseek-data"' in example
    assert '"a red car at night"' in example
    example = example.replace('"clipseek-data"', repr(str(library.data_dir)))
    exec(example, {})  # noqa: S102  from the repository
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 3
    assert all(line.startswith("video-") for line in printed)
