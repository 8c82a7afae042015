"""The command `clipseek`: one name for the verbs of `indexer`, and for the API's server."""

from pathlib import Path

import pytest

from clipseek.__main__ import main
from indexer.cli import main as indexer
from indexer.cli import parser


def test_help_names_every_verb_on_one_screen(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of `indexer`, and `serve`; no arguments are help, as with `indexer`."""
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    listed = shown.partition("verbs:\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in listed] == ["serve", *parser().verbs]
    assert len(shown.splitlines()) <= 45
    assert main([]) == 0
    assert capsys.readouterr().out == shown


def test_verbs_are_those_of_indexer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They print the same and end with the same code."""
    assert main(["--data-dir", str(tmp_path), "config", "--json"]) == 0
    shown = capsys.readouterr().out
    assert indexer(["--data-dir", str(tmp_path), "config", "--json"]) == 0
    assert capsys.readouterr().out == shown
    assert main(["search", "a car", "--collection", "!"]) == 2


@pytest.mark.parametrize("before", [True, False], ids=["before-the-verb", "behind-it"])
def test_serve_is_the_api(before: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With its options; a data folder may be named on either side of the verb."""
    folder = tmp_path / "video.mp4"
    folder.write_bytes(b"")
    named = ["--data-dir", str(folder)]
    given = [*named, "serve", "--port", "0"] if before else ["serve", "--port", "0", *named]
    assert main(given) == 1
    said = capsys.readouterr().err
    assert said.startswith("api: ")
    assert str(folder) in said
